"""What is written to whoever hands in a policy with a mistake in it: one example of each sentence."""

from enforcement.rules.policy import PolicyRefused, parse_policy
from tests.docs.blocks import table
from tests.docs.knobs import changed

_CHANGES = (
    "territories.supported + CHN",
    "territories.supported + UA-05",
    "territories.excepted + UA",
    "territories.excepted + UA-99",
    "territories.sanctioned + XX",
    "territories.supported + DE",
    "territories.inherits.HK: CN",
    "territories.inherits.GB: JE",
    "territories.supported: []",
    "territories.edge: block",
    "evidence.window: P3M",
    "evidence.window: PT36H",
    "evidence.half_life: 30 days",
    "evidence.kinds.IP: {points: 1, per: day, cap: 30}",
    "evidence.kinds: {}",
    "evidence.kinds.timezone.points: 1_0",
    "evidence.kinds.timezone.points: -1",
    "evidence.kinds.timezone.cap absent",
    "evidence.kinds.timezone.corroborates: yes",
    "evidence.network_factors.vpn: 2",
    "evidence.network_factors.proxy: 0.5",
    "qualifies[0].min_days: 2.5",
    "qualifies[0].min_share: 0",
    "qualifies[0].min_hours: 3",
    "qualifies[1].name: sustained",
    "qualifies[0].name: sanctioned",
    "qualifies + {name: all}",
    "review[0].automation: held",
    "ladder.warn.notice: P0D",
    "ladder.warn.reminders: [P20D]",
    "ladder.warn.reminders: [P7D, P7D]",
    "ladder.deadline.step: terminate",
    "ladder.suspension.step: suspend",
    "ladder.cure: soon",
    "ladder absent",
    "reference_url: example.com/list",
    "name: ''",
)
_TEXTS = (
    ("name: one\nname: two", "a key that stands twice"),
    ("name: [", "brackets that are not closed"),
    ("name: &anchor one", "an anchor"),
    ("name: !!str one", "a tag"),
    ("one\n---\ntwo", "two documents in one file"),
    ("- format: 1", "a list in place of the document"),
)


def draw(_: str) -> str:
    """Each mistake in the recommended policy, or in a text of its own, and what is answered."""
    rows = [(f"`{change}`", said) for change in _CHANGES for said in (_said(changed(change)[0]),)]
    rows += [(words, _said(text, only=1)) for text, words in _TEXTS]
    return table(("what was written", "what it says"), rows)


def _said(text: str, only: int | None = None) -> str:
    try:
        parse_policy(text)
    except PolicyRefused as refused:
        return "<br>".join(f"`{each!s}`" for each in refused.errors[:only]).replace("|", "\\|")
    raise AssertionError(f"not refused: {text[:80]}")
