"""Nothing gets worse early: the notice, the stops, the dates that were told, and the brake."""

from datetime import datetime, timedelta

from django.db import connection

from enforcement.models import PolicyVersion
from enforcement.rules.transitions import NEEDS_NOTICE
from enforcement.services.invariants.query import Invariant, Rows, invariant

_STEPS = ", ".join(f"'{step}'" for step in sorted(NEEDS_NOTICE))
# Applied steps that need a notice, with what they say they rest on.
_WORSE = f"""
SELECT decision.*, held.reference, held.account_id, held.policy_id AS pinned
  FROM enforcement_decision AS decision JOIN enforcement_case AS held ON held.id = decision.case_id
 WHERE decision.status = 'applied' AND decision.step IN ({_STEPS}) AND decision.settled_at >= %(since)s
"""
_BEFORE_DEADLINE = f"""
SELECT reference, step, settled_at, due_at FROM ({_WORSE}) AS worse WHERE due_at IS NULL OR settled_at < due_at
"""
# The memo must announce the state that the step left, and be the account's own.
_WITHOUT_NOTICE = f"""
SELECT worse.reference, worse.step, worse.settled_at, worse.notice
  FROM ({_WORSE}) AS worse
  JOIN enforcement_policyversion AS policy ON policy.id = worse.policy_id
 WHERE worse.notice IS NULL
    OR worse.notice < CASE worse.from_state WHEN 'warned' THEN policy.notice
                           WHEN 'restricted' THEN policy.restriction_after ELSE policy.suspension_after END
    OR NOT EXISTS (
        SELECT FROM enforcement_memo AS memo
          JOIN enforcement_decision AS announced ON announced.id = memo.decision_id
          JOIN enforcement_memocopy AS copy ON copy.memo_id = memo.id
          JOIN notifications_message AS message ON message.id = copy.message_id
         WHERE memo.id = worse.rests_on_id AND memo.case_id = worse.case_id AND memo.before_due IS NULL
           AND announced.case_version < worse.case_version AND announced.status = 'applied'
           AND message.accepted_at <= worse.settled_at - worse.notice
           AND (message.bounced_at IS NULL OR message.bounced_at >= worse.settled_at))
"""
# Whoever waited for the lock comes after: a stop of the very moment of a step began behind it.
_DURING_A_STOP = f"""
SELECT worse.reference, worse.step, worse.settled_at, stop.kind, stop.started_at, stop.ended_at
  FROM ({_WORSE}) AS worse JOIN enforcement_stop AS stop ON stop.case_id = worse.case_id
 WHERE stop.kind <> 'approval' AND stop.started_at < worse.settled_at
   AND (stop.ended_at IS NULL OR stop.ended_at > worse.settled_at)
 UNION ALL
SELECT worse.reference, worse.step, worse.settled_at, 'open appeal', appeal.filed_at, appeal.decided_at
  FROM ({_WORSE}) AS worse JOIN enforcement_appeal AS appeal ON appeal.case_id = worse.case_id
 WHERE appeal.suspensive AND appeal.filed_at < worse.settled_at
   AND (appeal.decided_at IS NULL OR appeal.decided_at > worse.settled_at)
"""
# What was told, and what somebody promised beyond it, of the state that the step left.
_BEFORE_A_TOLD_DATE = f"""
SELECT worse.reference, worse.step, worse.settled_at, memo.told_due_at AS promised
  FROM ({_WORSE}) AS worse JOIN enforcement_memo AS memo ON memo.id = worse.rests_on_id
 WHERE worse.settled_at < memo.told_due_at
 UNION ALL
SELECT worse.reference, worse.step, worse.settled_at, extension.due_at
  FROM ({_WORSE}) AS worse JOIN enforcement_extension AS extension ON extension.case_id = worse.case_id
 WHERE extension.extended_at <= worse.settled_at AND extension.case_version < worse.case_version
   AND extension.case_version >= worse.case_version - 1 AND worse.settled_at < extension.due_at
 UNION ALL
SELECT held.reference, held.state, held.due_at, memo.told_due_at
  FROM enforcement_case AS held
  JOIN LATERAL (SELECT told_due_at FROM enforcement_memo WHERE case_id = held.id AND before_due IS NULL
                 ORDER BY id DESC LIMIT 1) AS memo ON held.due_at < memo.told_due_at
 WHERE held.state IN ('warned', 'restricted', 'suspended')
"""
_UNDER_THE_BRAKE = f"""
SELECT worse.reference, worse.step, worse.settled_at, pull.pulled_at, pull.released_at
  FROM ({_WORSE}) AS worse
  JOIN enforcement_brakepull AS pull ON pull.what = 'enforcement' AND pull.pulled_at < worse.settled_at
   AND (pull.released_at IS NULL OR pull.released_at > worse.settled_at)
"""
_STEPS_WITHIN_AN_HOUR = f"""
SELECT settled_at, steps FROM (
    SELECT settled_at, count(*) OVER (ORDER BY settled_at RANGE BETWEEN '59 minutes 59.999999 seconds' PRECEDING
                                                                    AND CURRENT ROW) AS steps
      FROM enforcement_decision
     WHERE status = 'applied' AND people = 0 AND step IN ({_STEPS})
       AND settled_at >= %(since)s::timestamptz - interval '1 hour'
) AS hours WHERE steps > %(least)s AND settled_at >= %(since)s
"""


def _braked_or_over_budget(now: datetime, since: datetime, most: int) -> Rows:
    return (_UNBRAKED.find(now, since, most) + _over_budget(since))[:most]


def _over_budget(since: datetime) -> Rows:
    """Automatic steps of which more lie within an hour than any version allowed that was in force in it."""
    limits = [
        (each.activated_at, each.retired_at, each.rules.safety.max_steps_per_hour)
        for each in PolicyVersion.objects.exclude(activated_at=None)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STEPS_WITHIN_AN_HOUR, {"since": since, "least": min((most for *_, most in limits), default=0)})
        return [
            {"settled_at": at, "steps": steps}
            for at, steps in cursor.fetchall()
            if steps > _limit(limits, at - timedelta(hours=1), at)
        ]


def _limit(limits: list[tuple[datetime | None, datetime | None, int]], start: datetime, end: datetime) -> int:
    """A version put into force again has lost the time of its retirement: then it counts from its activation."""
    return max(
        (most for since, until, most in limits if since and since <= end and (until is None or until > start)),
        default=0,
    )


_BRAKE = "While the brake is pulled nothing gets worse, and never more within an hour than the policy allows."
_UNBRAKED = invariant("I23", _BRAKE, _UNDER_THE_BRAKE)

INVARIANTS = (
    invariant("I1", "Nothing is restricted, suspended or blocked before its deadline.", _BEFORE_DEADLINE),
    invariant("I2", "Every such step rests on a memo that was accepted its notice before.", _WITHOUT_NOTICE),
    invariant("I3", "Nothing gets worse while an appeal is open or the clock is stopped.", _DURING_A_STOP),
    invariant("I4", "A date that was told never comes earlier.", _BEFORE_A_TOLD_DATE),
    Invariant("I23", _BRAKE, _braked_or_over_budget),
)
