"""Who signed: different human beings, each in a role that could."""

from enforcement.rules.transitions import NEEDS_NOTICE
from enforcement.services.invariants.query import invariant

_STEPS = ", ".join(f"'{step}'" for step in sorted(NEEDS_NOTICE))
_SIGNED = """
SELECT 'decision' AS what, id, people AS wanted, ARRAY[proposed_by_id, approved_by_id, seconded_by_id] AS logins
  FROM enforcement_decision WHERE status = 'applied' AND settled_at >= %(since)s
 UNION ALL
SELECT 'policy version', id, 2, ARRAY[proposed_by_id, approved_by_id]
  FROM enforcement_policyversion WHERE activated_at >= %(since)s
 UNION ALL
SELECT 'release of the brake', id, 2, ARRAY[release_proposed_by_id, release_approved_by_id]
  FROM enforcement_brakepull WHERE released_at >= %(since)s
 UNION ALL
SELECT 'end of a stop', id, 2, ARRAY[end_proposed_by_id, end_approved_by_id]
  FROM enforcement_stop WHERE ended_at >= %(since)s AND end_approved_by_id IS NOT NULL
 UNION ALL
SELECT 'end of an exemption', id, 2, ARRAY[end_proposed_by_id, end_approved_by_id]
  FROM enforcement_exemption WHERE ended_at >= %(since)s
"""
# Two logins of one human being are one person.
_TOO_FEW = f"""
SELECT what, id, wanted, persons FROM (
    SELECT signed.what, signed.id, signed.wanted, count(DISTINCT enforcement_person(login)) AS persons,
           count(login) AS signatures
      FROM ({_SIGNED}) AS signed LEFT JOIN LATERAL unnest(signed.logins) AS login ON TRUE
     GROUP BY signed.what, signed.id, signed.wanted
) AS counted WHERE persons < wanted OR persons < signatures
"""
_WITHOUT_THE_ROLE = f"""
SELECT held.reference, decision.step, decision.proposed_as, concat_ws(' ', decision.approved_as, decision.seconded_as)
  FROM enforcement_decision AS decision JOIN enforcement_case AS held ON held.id = decision.case_id
 WHERE decision.status = 'applied' AND decision.settled_at >= %(since)s
   AND (decision.step IN ({_STEPS}) AND decision.proposed_by_id IS NOT NULL
        AND 'lead' NOT IN (decision.approved_as, decision.seconded_as)
     OR decision.step = 'restrict_now'
        AND 'counsel' NOT IN (decision.proposed_as, decision.approved_as, decision.seconded_as))
"""

_BROKEN = f"""
SELECT what, id::text, wanted::text, persons::text FROM ({_TOO_FEW}) AS few UNION ALL {_WITHOUT_THE_ROLE}
"""
_ENOUGH = "What takes two people was signed by two human beings who could, at that time."

INVARIANTS = (invariant("I22", _ENOUGH, _BROKEN),)
