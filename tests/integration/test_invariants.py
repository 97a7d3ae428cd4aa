"""Each invariant finds what it is there for: rows that no service writes, put there with the guards away."""

import json
from collections.abc import Callable
from datetime import timedelta

import pgtrigger
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from benchmarks.unguarded import unguarded
from enforcement import tasks
from enforcement.models import Account, Brake, BrakePull, Case, Client, PolicyVersion
from enforcement.services import brake, clock, intake, invariants, switches
from enforcement.services.brake import ReleaseRefused
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import answer_mail, move_to, pass_time, see, sighting, suspended, warned

pytestmark = [pytest.mark.django_db, pytest.mark.breaks(*(each.name for each in invariants.INVARIANTS))]
ENFORCEMENT = Brake.What.ENFORCEMENT
GUARDED = {model._meta.db_table for model, _ in pgtrigger.registered()}
SUSPENDED = "status = 'applied' AND step = 'suspend'"
LAST_MEMO = "SELECT max(id) FROM enforcement_memo"
_CHECKS = """
SELECT quote_ident(relname), quote_ident(conname) FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
 WHERE contype = 'c' AND (relname LIKE 'enforcement%' OR relname LIKE 'notifications%')
"""

# What somebody with the database's password could do to a suspended account, and who notices.
WRONGS = {
    "before its deadline": (
        "I1",
        f"UPDATE enforcement_decision SET due_at = settled_at + interval '1 second' WHERE {SUSPENDED}",
    ),
    "on a memo that was accepted too late": (
        "I2",
        "UPDATE notifications_message SET accepted_at = accepted_at + interval '2 minutes'",
    ),
    "on a memo that had come back": (
        "I2",
        "UPDATE notifications_message SET bounced_at = accepted_at",
    ),
    "on a memo of something else": (
        "I2",
        f"UPDATE enforcement_decision SET rests_on_id = ({LAST_MEMO}) WHERE {SUSPENDED}",
    ),
    "while the case was held": (
        "I3",
        "INSERT INTO enforcement_stop (case_id, kind, reason, started_at, end_because)"
        f" SELECT case_id, 'hold', 'Wait.', settled_at - interval '1 day', '' FROM enforcement_decision"
        f" WHERE {SUSPENDED}",
    ),
    "while an appeal was open": (
        "I3",
        "INSERT INTO enforcement_appeal (case_id, decision_id, statement, suspensive, filed_at, status, reason)"
        " SELECT case_id, id, 'No.', true, settled_at - interval '1 day', 'open', '' FROM enforcement_decision"
        f" WHERE {SUSPENDED}",
    ),
    "before the date that was told": (
        "I4",
        "UPDATE enforcement_memo SET told_due_at = told_due_at + interval '1 day' WHERE told_due_at IS NOT NULL",
    ),
    "before a date that was promised later": (
        "I4",
        "INSERT INTO enforcement_extension"
        " (case_id, case_version, old_due_at, due_at, reason, extended_by_id, extended_at)"
        " SELECT case_id, case_version - 1, due_at, due_at + interval '9 days', 'Time.', auth_user.id,"
        f" due_at - interval '9 days' FROM enforcement_decision, auth_user WHERE {SUSPENDED} AND username = 'olga'",
    ),
    "with the next date nearer than was told": (
        "I4",
        "UPDATE enforcement_case SET due_at = due_at - interval '1 second'",
    ),
    "on traffic of before the memo": (
        "I5",
        "UPDATE enforcement_evidence SET observed_at = observed_at - interval '16 days'",
    ),
    "on traffic that had stopped in time": (
        "I5",
        "UPDATE enforcement_evidence SET observed_at = observed_at - interval '10 days'"
        " WHERE id = (SELECT max(id) FROM enforcement_evidence)",
    ),
    "on evidence that counts twice": (
        "I8",
        "UPDATE enforcement_daytally SET items = items + 1",
    ),
    "by no arrow": (
        "I12",
        "UPDATE enforcement_case SET state = 'blocked'",
    ),
    "with a version that nobody decided": (
        "I13",
        "UPDATE enforcement_case SET version = version + 1",
    ),
    "without a memo of it": (
        "I14",
        "UPDATE enforcement_memo SET decision_id = (SELECT min(id) FROM enforcement_decision), kind = 'cure'"
        f" WHERE decision_id IN (SELECT id FROM enforcement_decision WHERE {SUSPENDED})",
    ),
    "with a clock that runs on a memo that came back": (
        "I16",
        "UPDATE notifications_message SET bounced_at = accepted_at + interval '1 hour'",
    ),
    "with the same memo for a contact twice": (
        "I17",
        """
        WITH again AS (
            INSERT INTO notifications_message (recipient, message_id, subject, text, html, language, state, created_at,
                                               attempts, accepted_at, reply)
            SELECT upper(recipient), '<again@provider.test>', subject, text, html, language, state, created_at,
                   attempts, accepted_at, reply FROM notifications_message ORDER BY id LIMIT 1
            RETURNING id, text
        )
        INSERT INTO enforcement_memocopy (memo_id, message_id, role)
        SELECT copy.memo_id, again.id, 'admin'
          FROM again, enforcement_memocopy AS copy ORDER BY copy.id LIMIT 1
        """,
    ),
    "with nothing refused": (
        "I20",
        "UPDATE enforcement_restriction SET lifted_at = since",
    ),
    "with only a part refused": (
        "I20",
        "UPDATE enforcement_restriction SET scope = 'territory', value = 'unsupported'",
    ),
    "by one person where it takes two": (
        "I22",
        f"UPDATE enforcement_decision SET people = 2 WHERE {SUSPENDED}",
    ),
    "by hand and no lead": (
        "I22",
        "UPDATE enforcement_decision SET people = 1, proposed_as = 'officer',"
        f" proposed_by_id = (SELECT id FROM auth_user WHERE username = 'olga') WHERE {SUSPENDED}",
    ),
    "without notice and no counsel": (
        "I22",
        f"UPDATE enforcement_decision SET step = 'restrict_now' WHERE {SUSPENDED}",
    ),
    "under the brake": (
        "I23",
        "INSERT INTO enforcement_brakepull (what, cause, reason, pulled_at, release_because)"
        " SELECT 'enforcement', 'manual', 'We look.', settled_at - interval '1 minute', ''"
        f" FROM enforcement_decision WHERE {SUSPENDED}",
    ),
}


