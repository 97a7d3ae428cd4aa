"""What turning a knob of the recommended policy does to the standing cast.

The name of a block says which: `path: value`, `path + member`, `path - member` or `path absent`, several with `; `.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from enforcement.rules import deadlines
from enforcement.rules.policy import Policy, parse_policy
from enforcement.rules.policy_document import read_document
from enforcement.services.territory_names import territory_name
from examples.personas import Persona
from tests.docs.blocks import table
from tests.docs.futures import CAST, DAY, NOW, fate

ROOT = Path(__file__).parents[2]
RECOMMENDED = ROOT / "examples" / "policies" / "recommended.yaml"

_CHANGE = re.compile(r"(?P<path>[\w.\[\]]+)(?:: (?P<value>.+)| \+ (?P<more>.+)| - (?P<less>.+)| (?P<absent>absent))")
_STEP = re.compile(r"[a-zA-Z_]+|\[\d+\]")
_ABSENT = object()


def changed(changes: str) -> tuple[str, str]:
    """The recommended document with the changes made, and words that name them."""
    tree: Any = read_document(RECOMMENDED.read_text(encoding="utf-8"))[0]
    said = " and ".join(_change(tree, each) for each in changes.split("; "))
    return json.dumps(tree), said if "without" in said else said.replace(" and with ", " and ")


def _change(tree: Any, change: str) -> str:
    asked = _CHANGE.fullmatch(change)
    assert asked, f"{change!r} is no change"
    *way, last = _STEP.findall(asked["path"])
    place = tree
    for step in way:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[int(step[1:-1])]
    named, where = _place(asked["path"], tree)
    if asked["absent"]:
        del place[last]
        return f"without `{named}`{where}"
    if asked["more"]:
        place[last].append(_read(asked["more"]))
        return f"with `{asked['more']}` added to `{named}`"
    if asked["less"]:
        place[last].remove(asked["less"])
        return f"with `{asked['less']}` taken out of `{named}`"
    instead = f" instead of `{_words(place[last])}`" if last in place else ""
    place[last] = _read(asked["value"])
    return f"with `{named}: {asked['value']}`{where}{instead}"


def _read(written: str) -> Any:
    tree: Any = read_document(f"value: {written}")[0]
    return tree["value"]


def _place(path: str, tree: Any) -> tuple[str, str]:
    """The path as people say it: what stands in a rule, by the rule's name."""
    rule = re.fullmatch(r"(qualifies|review)\[(\d+)\]\.(\w+)", path)
    return (rule[3], f" in rule `{tree[rule[1]][int(rule[2])]['name']}`") if rule else (path, "")


def _words(value: Any) -> str:
    return json.dumps(value).replace('"', "") if isinstance(value, dict | list) else str(value)


@cache
def _fates(document: str) -> dict[str, str]:
    policy = parse_policy(document)
    return {each.number: fate(each, policy) for each in CAST}


def recommended() -> Policy:
    return parse_policy(RECOMMENDED.read_text(encoding="utf-8"))


# -- drawing -------------------------------------------------------------------------------------------------


def draw_cast(_: str) -> str:
    """Everybody under the recommended policy."""
    fates = _fates(RECOMMENDED.read_text(encoding="utf-8"))
    return table(
        ("#", "who", "what becomes of them"),
        [(each.number, _who(each), fates[each.number]) for each in CAST],
    )


def _who(persona: Persona) -> str:
    return persona.who.partition(", account ")[0]


def draw_knob(changes: str) -> str:
    """Who fares otherwise once the recommended policy is changed so."""
    document, said = changed(changes)
    before, after = _fates(RECOMMENDED.read_text(encoding="utf-8")), _fates(document)
    rows = [
        (each.number, _who(each), *_difference(before[each.number], after[each.number]))
        for each in CAST
        if before[each.number] != after[each.number]
    ]
    sentence = said[0].upper() + said[1:]
    if not rows:
        return f"\n{sentence}: nobody of the cast fares otherwise.\n"
    return f"\n{sentence}:\n" + table(("#", "who", "recommended", "with this"), rows)


def _difference(one: str, other: str) -> tuple[str, str]:
    """The outcomes where these differ; else those futures that do, from the first step that is another."""
    (first, _, then), (second, _, later) = one.partition("; "), other.partition("; ")
    if first != second:
        return first, second
    pairs = [(a, b) for a, b in zip(then.split("; "), later.split("; "), strict=True) if a != b]
    cut = [_without_common_steps(a, b) for a, b in pairs]
    return "; ".join(a for a, _ in cut), "; ".join(b for _, b in cut)


def _without_common_steps(one: str, other: str) -> tuple[str, str]:
    when, colon, _ = one.rpartition(": ")
    steps, others = (each.rpartition(": ")[2].split(", ") for each in (one, other))
    while steps and others and steps[0] == others[0]:
        del steps[0], others[0]
    while steps and others and steps[-1] == others[-1]:
        del steps[-1], others[-1]
    told, also = (", ".join(each) or "nothing further" for each in (steps, others))
    return f"{when}{colon}{told}", f"{when}{colon}{also}"


def draw_appeal(changes: str) -> str:
    """To which day an appeal moves a deadline, under the recommended policy and with the changes."""
    document, said = changed(changes)
    before, after = recommended(), parse_policy(document)
    rows = [
        (str(filed), str(decided), *(f"day {_resumed(policy, filed, decided)}" for policy in (before, after)))
        for filed, decided in ((3, 10), (10, 20), (14, 28))
    ]
    head = ("appeal filed on day", "upheld on day", "deadline, as recommended", "with this")
    return f"\n{said[0].upper()}{said[1:]}:\n" + table(head, rows)


def _resumed(policy: Policy, filed: int, decided: int) -> int:
    notice = policy.ladder.warn.notice
    left = deadlines.remaining(NOW + notice, NOW + filed * DAY)
    return (deadlines.resumed(NOW + decided * DAY, left, policy.appeals.minimum_remaining) - NOW) // DAY


def draw_lists(_: str) -> str:
    """What the published lists of 2023 and 2024 differ in."""
    old, new = (_supported(year) for year in (2023, 2024))
    added, gone = sorted(new - old), sorted(old - new)
    head = f"{len(old)} countries in 2023, {len(new)} in 2024. Added: {', '.join(map(_named, added))}."
    return f"\n{head} Taken out: {', '.join(map(_named, gone)) or 'none'}.\n"


def _supported(year: int) -> frozenset[str]:
    path = ROOT / "examples" / "policies" / f"supported-territories-{year}.yaml"
    return parse_policy(path.read_text(encoding="utf-8")).territories.supported


def _named(code: str) -> str:
    return f"{territory_name(code, 'en')} (`{code}`)"
