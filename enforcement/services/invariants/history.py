"""The history of a case is whole: arrows of the table only, one decision a version, nothing told to nobody."""

from enforcement.rules.transitions import TRANSITIONS, Effect
from enforcement.services.invariants.query import invariant

_ARROWS = ", ".join(
    f"('{each.source}', '{each.step}', '{each.target}', {Effect.SEND_MEMO in each.effects})" for each in TRANSITIONS
)
_TABLE = f"(VALUES {_ARROWS}) AS arrow (source, step, target, tells)"

# Each applied decision beside the one before it: the first leaves a case that is open.
_OFF_THE_TABLE = f"""
SELECT held.reference, taken.case_version, taken.left_from, taken.from_state, taken.step
  FROM (SELECT decision.*, coalesce(lag(arrow.target) OVER by_version, 'open') AS left_from, arrow.target,
               lead(decision.id) OVER by_version IS NULL AS newest
          FROM enforcement_decision AS decision
          LEFT JOIN {_TABLE} ON arrow.source = decision.from_state AND arrow.step = decision.step
         WHERE decision.status = 'applied'
           AND decision.case_id IN (SELECT case_id FROM enforcement_decision WHERE settled_at >= %(since)s)
        WINDOW by_version AS (PARTITION BY decision.case_id ORDER BY decision.case_version)) AS taken
  JOIN enforcement_case AS held ON held.id = taken.case_id
 WHERE taken.target IS NULL OR taken.from_state <> taken.left_from OR taken.newest AND held.state <> taken.target
"""
_GAPS = """
SELECT held.reference, held.version, count(decision.id) AS decisions, max(decision.case_version) AS newest
  FROM enforcement_case AS held
  LEFT JOIN enforcement_decision AS decision ON decision.case_id = held.id AND decision.status = 'applied'
 WHERE held.opened_at >= %(since)s
    OR held.id IN (SELECT case_id FROM enforcement_decision WHERE settled_at >= %(since)s)
 GROUP BY held.id
HAVING held.version <> count(decision.id) OR held.version <> coalesce(max(decision.case_version), 0)
"""
# Who never heard of a case hears nothing of its end; of everything that changes what is refused, everybody does. Where
# counsel keeps a restriction back, its end is told with it.
_UNTOLD = f"""
SELECT held.reference, decision.step, decision.settled_at
  FROM enforcement_decision AS decision
  JOIN enforcement_case AS held ON held.id = decision.case_id
  JOIN {_TABLE} ON arrow.source = decision.from_state AND arrow.step = decision.step
 WHERE decision.status = 'applied' AND decision.settled_at >= %(since)s AND arrow.tells
   AND (arrow.target <> 'closed' OR EXISTS (
           SELECT FROM enforcement_memo AS memo JOIN enforcement_memocopy AS copy ON copy.memo_id = memo.id
             JOIN notifications_message AS message ON message.id = copy.message_id
            WHERE memo.case_id = held.id AND message.accepted_at < decision.settled_at))
   AND NOT EXISTS (SELECT FROM enforcement_memo AS memo
                    WHERE memo.decision_id = decision.id AND memo.before_due IS NULL)
   AND NOT (arrow.target = 'closed' AND EXISTS (
           SELECT FROM enforcement_decision AS secret JOIN enforcement_memo AS later ON later.decision_id = secret.id
            WHERE secret.case_id = held.id AND secret.step = 'restrict_now' AND secret.status = 'applied'
              AND (secret.gagged OR secret.told_from IS NOT NULL) AND later.cancelled_at IS NULL
              AND (later.rendered_at IS NULL OR later.rendered_at >= decision.settled_at)))
"""
_TWO_OPEN = """
SELECT account_id, array_agg(reference) AS cases FROM enforcement_case
 WHERE state <> 'closed' GROUP BY account_id HAVING count(*) > 1
"""

INVARIANTS = (
    invariant("I11", "An account has at most one open case.", _TWO_OPEN),
    invariant("I12", "A case moves along the arrows of the table only.", _OFF_THE_TABLE),
    invariant("I13", "The versions of a case have no gap, and one decision each.", _GAPS),
    invariant("I14", "Whoever is told of a step has a memo of it, written in its transaction.", _UNTOLD),
)
