"""Nothing that is due is forgotten. Late is allowed and early is not, so these pull no brake."""

from enforcement.services.invariants.query import invariant

# Two minutes for a decision, fifteen for a mail: the targets of docs/reliability.md.
_UNDECIDED = """
SELECT reference, state, due_at, look_at, attempts
  FROM enforcement_case AS held
 WHERE held.look_at < %(now)s::timestamptz - interval '2 minutes' AND held.accepted_at IS NOT NULL
   AND held.state <> 'closed' AND held.remaining IS NULL
   AND NOT EXISTS (SELECT FROM enforcement_brake WHERE what = 'enforcement' AND pulled_at IS NOT NULL)
"""
_UNSENT = """
SELECT memo.id, memo.kind, memo.render_at AS since
  FROM enforcement_memo AS memo
 WHERE memo.rendered_at IS NULL AND memo.cancelled_at IS NULL
   AND memo.render_at < %(now)s::timestamptz - interval '15 minutes'
   AND NOT EXISTS (SELECT FROM enforcement_brake WHERE what = 'mail' AND pulled_at IS NOT NULL)
 UNION ALL
SELECT message.id, message.state, message.next_attempt_at
  FROM notifications_message AS message
 WHERE message.state = 'queued' AND message.next_attempt_at < %(now)s::timestamptz - interval '15 minutes'
   AND NOT EXISTS (SELECT FROM enforcement_brake WHERE what = 'mail' AND pulled_at IS NOT NULL)
"""

INVARIANTS = (
    invariant("I15", "What is due is decided within two minutes.", _UNDECIDED, is_late=True),
    invariant("I14", "What is queued is sent, or a person sees why not.", _UNSENT, is_late=True),
)
