"""What is refused is what was decided, and what runs was told."""

from enforcement.services.invariants.query import invariant

# A clock runs only on a memo that somebody holds: one that came back, or that nobody took, stops it for a person.
_RUNS_UNTOLD = """
SELECT held.reference, held.state, held.due_at
  FROM enforcement_case AS held
  JOIN LATERAL (SELECT id FROM enforcement_memo WHERE case_id = held.id AND before_due IS NULL
                 ORDER BY id DESC LIMIT 1) AS memo ON TRUE
 WHERE held.due_at IS NOT NULL AND held.remaining IS NULL AND held.state <> 'closed'
   AND NOT EXISTS (SELECT FROM enforcement_memocopy AS copy
                     JOIN notifications_message AS message ON message.id = copy.message_id
                    WHERE copy.memo_id = memo.id AND message.accepted_at IS NOT NULL AND message.bounced_at IS NULL)
"""
_ACCEPTED_TWICE = """
SELECT copy.memo_id, lower(message.recipient) AS recipient, count(*) AS accepted
  FROM enforcement_memocopy AS copy JOIN notifications_message AS message ON message.id = copy.message_id
 WHERE message.accepted_at >= %(since)s AND message.bounced_at IS NULL
 GROUP BY copy.memo_id, lower(message.recipient) HAVING count(*) > 1
"""
_REFUSED_OTHERWISE = """
SELECT held.reference, held.state, held.narrowed_at, scopes
  FROM enforcement_case AS held
  LEFT JOIN LATERAL (SELECT array_agg(DISTINCT scope::text) AS scopes FROM enforcement_restriction
                      WHERE case_id = held.id AND lifted_at IS NULL) AS standing ON TRUE
 WHERE (held.state <> 'closed' OR held.closed_at >= %(since)s)
   AND CASE WHEN held.state IN ('suspended', 'blocked') AND held.narrowed_at IS NULL
              THEN scopes IS DISTINCT FROM ARRAY['account']
            WHEN held.state IN ('restricted', 'suspended', 'blocked')
              THEN scopes IS NULL OR 'account' = ANY(scopes)
            ELSE scopes IS NOT NULL END
"""

INVARIANTS = (
    invariant("I16", "A memo that nobody holds never lets a clock run.", _RUNS_UNTOLD),
    invariant("I17", "One copy of a memo is accepted for a contact, once.", _ACCEPTED_TWICE),
    invariant("I20", "What is refused is what the state says, and nothing after the close.", _REFUSED_OTHERWISE),
)
