"""Exemptions, holds and extensions: what is not enforced for a time, and what gives an account more of it."""

from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User

from enforcement.models import Account, Case, Client, Decision, Exemption, Extension, PolicyVersion, Stop
from enforcement.services import (
    assessment,
    clock,
    exemptions,
    extensions,
    gateway,
    holds,
    intake,
    queries,
    restrict_now,
    review,
    staff,
    stops,
)
from enforcement.services.cases import WithoutNotice
from enforcement.services.exemptions import ExemptionRefused
from enforcement.services.extensions import ExtensionRefused
from enforcement.services.gateway import Question
from enforcement.services.holds import HoldRefused
from enforcement.services.roles import NotAllowed, Role
from tests.stage import DAY, answer_mail, move_to, pass_time, see, sighting, suspended, the_case, warned

pytestmark = pytest.mark.django_db
ACCOUNT, TERRITORY, CREDENTIAL = Exemption.Scope.ACCOUNT, Exemption.Scope.TERRITORY, Exemption.Scope.CREDENTIAL
MINIMUM = timedelta(days=7)


def exempt(account: Account, by: User, scope: Exemption.Scope = ACCOUNT, value: str = "", days: int = 30) -> Exemption:
    now = clock.now()
    return exemptions.grant(
        account_id=account.pk,
        scope=scope,
        value=value,
        reason="An employee travels.",
        by=by,
        ends_at=now + days * DAY,
        now=now,
    )


def passes(account: Account, country: str = "CN", credential: str = "") -> bool:
    asked = Question(account=account.external_id, country=country, credential=credential)
    return bool(gateway.decide(asked, now=clock.now())["allow"])


