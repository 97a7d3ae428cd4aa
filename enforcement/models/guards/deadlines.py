"""A deadline that was told never comes nearer, and the rules that a case was told of stay its rules."""

import pgtrigger

from enforcement.rules.transitions import State
from guards.guard import AskingGuard, RowGuard, Rule

# What the pinned version promises before the step that follows the state; null where nothing follows.
RUNG = (
    f"CASE {{state}} WHEN '{State.WARNED}' THEN policy.notice WHEN '{State.RESTRICTED}' THEN policy.restriction_after"
    f" WHEN '{State.SUSPENDED}' THEN policy.suspension_after END"
)

_SAME = "OLD.state = NEW.state AND"

LATER_ONLY = RowGuard(
    "deadline",
    pgtrigger.Update,
    [
        Rule(f"{_SAME} OLD.due_at IS NOT NULL AND NEW.due_at IS NULL", "a deadline stays while the state does"),
        Rule(f"{_SAME} NEW.due_at < OLD.due_at", "a deadline never comes earlier"),
        Rule(
            f"{_SAME} OLD.accepted_at IS NOT NULL AND NEW.accepted_at IS NULL",
            "an acceptance stays while the state does",
        ),
        Rule(
            f"{_SAME} (NEW.notice < OLD.notice OR OLD.notice IS NOT NULL AND NEW.notice IS NULL)",
            "a notice never becomes shorter",
        ),
        Rule(
            "(OLD.due_at, OLD.notice) IS DISTINCT FROM (NEW.due_at, NEW.notice)"
            " AND (NEW.due_at IS NULL) <> (NEW.notice IS NULL)",
            "a deadline and its notice come together",
        ),
        Rule(
            "OLD.state <> 'open' AND NEW.policy_id <> OLD.policy_id",
            "the policy changes while the case is open only",
        ),
    ],
)
PROMISED = AskingGuard(
    "promised",
    pgtrigger.Update,
    [
        Rule(
            f"policy.id IS NULL OR NEW.notice < {RUNG.format(state='NEW.state')}",
            "the notice is shorter than the policy promises",
        ),
        Rule(
            f"NEW.state = '{State.WARNED}' AND NEW.notice < account.min_notice",
            "the notice is shorter than the account's contract promises",
        ),
    ],
    condition="NEW.notice IS NOT NULL AND NEW.notice IS DISTINCT FROM OLD.notice",
    source="""
      FROM enforcement_account AS account
      LEFT JOIN enforcement_policyversion AS policy ON policy.id = NEW.policy_id
     WHERE account.id = NEW.account_id
    """,
)
LATER_END = RowGuard(
    "until",
    pgtrigger.Update,
    [
        Rule(
            "NEW.until < OLD.until OR OLD.until IS NULL AND NEW.until IS NOT NULL",
            "the end that a stop has by itself never comes earlier",
        )
    ],
)
