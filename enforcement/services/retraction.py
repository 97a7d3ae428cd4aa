"""Evidence taken back by its detector: it counts nowhere any more, and what rested on it goes with it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import OperationalError, connection

from enforcement.models import Brake, Case, Client, Decision, Evidence, PolicyVersion, Retraction, Stop
from enforcement.rules.transitions import State, Step
from enforcement.services import assessment, cases, clock, hindsight, stops, switches
from enforcement.services.cases import Order
from enforcement.services.locks import lock_accounts
from enforcement.services.transactions import atomic_and_again
from faultpoints import faultpoint, port

MAX_IDS = 1000

_KEY = "account_id, day, detector_id, kind, network_class, country, subdivision, credential, source, refused"
_TOUCHED = f"""
SELECT DISTINCT {_KEY}
  FROM (SELECT *, (observed_at AT TIME ZONE 'UTC')::date AS day FROM enforcement_evidence) AS seen
 WHERE retraction_id = %(retraction)s
"""
# In the order in which intake writes them. Intake takes no account's lock: who holds a tally is waited for, and what it
# added is seen by the statement that follows.
_LOCK = f"""
SELECT id FROM enforcement_daytally AS tally JOIN ({_TOUCHED}) AS touched USING ({_KEY})
 ORDER BY {_KEY} FOR UPDATE OF tally
"""
_TALLY_AGAIN = f"""
WITH touched AS ({_TOUCHED}), days AS (SELECT DISTINCT account_id, detector_id, day FROM touched), kept AS (
    SELECT {_KEY}, count(*) AS items, sum(requests) AS requests, sum(confidence) AS weighted_items,
           sum(confidence * requests) AS weighted_requests, max(confidence) AS confidence, min(observed_at) AS first_at,
           max(coalesce(observed_until, observed_at)) AS last_at
      FROM days JOIN enforcement_evidence AS seen USING (account_id, detector_id)
     WHERE retracted_at IS NULL AND observed_at >= day::timestamp AT TIME ZONE 'UTC'
       AND observed_at < (day + 1)::timestamp AT TIME ZONE 'UTC'
     GROUP BY {_KEY}
), lessened AS (
    UPDATE enforcement_daytally AS tally
       SET items = kept.items, requests = kept.requests, weighted_items = kept.weighted_items,
           weighted_requests = kept.weighted_requests, confidence = kept.confidence, first_at = kept.first_at,
           last_at = kept.last_at
      FROM touched JOIN kept USING ({_KEY}) WHERE {{same}}
)
DELETE FROM enforcement_daytally AS tally USING touched LEFT JOIN kept USING ({_KEY})
 WHERE {{same}} AND kept.items IS NULL
""".format(same=" AND ".join(f"tally.{name} = touched.{name}" for name in _KEY.split(", ")))


class RetractionRefused(Exception):
    """What was asked for does not go; names the field and the reason. Nothing was written."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


@port("retract.commit", OperationalError)
@atomic_and_again
def retract(*, detector: Client, external_ids: Collection[str], reason: str, now: datetime) -> Retraction:
    """Withdraw up to MAX_IDS pieces of a detector's own evidence, and whatever was decided on them.

    `external_ids` are the detector's; one that it never sent, or has withdrawn before, changes nothing, and
    `retraction.evidence` holds what was withdrawn now. The ids stay taken for ever. Raises RetractionRefused.
    """
    if not reason.strip():
        raise RetractionRefused("reason", "Say why: it is kept with what is withdrawn.")
    if len(external_ids) > MAX_IDS:
        raise RetractionRefused("ids", f"At most {MAX_IDS:,} at a time.")
    switches.share(Brake.What.ENFORCEMENT)  # before any account: warnings may follow
    known = Evidence.objects.filter(detector=detector, external_id__in=external_ids, retracted_at=None)
    accounts = lock_accounts(known.values_list("account_id", flat=True), wait=True)
    now = clock.after_waiting(now)
    retraction = Retraction.objects.create(detector=detector, reason=reason.strip(), retracted_at=now)
    known.filter(account__among=accounts).update(retracted_at=now, retraction=retraction)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {"retraction": retraction.pk})
        cursor.execute(_TALLY_AGAIN, {"retraction": retraction.pk})
    faultpoint("retract.tallied")
    _judge_again(accounts, retraction, now)
    faultpoint("retract.before_commit")
    return retraction


def _judge_again(accounts: list[int], retraction: Retraction, now: datetime) -> None:
    active = PolicyVersion.objects.filter(status=PolicyVersion.Status.ACTIVE).first()
    if not accounts or active is None:
        return
    told = Case.objects.filter(account__among=accounts).exclude(state__in=(State.OPEN, State.CLOSED))
    standing = list(told.select_related("account").prefetch_related("policy").order_by("pk"))
    fallen = hindsight.fallen(standing, retraction, active, now=now)
    _withdraw([case for case in standing if case.pk in fallen], now)
    _propose_anew(accounts, now)
    assessment.assess_accounts(accounts, active, now=now)


def _withdraw(fallen: Sequence[Case], now: datetime) -> None:
    warnings = Decision.objects.filter(case__among=fallen, step=Step.WARN, status=Decision.Status.APPLIED)
    facts = {decision.case_id: decision.facts for decision in warnings}
    reason = "The evidence that this rested on was withdrawn."
    orders = [Order(case, Step.WITHDRAW, 0, reason, rule=case.rule, facts=facts[case.pk]) for case in fallen]
    cases.apply(orders, now=now)


def _propose_anew(accounts: Collection[int], now: datetime) -> None:
    """A warning that waits for somebody tells of evidence that is gone: the assessment proposes it on what is left."""
    held = Decision.objects.filter(case__account__among=accounts, case__state=State.OPEN, step=Step.WARN)
    waiting = held.filter(status=Decision.Status.HELD, proposed_by=None).select_related("case__policy")
    open_ones = [decision.case for decision in waiting]
    cases.lapse(open_ones, now=now)
    stops.resume(open_ones, [Stop.Kind.APPROVAL], now=now)