class TestExemptions:
    def test_an_exempt_account_gets_no_case_and_is_assessed_when_it_ends(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        exempt(account_outside, officer)
        see(detector, sighting(account_outside, clock.now()))
        assert not Case.objects.exists()
        clock.advance(31 * DAY)
        assessment.assess(now=clock.now())
        assert the_case(account_outside).state == "warned"

    def test_one_of_the_whole_account_stops_its_clock_for_as_long(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        case = warned(account_outside, detector)
        left = case.due_at - clock.now()  # type: ignore[operator]
        granted = exempt(account_outside, officer, days=40)
        pass_time(39 * DAY)
        assert the_case(account_outside).state == "warned"
        pass_time(2 * DAY)
        case.refresh_from_db()
        assert Stop.objects.get(case=case).ended_at == granted.ends_at
        assert case.due_at is not None
        assert abs(case.due_at - (granted.ends_at + left)) < timedelta(minutes=1)

    @pytest.mark.parametrize(("scope", "value"), [(CREDENTIAL, "sk-guangzhou"), (TERRITORY, "CN")])
    def test_what_is_exempt_does_not_count_and_all_else_does(
        self,
        account_at_home: Account,
        detector: Client,
        policy: PolicyVersion,
        officer: User,
        scope: Exemption.Scope,
        value: str,
    ) -> None:
        exempt(account_at_home, officer, scope, value)
        see(detector, sighting(account_at_home, clock.now(), credential="sk-guangzhou"))
        assert not Case.objects.exists()
        other = {"credential": "sk-other"} if scope == CREDENTIAL else {"country": "IR"}
        see(detector, sighting(account_at_home, clock.now(), **other))
        assert the_case(account_at_home).state == "warned"

    def test_what_becomes_exempt_no_longer_holds_a_step_at_the_deadline(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        case = warned(account_outside, detector)
        assert case.due_at is not None
        clock.move_to(case.due_at - timedelta(hours=1))
        exempt(account_outside, officer, TERRITORY, "CN")
        clock.move_to(case.due_at)
        intake.record(detector, [sighting(account_outside, clock.now())], now=clock.now())
        pass_time(timedelta(0))
        assert the_case(account_outside).outcome == "cured"

    def test_the_gateway_lets_pass_what_is_exempt(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        suspended(account_outside, detector)
        assert not passes(account_outside)
        exempt(account_outside, officer, TERRITORY, "CN")
        assert not passes(account_outside)  # a suspension is of the whole account
        exempt(account_outside, officer)
        assert passes(account_outside)
        clock.advance(31 * DAY)
        assert not passes(account_outside)

    def test_no_exemption_outweighs_a_restriction_without_notice(
        self, account_outside: Account, policy: PolicyVersion, officer: User
    ) -> None:
        counsel = staff.create("cora", email="cora@provider.test", role=Role.COUNSEL, password=None)
        decision = restrict_now.propose(
            account_id=account_outside.pk,
            grounds=WithoutNotice(Decision.Basis.ORDER, "Order 17/2026 of the court."),
            reason="A court has ordered it.",
            by=officer,
            now=clock.now(),
            version=None,
        )
        review.approve(decision_id=decision.pk, reason="Seen.", by=counsel, now=clock.now())
        assert not passes(account_outside)
        exempt(account_outside, officer)
        assert not passes(account_outside)

    def test_it_is_shown_with_its_end(self, account_outside: Account, policy: PolicyVersion, officer: User) -> None:
        granted = exempt(account_outside, officer, CREDENTIAL, "sk-guangzhou")
        shown = queries.account("shenzhen")
        assert shown is not None
        assert shown["exemptions"] == [
            {"scope": "credential", "value": "sk-guangzhou", "since": granted.starts_at, "until": granted.ends_at}
        ]
        clock.advance(31 * DAY)
        after = queries.account("shenzhen")
        assert after is not None
        assert after["exemptions"] == []

    def test_to_end_it_early_takes_two_people_and_gives_the_minimum(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
    ) -> None:
        case = warned(account_outside, detector)
        clock.advance(14 * DAY)
        granted = exempt(account_outside, officer)
        exemptions.propose_end(exemption_id=granted.pk, because="It was a mistake.", by=lead, now=clock.now())
        with pytest.raises(NotAllowed, match="takes a lead"):
            exemptions.approve_end(exemption_id=granted.pk, by=officer, now=clock.now())
        with pytest.raises(NotAllowed, match="Somebody else"):
            exemptions.approve_end(exemption_id=granted.pk, by=lead, now=clock.now())
        exemptions.propose_end(exemption_id=granted.pk, because="It was a mistake.", by=officer, now=clock.now())
        ended = exemptions.approve_end(exemption_id=granted.pk, by=lead, now=clock.now())
        case.refresh_from_db()
        assert ended.ended_at is not None
        assert case.due_at == ended.ended_at + MINIMUM

    @pytest.mark.parametrize(
        ("scope", "value", "days", "field"),
        [
            (TERRITORY, "CHN", 30, "value"),
            (TERRITORY, "", 30, "value"),
            (CREDENTIAL, "", 30, "value"),
            (ACCOUNT, "CN", 30, "value"),
            (ACCOUNT, "", 0, "ends_at"),
        ],
    )
    def test_what_makes_no_sense_is_refused_by_field(
        self, account_outside: Account, officer: User, scope: Exemption.Scope, value: str, days: int, field: str
    ) -> None:
        with pytest.raises(ExemptionRefused) as refused:
            exempt(account_outside, officer, scope, value, days)
        assert refused.value.field == field
        assert not Exemption.objects.exists()


class TestHolds:
    def test_a_hold_stops_the_clock_and_ends_by_itself_at_its_moment(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        case = warned(account_outside, detector)
        left = case.due_at - clock.now()  # type: ignore[operator]
        until = clock.now() + 20 * DAY
        holds.place(case_id=case.pk, reason="We ask them.", by=officer, until=until, now=clock.now())
        pass_time(19 * DAY)
        assert the_case(account_outside).state == "warned"
        pass_time(3 * DAY)
        case.refresh_from_db()
        assert case.due_at is not None
        assert abs(case.due_at - (until + left)) < timedelta(minutes=1)

    def test_to_end_it_by_hand_takes_two(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
    ) -> None:
        case = warned(account_outside, detector)
        holds.place(case_id=case.pk, reason="We ask them.", by=officer, now=clock.now())
        with pytest.raises(HoldRefused, match="held already"):
            holds.place(case_id=case.pk, reason="Again.", by=lead, now=clock.now())
        with pytest.raises(HoldRefused, match="proposed"):
            holds.approve_end(case_id=case.pk, by=lead, now=clock.now())
        holds.propose_end(case_id=case.pk, because="They answered.", by=officer)
        with pytest.raises(NotAllowed):
            holds.approve_end(case_id=case.pk, by=officer, now=clock.now())
        holds.approve_end(case_id=case.pk, by=lead, now=clock.now())
        assert the_case(account_outside).pk not in stops.stopped_cases([case])

    def test_a_review_that_is_held_is_not_warned(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        see(detector, sighting(account_outside, clock.now(), requests=1))
        case = the_case(account_outside)
        assert case.state == "open"
        holds.place(case_id=case.pk, reason="We ask them.", by=officer, until=clock.now() + DAY, now=clock.now())
        see(detector, sighting(account_outside, clock.now()))
        assert the_case(account_outside).state == "open"


class TestExtensions:
    def test_a_person_gives_more_time_and_the_step_waits_for_it(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        case = warned(account_outside, detector)
        assert case.due_at is not None
        later = case.due_at + 10 * DAY
        extensions.extend(case_id=case.pk, due_at=later, reason="They migrate.", by=officer, now=clock.now())
        clock.move_to(later - timedelta(hours=1))
        see(detector, sighting(account_outside, clock.now()))
        pass_time(timedelta(0))
        assert the_case(account_outside).state == "warned"
        intake.record(detector, [sighting(account_outside, later)], now=later - timedelta(minutes=1))
        move_to(later)
        assert the_case(account_outside).state == "suspended"

    def test_of_a_stopped_clock_as_much_is_added_to_what_remains(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
    ) -> None:
        case = warned(account_outside, detector)
        assert case.due_at is not None
        holds.place(case_id=case.pk, reason="We ask them.", by=officer, now=clock.now())
        left = the_case(account_outside).remaining
        extensions.extend(
            case_id=case.pk, due_at=case.due_at + 5 * DAY, reason="They migrate.", by=officer, now=clock.now()
        )
        assert the_case(account_outside).remaining == left + 5 * DAY  # type: ignore[operator]

    def test_it_never_moves_a_deadline_earlier(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        case = warned(account_outside, detector)
        assert case.due_at is not None
        with pytest.raises(ExtensionRefused, match="only moves later"):
            extensions.extend(
                case_id=case.pk, due_at=_earlier(case.due_at), reason="Sooner.", by=officer, now=clock.now()
            )
        assert not Extension.objects.exists()

    def test_before_anybody_was_told_there_is_nothing_to_extend(
        self, account_outside: Account, detector: Client, policy: PolicyVersion, officer: User
    ) -> None:
        see(detector, sighting(account_outside, clock.now()))
        case = the_case(account_outside)
        with pytest.raises(ExtensionRefused, match="No deadline runs"):
            extensions.extend(
                case_id=case.pk, due_at=clock.now() + 90 * DAY, reason="More.", by=officer, now=clock.now()
            )
        answer_mail()


def _earlier(moment: datetime) -> datetime:
    return moment - timedelta(seconds=1)
