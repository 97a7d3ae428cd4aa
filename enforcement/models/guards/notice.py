"""Nothing gets worse before its notice has run, while anything stops the clock, or under a pulled brake."""

import pgtrigger

from enforcement.models.guards.deadlines import RUNG
from enforcement.models.guards.transitions import BECOMES_APPLIED, NEW_ROW, target_of
from enforcement.rules.transitions import NEEDS_NOTICE, Step
from guards.guard import NOW, AskingGuard, BatchGuard, Rule, listed

_WORSE = f"taken.status = 'applied' AND taken.step IN ({listed(sorted(NEEDS_NOTICE))})"
_BRAKED = f"taken.status = 'applied' AND taken.step IN ({listed(sorted(NEEDS_NOTICE | {Step.WARN}))})"

_ACCEPTED = f"""
EXISTS (SELECT FROM enforcement_memocopy AS copy JOIN notifications_message AS message ON message.id = copy.message_id
         WHERE copy.memo_id = taken.rests_on_id AND message.bounced_at IS NULL
           AND message.accepted_at + taken.notice <= {NOW})
"""
# Where a stop ends the deadline is set on from there: whoever only ends one, to get past, is found out too. The two
# that wait for a mail server set nothing on; the acceptance speaks for itself.
_STOPPED = """
EXISTS (SELECT FROM enforcement_stop AS stop WHERE stop.case_id = taken.case_id AND stop.kind <> 'approval'
           AND (stop.ended_at IS NULL OR stop.kind NOT IN ('bounce', 'unreachable')
                AND stop.ended_at >= taken.settled_at AND stop.ended_at > held.due_at))
"""
_APPEALED = """
EXISTS (SELECT FROM enforcement_appeal AS appeal
         WHERE appeal.case_id = taken.case_id AND appeal.status = 'open' AND appeal.suspensive)
"""
_NOTICE = [
    Rule(
        f"{target_of('announced')} IS DISTINCT FROM held.state",
        "it rests on no memo that announced the state of its case",
    ),
    Rule(
        "held.due_at IS NULL OR (taken.due_at, taken.notice) IS DISTINCT FROM (held.due_at, held.notice)",
        "it does not carry the deadline and the notice of its case",
    ),
    Rule(f"held.due_at > {NOW}", "its deadline has not come"),
    Rule(
        f"(taken.notice >= {RUNG.format(state='held.state')}) IS NOT TRUE",
        "its notice is shorter than the policy promises",
    ),
    Rule(f"NOT {_ACCEPTED}", "no mail server accepted its memo a notice ago, or it came back"),
    Rule(_STOPPED, "something stops the clock"),
    Rule("taken.people = 0 AND held.remaining IS NOT NULL", "the clock has not gone on since it was stopped"),
    Rule(_APPEALED, "an appeal is open"),
]
_RESTS_ON = """
  JOIN enforcement_case AS held ON held.id = taken.case_id
  JOIN enforcement_policyversion AS policy ON policy.id = held.policy_id
  LEFT JOIN enforcement_memo AS memo
         ON memo.id = taken.rests_on_id AND memo.case_id = taken.case_id AND memo.before_due IS NULL
  LEFT JOIN enforcement_decision AS announced ON announced.id = memo.decision_id AND announced.status = 'applied'
"""
_BRAKE = [
    Rule(
        "EXISTS (SELECT FROM enforcement_brake WHERE what = 'enforcement' AND pulled_at IS NOT NULL)",
        "the brake is pulled",
    )
]

NOTICE_OVER = (
    BatchGuard("notice", _NOTICE, source=f"FROM taken {_RESTS_ON} WHERE {_WORSE}"),
    AskingGuard(
        "noticed",
        pgtrigger.Update,
        _NOTICE,
        condition=BECOMES_APPLIED,
        source=f"FROM {NEW_ROW} {_RESTS_ON} WHERE {_WORSE}",
    ),
)
BRAKE_HEEDED = (
    BatchGuard("brake", _BRAKE, source=f"FROM taken WHERE {_BRAKED}"),
    AskingGuard(
        "braked",
        pgtrigger.Update,
        _BRAKE,
        condition=BECOMES_APPLIED,
        source=f"FROM {NEW_ROW} WHERE {_BRAKED}",
    ),
)
BRAKE_RELEASED = AskingGuard(
    "released",
    pgtrigger.Update,
    [
        Rule(
            "EXISTS (SELECT FROM enforcement_brakepull WHERE what = NEW.what AND released_at IS NULL)",
            "two people release it first",
        )
    ],
    condition="OLD.pulled_at IS NOT NULL AND NEW.pulled_at IS DISTINCT FROM OLD.pulled_at",
)
