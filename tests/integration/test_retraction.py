"""Evidence that its detector took back counts nowhere, and what rested on it goes in the same transaction."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enforcement.models import (
    Account,
    Brake,
    Case,
    Client,
    DayTally,
    Decision,
    Evidence,
    Exemption,
    Memo,
    PolicyVersion,
    Restriction,
    Retraction,
    Score,
)
from enforcement.rules.transitions import Step
from enforcement.services import (
    assessment,
    clock,
    exemptions,
    intake,
    invariants,
    restrict_now,
    retraction,
    review,
    sightings,
    staff,
    sweep,
    switches,
)
from enforcement.services.cases import WithoutNotice
from enforcement.services.retraction import RetractionRefused
from enforcement.services.roles import Role
from notifications.models import Message
from tests import checks
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import DAY, answer_mail, see, sighting, steps, suspended, the_case, warned

pytestmark = pytest.mark.django_db

REASON = "A bad release of the geolocation data."
Activate = Callable[[str], PolicyVersion]


def retract(detector: Client, *external_ids: str) -> Retraction:
    return retraction.retract(detector=detector, external_ids=external_ids, reason=REASON, now=clock.now())


def ids_of(account: Account) -> list[str]:
    """Of what stands, oldest first; of one batch, most requests first."""
    standing = Evidence.objects.filter(account=account, retracted_at=None).order_by("received_at", "-requests")
    return list(standing.values_list("external_id", flat=True))


def points_of(account: Account) -> Any:
    return Score.objects.get(account=account).points


# -- what is withdrawn -------------------------------------------------------------------------------------------------


def test_what_is_withdrawn_stays_visible_with_its_reason_and_counts_nowhere(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=3))
    see(detector, sighting(account_outside, clock.now(), requests=1))
    first, second = ids_of(account_outside)
    assert points_of(account_outside) == 4
    done = retract(detector, first)
    row = Evidence.objects.get(external_id=first)
    assert (row.retraction, row.retracted_at, done.reason) == (done, done.retracted_at, REASON)
    assert [each.external_id for each in done.evidence.all()] == [first]
    assert ids_of(account_outside) == [second]
    assert points_of(account_outside) == 1
    assert DayTally.objects.get().requests == 1


def test_a_day_that_is_read_row_by_row_leaves_it_out(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    at = clock.now()
    see(detector, *(sighting(account_outside, at - timedelta(minutes=minutes)) for minutes in (1, 2)))
    retract(detector, ids_of(account_outside)[0])
    read = sightings.load([account_outside.pk], window=90 * DAY, at=clock.now(), after={}, exact=True)
    assert [each.requests for each in read[account_outside.pk]] == [10]


def test_a_withdrawn_id_stays_taken(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    item = sighting(account_outside, clock.now())
    see(detector, item)
    retract(detector, item["id"])
    receipt = intake.record(detector, [item, item | {"requests": 999}], now=clock.now())
    assert [each.status for each in receipt.answers] == ["duplicate", "conflict"]
    again = retract(detector, item["id"])
    assert not again.evidence.exists()
    assert Evidence.objects.get().retraction != again
    assert not DayTally.objects.exists()


def test_a_detector_withdraws_its_own_only(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    other = Client.objects.create(name="billing", kind=Client.Kind.DETECTOR)
    item = sighting(account_outside, clock.now())
    see(detector, item)
    see(other, item)
    retract(other, item["id"], "never-sent")
    assert list(DayTally.objects.values_list("detector__name", "requests")) == [("edge-logs", 10)]
    assert checks.tallies_equal_evidence() == []


@pytest.mark.parametrize(
    ("given_ids", "given_reason", "field"), [(["a"], "  ", "reason"), ([str(n) for n in range(1001)], REASON, "ids")]
)
def test_what_cannot_be_done_is_refused_by_name(
    given_ids: list[str], given_reason: str, field: str, detector: Client
) -> None:
    with pytest.raises(RetractionRefused, match=field) as refused:
        retraction.retract(detector=detector, external_ids=given_ids, reason=given_reason, now=clock.now())
    assert refused.value.field == field
    assert not Retraction.objects.exists()


def test_all_of_it_happens_or_nothing(
    account_outside: Account, detector: Client, policy: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = warned(account_outside, detector)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(assessment, "assess_accounts", fail)
    with pytest.raises(RuntimeError):
        retract(detector, *ids_of(account_outside))
    case.refresh_from_db()
    assert (case.state, Retraction.objects.count(), DayTally.objects.count()) == ("warned", 0, 1)
    assert not Evidence.objects.exclude(retracted_at=None).exists()


# -- tallies -----------------------------------------------------------------------------------------------------------

ITEMS = st.fixed_dictionaries(
    {
        "account": st.sampled_from(["one", "two"]),
        "country": st.sampled_from(["CN", "DE"]),
        "credential": st.sampled_from(["", "sk-1"]),
        "outcome": st.sampled_from(["served", "refused"]),
        "requests": st.integers(1, 10**12),
        "confidence": st.sampled_from([0.1, 0.3, 0.7, 1]),
        "minutes": st.integers(0, 3 * 24 * 60),
        "lasts": st.integers(0, 90),
    }
)


def _item(number: int, drawn: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in drawn.items() if name not in ("minutes", "lasts")}
    observed_at = clock.now() - timedelta(days=9, minutes=drawn["minutes"])
    until = observed_at + timedelta(minutes=drawn["lasts"])
    more = {"id": f"drawn-{number}", "kind": "ip_geolocation", "observed_at": observed_at.isoformat()}
    return fields | more | {"observed_until": until.isoformat()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(ITEMS, min_size=1, max_size=12), data=st.data())
def test_tallies_equal_what_stands_whatever_is_withdrawn_in_whatever_order(
    detector: Client, policy: PolicyVersion, drawn: list[dict[str, Any]], data: st.DataObject
) -> None:
    items = [_item(number, each) for number, each in enumerate(drawn)]
    subsets = st.lists(st.sampled_from([item["id"] for item in items]), max_size=12)
    with suppress(_Undo), transaction.atomic():
        assert intake.record(detector, items, now=clock.now()).accepted == len(items)
        for _ in range(3):
            retract(detector, *data.draw(subsets))
            assert checks.tallies_equal_evidence() == []
        retract(detector, *(item["id"] for item in items))
        assert not DayTally.objects.exists()
        raise _Undo


class _Undo(Exception):
    """Every example begins with no evidence."""


@pytest.mark.django_db(transaction=True)
def test_what_comes_in_at_the_same_moment_is_in_the_tally(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=1))
    (old,) = ids_of(account_outside)

    def withdraw() -> None:
        try:
            retract(detector, old)
        finally:
            connection.close()

    withdrawing = threading.Thread(target=withdraw)
    with transaction.atomic():
        intake.record(detector, [sighting(account_outside, clock.now(), requests=20)], now=clock.now())
        withdrawing.start()
        while not _somebody_waits():
            assert withdrawing.is_alive()
    withdrawing.join(timeout=30)
    assert DayTally.objects.get().requests == 20
    assert checks.tallies_equal_evidence() == []


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


# -- cases of which nothing was told -----------------------------------------------------------------------------------


def test_an_open_case_that_no_rule_matches_any_more_closes_silently(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=2))
    assert the_case(account_outside).state == "open"
    retract(detector, *ids_of(account_outside))
    assert (the_case(account_outside).state, points_of(account_outside)) == ("closed", 0)
    assert not Memo.objects.exists()


HELD = SMALL_POLICY.replace("warn: {automation: auto", "warn: {automation: held")


def test_a_held_warning_lapses_when_its_rule_holds_no_more(
    account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(HELD)
    see(detector, *(sighting(account_outside, clock.now(), requests=each) for each in (4, 1)))
    assert steps(account_outside) == [("warn", "held")]
    retract(detector, ids_of(account_outside)[0])
    assert steps(account_outside) == [("warn", "lapsed")]
    assert the_case(account_outside).state == "open"
    assert not the_case(account_outside).stops.filter(ended_at=None).exists()


def test_a_held_warning_is_proposed_anew_on_what_is_left(
    account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(HELD)
    see(detector, *(sighting(account_outside, clock.now(), requests=each) for each in (100, 6)))
    retract(detector, ids_of(account_outside)[0])
    assert steps(account_outside) == [("warn", "lapsed"), ("warn", "held")]
    assert Decision.objects.latest("pk").facts["unsupported_requests"] == 6


AGREEING = SMALL_POLICY.replace("cap: 1000}", "cap: 1000, sources: agree}")


@pytest.mark.parametrize(("pulled", "follows"), [(False, [("warn", "applied")]), (True, [])])
def test_withdrawing_what_spoke_for_an_account_may_warn_it_but_not_under_a_pulled_brake(
    pulled: bool, follows: list[tuple[str, str]], account_outside: Account, detector: Client, activate: Activate
) -> None:
    activate(AGREEING)
    at = clock.now()
    one, other = (sighting(account_outside, at, place, source=name) for place, name in (("CN", "a 1"), ("DE", "b 1")))
    see(detector, one, other)
    assert not Case.objects.exists()
    if pulled:
        switches.turn(Brake.What.ENFORCEMENT, clock.now())
    retract(detector, other["id"])
    assert steps(account_outside) == follows


# -- cases that somebody was told of -----------------------------------------------------------------------------------


def test_a_warning_that_rested_on_it_is_withdrawn_and_the_account_is_told(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    retract(detector, *ids_of(account_outside))
    case = the_case(account_outside)
    assert (case.state, case.outcome, case.due_at) == ("closed", "withdrawn", None)
    assert Memo.objects.latest("pk").kind == "reinstatement"
    assert Case.objects.count() == 1  # and no new one is opened on what was used up


def test_who_heard_of_no_warning_hears_of_no_end(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now()))
    answer_mail(Message.State.FAILED, "550 no such user")
    retract(detector, *ids_of(account_outside))
    assert the_case(account_outside).outcome == "withdrawn"
    assert Memo.objects.count() == 1


def test_a_warning_that_enough_is_left_for_stands(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, *(sighting(account_outside, clock.now(), requests=each) for each in (100, 6)))
    retract(detector, ids_of(account_outside)[0])
    assert steps(account_outside) == [("warn", "applied")]
    assert points_of(account_outside) == 6


def test_what_came_in_later_does_not_bear_an_earlier_warning(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    (told,) = ids_of(account_outside)
    clock.advance(DAY)
    see(detector, sighting(account_outside, clock.now() - 2 * DAY))
    retract(detector, told)
    assert the_case(account_outside).outcome == "withdrawn"


def test_what_was_not_held_against_the_account_bears_no_warning(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    now = clock.now()
    granted = {"by": officer, "reason": "A partner.", "ends_at": now + 90 * DAY, "now": now}
    exemptions.grant(account_id=account_outside.pk, scope=Exemption.Scope.CREDENTIAL, value="sk-1", **granted)
    exempt, counted = (sighting(account_outside, now, credential=key) for key in ("sk-1", "sk-2"))
    see(detector, exempt, counted)
    assert steps(account_outside) == [("warn", "applied")]
    retract(detector, counted["id"])
    assert ids_of(account_outside) == [exempt["id"]]
    assert the_case(account_outside).outcome == "withdrawn"


def test_a_warning_that_no_longer_holds_now_is_withdrawn(
    account_outside: Account, detector: Client, activate: Activate
) -> None:
    """It held when it was decided, on what is a fortnight old; what came since is all that holds it up today."""
    activate(SMALL_POLICY.replace("min_requests: 5}", "min_requests: 5, seen_within: P1D}"))
    warned(account_outside, detector)
    clock.advance(10 * DAY)
    see(detector, sighting(account_outside, clock.now()))
    retract(detector, ids_of(account_outside)[1])
    assert the_case(account_outside).outcome == "withdrawn"


def test_a_suspension_whose_warning_falls_is_lifted(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    retract(detector, ids_of(account_outside)[0])
    case = the_case(account_outside)
    assert (case.state, case.outcome) == ("closed", "withdrawn")
    assert not Restriction.objects.filter(lifted_at=None).exists()
    assert Memo.objects.latest("pk").kind == "reinstatement"
    withdrawn = Decision.objects.get(step=Step.WITHDRAW)
    assert (withdrawn.people, withdrawn.proposed_by) == (0, None)
    assert withdrawn.facts == Decision.objects.get(step=Step.WARN).facts


def test_a_suspension_that_no_new_traffic_bears_any_more_is_lifted(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    """The old evidence would still warn; the step at the deadline needed more."""
    suspended(account_outside, detector)
    retract(detector, ids_of(account_outside)[1])
    assert the_case(account_outside).outcome == "withdrawn"


def test_a_suspension_without_which_the_quiet_would_have_cured_is_lifted(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    """What is left went on after the memo, and stopped a week before the deadline."""
    warned(account_outside, detector)
    clock.advance(DAY)
    see(detector, sighting(account_outside, clock.now()))
    clock.move_to(the_case(account_outside).due_at)
    see(detector, sighting(account_outside, clock.now()))
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).state == "suspended"
    retract(detector, ids_of(account_outside)[2])
    assert the_case(account_outside).outcome == "withdrawn"


def test_a_suspension_that_enough_is_left_for_stands(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, *(sighting(account_outside, clock.now(), requests=each) for each in (100, 6)))
    suspended(account_outside, detector)
    retract(detector, ids_of(account_outside)[0])
    assert the_case(account_outside).state == "suspended"
    assert Restriction.objects.filter(lifted_at=None).exists()


def test_a_block_falls_with_the_warning(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    suspended(account_outside, detector)
    answer_mail()
    sweep.sweep(now=clock.now())
    clock.move_to(the_case(account_outside).due_at)
    sweep.sweep(now=clock.now())
    assert the_case(account_outside).state == "blocked"
    retract(detector, ids_of(account_outside)[0])
    assert the_case(account_outside).outcome == "withdrawn"


def test_what_no_rule_held_up_before_is_left_to_people(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> None:
    """A person suspended where the automation would have cured: no evidence bore that, and none takes it away."""
    case = warned(account_outside, detector)
    see(detector, sighting(account_outside, clock.now() - timedelta(minutes=30), requests=1))
    clock.move_to(case.due_at + timedelta(minutes=1))
    held = review.propose(
        case_id=case.pk, step=Step.SUSPEND, reason="They said so.", by=officer, now=clock.now(), version=case.version
    )
    review.approve(decision_id=held.pk, reason="They did.", by=lead, now=clock.now())
    retract(detector, ids_of(account_outside)[1])
    assert the_case(account_outside).state == "suspended"
    retract(detector, ids_of(account_outside)[0])
    assert the_case(account_outside).outcome == "withdrawn"


def test_a_restriction_without_notice_rests_on_its_legal_basis(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
) -> None:
    counsel = staff.create("carla", email="carla@provider.test", role=Role.COUNSEL, password=None)
    case = warned(account_outside, detector)
    held = restrict_now.propose(
        account_id=account_outside.pk,
        grounds=WithoutNotice(basis=Decision.Basis.ORDER, legal_basis="Order 7/2026 of the court"),
        reason="A court ordered it.",
        by=officer,
        now=clock.now(),
        version=case.version,
    )
    review.approve(decision_id=held.pk, reason="I read the order.", by=counsel, now=clock.now())
    retract(detector, *ids_of(account_outside))
    assert the_case(account_outside).state == "restricted"


def test_one_withdrawal_frees_all_that_it_concerns_and_nobody_else(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    freed = [make_account(f"freed-{number}") for number in range(5)]
    bad = [sighting(each, clock.now()) for each in freed]
    see(detector, *bad, sighting(account_outside, clock.now()))
    answer_mail()
    sweep.sweep(now=clock.now())
    retract(detector, *(item["id"] for item in bad))
    assert set(Case.objects.filter(account__in=freed).values_list("outcome", flat=True)) == {"withdrawn"}
    assert Memo.objects.filter(kind="reinstatement").count() == 5
    assert the_case(account_outside).state == "warned"


def test_traffic_after_a_withdrawal_may_lead_to_a_new_warning(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    warned(account_outside, detector)
    retract(detector, *ids_of(account_outside))
    clock.advance(timedelta(hours=1))
    see(detector, sighting(account_outside, clock.now()))
    assert list(Case.objects.order_by("pk").values_list("state", flat=True)) == ["closed", "warned"]


@pytest.mark.breaks("I6", "I8")
def test_what_stands_on_withdrawn_evidence_is_found(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    by_hand = Retraction.objects.create(detector=detector, reason=REASON, retracted_at=clock.now())
    Evidence.objects.update(retracted_at=clock.now(), retraction=by_hand)
    broken = {each.invariant.name: each.rows for each in invariants.check(now=clock.now(), late=False)}
    assert broken["I6"] == [{"case_id": case.pk, "retraction_id": by_hand.pk}]