def wrong(statement: str) -> None:
    """Written past every guard and every CHECK; all of it ends with the test."""
    with unguarded(*GUARDED), connection.cursor() as cursor:
        cursor.execute(_CHECKS)
        for table, check in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
        cursor.execute(statement)
        assert cursor.rowcount > 0


def broken() -> set[str]:
    return {each.invariant.name for each in invariants.check(now=clock.now())}


@pytest.fixture
def told(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    """Suspended, and told so: the clock of the next step runs."""
    case = suspended(account_outside, detector)
    answer_mail()
    pass_time(timedelta(0))
    case.refresh_from_db()
    assert case.due_at is not None
    assert not broken()
    return case


@pytest.mark.parametrize("how", WRONGS)
def test_a_suspension_that_should_not_be_is_found(how: str, told: Case) -> None:
    name, statement = WRONGS[how]
    wrong(statement)
    assert name in broken()


def test_a_second_open_case_is_found(told: Case) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX case_one_open_per_account")
    Case.objects.create(account=told.account, policy=told.policy, opened_at=clock.now())
    assert "I11" in broken()


def test_evidence_that_nobody_will_assess_is_found(told: Case, detector: Client) -> None:
    intake.record(detector, [sighting(told.account, clock.now())], now=clock.now())
    assert "I10" not in broken()
    wrong("DELETE FROM enforcement_assessmentmark")
    assert "I10" in broken()


def test_more_steps_within_an_hour_than_the_policy_allows_are_found(
    account_outside: Account, detector: Client, activate: Callable[[str], PolicyVersion]
) -> None:
    activate(SMALL_POLICY + "safety: {max_steps_per_hour: 1, max_share_of_accounts: 1}\n")
    suspended(account_outside, detector)
    suspended(make_account("second"), detector)
    assert "I23" not in broken()
    wrong(
        f"UPDATE enforcement_decision SET settled_at = (SELECT max(settled_at) FROM enforcement_decision)"
        f" WHERE {SUSPENDED}"
    )
    assert "I23" in broken()


class TestLateness:
    def test_a_step_that_nobody_takes_is_found_after_two_minutes(
        self, account_outside: Account, detector: Client, policy: PolicyVersion
    ) -> None:
        case = warned(account_outside, detector)
        assert case.due_at is not None
        move_to(case.due_at - timedelta(minutes=1))  # reminded, in time
        clock.advance(timedelta(minutes=2))
        assert "I15" not in broken()
        clock.advance(timedelta(minutes=2))
        assert "I15" in broken()

    def test_a_memo_that_nobody_sends_is_found_after_a_quarter_of_an_hour(
        self, account_outside: Account, detector: Client, policy: PolicyVersion
    ) -> None:
        see(detector, sighting(account_outside, clock.now()))
        clock.advance(timedelta(minutes=14))
        assert "I14" not in broken()
        clock.advance(timedelta(minutes=2))
        assert "I14" in broken()

    def test_it_wakes_somebody_and_pulls_no_brake(
        self, account_outside: Account, detector: Client, policy: PolicyVersion
    ) -> None:
        see(detector, sighting(account_outside, clock.now()))
        clock.advance(timedelta(hours=1))
        assert tasks.check_invariants() == ["I14"]
        assert switches.pulled_at(ENFORCEMENT) is None


class TestTheAlarm:
    def test_what_is_wrong_pulls_the_brake_and_two_people_cannot_release_it_meanwhile(
        self, told: Case, officer: User, lead: User
    ) -> None:
        assert tasks.check_invariants() == []
        wrong("UPDATE enforcement_restriction SET lifted_at = since")
        assert tasks.check_invariants() == ["I20"]
        pulled = BrakePull.objects.get(released_at=None)
        assert (pulled.what, pulled.cause) == (ENFORCEMENT, "invariant")
        assert pulled.reason.startswith("I20: What is refused is what the state says")
        brake.propose_release(ENFORCEMENT, because="We have looked.", by=officer)
        with pytest.raises(ReleaseRefused, match="I20: What is refused"):
            brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
        assert switches.pulled_at(ENFORCEMENT) is not None
        wrong("UPDATE enforcement_restriction SET lifted_at = NULL")
        brake.approve_release(ENFORCEMENT, by=lead, now=clock.now())
        assert switches.pulled_at(ENFORCEMENT) is None

    def test_what_was_done_wrong_long_ago_pulls_it_no_more(self, told: Case) -> None:
        wrong(WRONGS["before its deadline"][1])
        clock.advance(timedelta(hours=2))
        assert tasks.check_invariants() == []
        assert "I1" in broken()


class TestCommand:
    def test_it_says_of_each_that_it_holds(self, told: Case, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("check_invariants")
        answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [each["invariant"] for each in answers] == [each.name for each in invariants.INVARIANTS]
        assert all(each["holds"] for each in answers)

    def test_it_shows_the_rows_of_those_that_do_not_and_fails(
        self, told: Case, capsys: pytest.CaptureFixture[str]
    ) -> None:
        wrong(WRONGS["with nothing refused"][1])
        with pytest.raises(SystemExit) as ended:
            call_command("check_invariants")
        assert ended.value.code == 1
        answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (found,) = (each for each in answers if not each["holds"])
        assert (found["invariant"], found["rows"][0]["reference"]) == ("I20", told.reference)
