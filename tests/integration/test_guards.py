"""The database refuses by itself what must never happen, whoever writes: each forbidden write, in SQL and by ORM."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from benchmarks.unguarded import unguarded
from enforcement.models import (
    Account,
    Appeal,
    Brake,
    BrakePull,
    Case,
    Client,
    ClockMove,
    Decision,
    Evidence,
    Exemption,
    Extension,
    GagEnd,
    Memo,
    MemoCopy,
    PolicyVersion,
    Restriction,
    Retraction,
    SecondLogin,
    Stop,
)
from enforcement.services import appeals, clock, invariants, memos, retraction, review, staff, stops, sweep
from enforcement.services.roles import Role
from notifications.models import Message
from tests.stage import answer_mail, see, sighting, suspended, warned

# Rows are put here past the services, and what only a service keeps whole is not whole afterwards.
pytestmark = [pytest.mark.django_db, pytest.mark.breaks(*(each.name for each in invariants.INVARIANTS))]

DAY = timedelta(days=1)
RECORDS: tuple[type[Model], ...] = (
    Appeal, Brake, BrakePull, Case, ClockMove, Decision, Evidence, Exemption, Extension, GagEnd, Memo, MemoCopy,
    Message, PolicyVersion, Restriction, Retraction, SecondLogin, Stop,
)  # fmt: skip


def refused(write: Callable[[], object], why: str) -> None:
    """The database refuses it, says why, and nothing of it is there."""
    with pytest.raises(IntegrityError, match=why), transaction.atomic():
        write()


def run(sql: str, **named: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, named)
        return cursor.rowcount


NOT_DUE = "due_at = NULL, notice = NULL, accepted_at = NULL"


@pytest.fixture
def warned_case(account_outside: Account, detector: Client, policy: PolicyVersion) -> Case:
    return warned(account_outside, detector)


@pytest.fixture
def every_record(
    account_outside: Account, detector: Client, policy: PolicyVersion, officer: User, lead: User
) -> dict[type[Model], Model]:
    """One row at least of each table that keeps a record."""
    case, now = suspended(account_outside, detector), clock.now()
    answer_mail()
    sweep.sweep(now=clock.now())
    decision = case.decisions.get(step="suspend")
    appeals.file(decision_id=decision.pk, statement="It was not us.", now=clock.now())
    see(detector, sighting(account_outside, clock.now()) | {"id": "wrong"})
    retraction.retract(detector=detector, external_ids=["wrong"], reason="Wrong.", now=clock.now())
    Exemption.objects.create(
        account=account_outside, scope="account", reason="?", approved_by=lead, approved_as="lead", starts_at=now,
        ends_at=now + DAY,
    )  # fmt: skip
    Extension.objects.create(
        case=case, case_version=1, old_due_at=now, due_at=now + DAY, reason="?", extended_by=lead, extended_at=now
    )
    GagEnd.objects.create(decision=decision, reason="?", ended_by=lead, ended_as="lead", ended_at=now)
    Brake.objects.get_or_create(what="mail")
    BrakePull.objects.create(what="mail", cause="manual", reason="?", pulled_at=now, pulled_by=officer)
    SecondLogin.objects.create(user=lead, person=officer)
    return {model: model._default_manager.order_by("pk")[:1].get() for model in RECORDS}


# -- records stay ------------------------------------


@pytest.mark.parametrize("model", RECORDS)
def test_no_record_is_deleted(every_record: dict[type[Model], Model], model: type[Model]) -> None:
    table = model._meta.db_table
    refused(lambda: run(f"DELETE FROM {table}"), f"{table} .*: rows are never deleted")
    with connection.cursor() as cursor:  # the ORM asks what else would go with it first: here only this row
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    refused(lambda: model._default_manager.all()._raw_delete("default"), "rows are never deleted")


@pytest.mark.parametrize("model", RECORDS)
def test_no_record_is_emptied(every_record: dict[type[Model], Model], model: type[Model]) -> None:
    """In the tests' database that guard rests, for the flush; here it is awake, as everywhere else."""
    table = model._meta.db_table
    run("SET CONSTRAINTS ALL IMMEDIATE")
    for guarded, guard in pgtrigger.registered():
        if guard.operation == pgtrigger.Truncate:
            guard.enable(guarded)
    refused(lambda: run(f"TRUNCATE {table} CASCADE"), "the table is never emptied")


CHANGES: dict[type[Model], str] = {
    Appeal: "statement = 'other'", BrakePull: "reason = 'other'", Case: "account_id = account_id + 1",
    ClockMove: "moved_at = now()", Decision: "reason = 'other'", Evidence: "country = 'DE'",
    Exemption: "ends_at = now()", Extension: "reason = 'other'", GagEnd: "reason = 'other'", Memo: "kind = 'cure'",
    MemoCopy: "role = 'billing'", PolicyVersion: "document = 'other'", Restriction: "reason_code = 'other'",
    Retraction: "reason = 'other'", SecondLogin: "person_id = 0", Stop: "started_at = now()",
}  # fmt: skip


@pytest.mark.parametrize("model", CHANGES)
def test_no_record_is_rewritten(every_record: dict[type[Model], Model], model: type[Model]) -> None:
    refused(lambda: run(f"UPDATE {model._meta.db_table} SET {CHANGES[model]}"), "never change")


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Appeal, {"statement": "other"}),
        (Case, {"reference": "AE-XXXX-XXXX"}),
        (Decision, {"facts": {}}),
        (Evidence, {"requests": 1}),
        (Memo, {"kind": "cure"}),
        (MemoCopy, {"role": "billing"}),
        (PolicyVersion, {"document": "format: 1"}),
        (Restriction, {"reason_code": "credential_restricted"}),
        (Retraction, {"reason": "other"}),
        (Stop, {"kind": "hold"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_no_way_of_the_orm_rewrites_a_record(
    every_record: dict[type[Model], Model], model: type[Model], values: dict[str, Any]
) -> None:
    row = every_record[model]
    for name, value in values.items():
        setattr(row, name, value)
    refused(row.save, "never change")
    refused(lambda: model._default_manager.filter(pk=row.pk).update(**values), "never change")
    refused(lambda: model._default_manager.bulk_update([row], list(values)), "never change")


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("evidence", "retracted_at = NULL, retraction_id = NULL"),
        ("evidence", "retracted_at = retracted_at + interval '1 hour'"),
        ("policyversion", "notice = interval '1 day'"),
    ],
)
def test_what_is_set_once_stays(every_record: dict[type[Model], Model], table: str, changes: str) -> None:
    refused(lambda: run(f"UPDATE enforcement_{table} SET {changes}"), "set once")


def test_what_has_ended_never_changes(every_record: dict[type[Model], Model], lead: User, officer: User) -> None:
    case = Case.objects.get()
    stops.resume([case], [Stop.Kind.APPEAL], now=clock.now())
    refused(lambda: run("UPDATE enforcement_stop SET ended_at = NULL WHERE ended_at IS NOT NULL"), "never changes")
    refused(lambda: Stop.objects.exclude(ended_at=None).update(reason="other"), "never change")


def test_a_memo_that_somebody_has_keeps_its_words(warned_case: Case) -> None:
    refused(lambda: run("UPDATE enforcement_memo SET text = 'other'"), "somebody has it with other words")
    refused(lambda: Memo.objects.update(rendered_at=None, subject="", text="", html=""), "somebody has it")
    Message.objects.update(bounced_at=clock.now())
    assert Memo.objects.update(text="written anew, since nobody has it") == 1


# -- the table of transitions ------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("state = 'suspended'", "next version only"),
        ("version = version + 2", "next version only"),
        (f"outcome = 'cured', state = 'closed', closed_at = now(), {NOT_DUE}", "next version only"),
        ("closed_at = now()", "next version only|case_closed_with_time_and_outcome"),
        ("narrowed_at = now()", "next version only|case_narrowed_only_where_all_is_refused"),
        ("version = version + 1", "no decision was applied"),
        ("state = 'suspended', version = version + 1", "no decision was applied"),
        (f"state = 'open', {NOT_DUE}", "next version only"),
        ("account_id = account_id + 1", "never change"),
        ("opened_at = now()", "never change"),
    ],
)
def test_a_case_moves_by_a_decision_only(warned_case: Case, changes: str, why: str) -> None:
    refused(lambda: run(f"UPDATE enforcement_case SET {changes}"), why)


def test_no_way_of_the_orm_moves_a_case(warned_case: Case) -> None:
    warned_case.state, warned_case.version = "suspended", 2
    refused(warned_case.save, "no decision was applied")
    refused(lambda: Case.objects.update(state="suspended", version=2), "no decision was applied")
    refused(lambda: Case.objects.bulk_update([warned_case], ["state", "version"]), "no decision was applied")
    refused(warned_case.delete, "rows are never deleted|protected")


@pytest.mark.parametrize(
    ("step", "from_state", "state", "outcome", "why"),
    [
        ("dismiss", "warned", "blocked", "", "does not lead from the old state"),
        ("dismiss", "warned", "closed", "cured", "outcome is not that of the step"),
        ("cure", "warned", "warned", "", "does not lead from the old state"),
    ],
)
def test_a_case_goes_where_its_decision_leads(
    warned_case: Case, step: str, from_state: str, state: str, outcome: str, why: str
) -> None:
    decide(warned_case, step=step, from_state=from_state)
    ends = f", {NOT_DUE}" * (state != "warned") + ", closed_at = now()" * (state == "closed")
    refused(
        lambda: run(f"UPDATE enforcement_case SET state = '{state}', outcome = '{outcome}', version = 2{ends}"), why
    )


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"step": "cure", "case_version": 3}, "does not follow the state and version"),
        ({"step": "cure", "from_state": "open"}, "does not follow the state and version"),
        ({"step": "widen"}, "the table has no such step"),
        ({"step": "block_all"}, "the table has no such step"),
        ({"step": "cure", "settled_at": timedelta(hours=1)}, "the SQL clock has not come to that time"),
        ({"step": "cure", "status": "refused"}, "begins as held or as applied"),
    ],
)
def test_a_decision_is_applied_to_its_case_as_it_is(warned_case: Case, values: dict[str, Any], why: str) -> None:
    refused(lambda: decide(warned_case, **values), why)


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "warned"},
        {"version": 1},
        {"narrowed_at": "now"},
        {"accepted_at": "now", "due_at": "now", "notice": timedelta(0)},
        {"state": "closed", "outcome": "cured", "closed_at": "now"},
    ],
    ids=str,
)
def test_a_case_begins_as_open(account_at_home: Account, policy: PolicyVersion, columns: dict[str, Any]) -> None:
    values = {name: clock.now() if value == "now" else value for name, value in columns.items()}
    refused(
        lambda: Case.objects.create(reference="AE-1", account=account_at_home, policy=policy, rule="five", **values),
        "begins as open",
    )


def test_a_restriction_is_that_of_the_decision_which_moved_its_case(
    warned_case: Case, account_at_home: Account
) -> None:
    warning = warned_case.decisions.get()

    def restrict(**values: Any) -> None:
        rows = {"account": warned_case.account, "case": warned_case, "decision": warning, "scope": "account"} | values
        Restriction.objects.create(since=clock.now(), reason_code="account_suspended", **rows)

    refused(restrict, "restricts nothing")
    refused(lambda: restrict(account=account_at_home), "of another case or account")


def test_a_restriction_is_lifted_by_the_decision_that_moves_its_case(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    case = suspended(account_outside, detector)
    warning = case.decisions.get(step="warn")
    refused(lambda: Restriction.objects.update(lifted_at=clock.now(), lifted_by=warning), "lifted by the decision that")


# -- deadlines ------------------------------------


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("due_at = due_at - interval '1 microsecond'", "never comes earlier"),
        ("due_at = NULL, notice = NULL", "stays while the state does"),
        ("accepted_at = NULL, due_at = NULL, notice = NULL", "stays while the state does"),
        ("notice = notice - interval '1 second'", "never becomes shorter"),
        ("notice = NULL", "never becomes shorter"),
        ("policy_id = policy_id + 1", "while the case is open only"),
    ],
)
def test_what_was_told_of_a_deadline_stays(warned_case: Case, changes: str, why: str) -> None:
    refused(lambda: run(f"UPDATE enforcement_case SET {changes}"), why)


def test_no_way_of_the_orm_brings_a_deadline_nearer(warned_case: Case) -> None:
    assert warned_case.due_at is not None
    warned_case.due_at -= timedelta(seconds=1)
    refused(warned_case.save, "never comes earlier")
    refused(lambda: Case.objects.update(due_at=warned_case.due_at), "never comes earlier")
    refused(lambda: Case.objects.bulk_update([warned_case], ["due_at"]), "never comes earlier")


def test_a_clock_starts_with_the_notice_that_was_promised(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now() - timedelta(hours=1)))

    def start(notice: timedelta) -> None:
        now = clock.now()
        Case.objects.update(accepted_at=now, notice=notice, due_at=now + notice)

    refused(lambda: start(14 * DAY), "shorter than the policy promises")
    Account.objects.update(min_notice=20 * DAY)
    refused(lambda: start(15 * DAY), "shorter than the account's contract promises")
    start(20 * DAY)


# -- the notice rule ------------------------------------


def decide(case: Case, **values: Any) -> Decision:
    """The decision that a careful writer would insert, but for what is named."""
    now = clock.now()
    row = {
        "step": "suspend", "status": "applied", "from_state": "warned", "case_version": case.version + 1,
        "settled_at": timedelta(0), "decided_at": now, "reason": "?", "policy": case.policy, "facts": {},
    } | values  # fmt: skip
    if row["step"] == "suspend":
        row = {"rests_on": case.memos.first(), "due_at": case.due_at, "notice": case.notice} | row
    row["settled_at"] = now + row["settled_at"]
    if row["status"] == "held":
        row |= {"settled_at": None, "case_version": None, "rests_on": None, "due_at": None, "notice": None}
    return Decision.objects.create(case=case, **row)


@pytest.fixture
def due_case(warned_case: Case) -> Case:
    assert warned_case.due_at is not None
    clock.move_to(warned_case.due_at + timedelta(minutes=1))
    return warned_case


def test_a_step_that_rests_on_its_notice_is_taken(due_case: Case) -> None:
    decide(due_case)
    assert run("UPDATE enforcement_case SET state = 'suspended', version = 2, accepted_at = NULL, due_at = NULL,"
               " notice = NULL, look_at = NULL") == 1  # fmt: skip


def test_no_step_before_its_deadline_by_the_sql_clock(warned_case: Case) -> None:
    """Python's clock may say what it likes: here it is a year ahead."""
    refused(lambda: decide(warned_case, settled_at=365 * DAY), "deadline has not come|has not come to that time")


def test_no_step_without_the_memo_of_its_state(due_case: Case, account_at_home: Account, detector: Client) -> None:
    see(detector, sighting(account_at_home, clock.now() - timedelta(hours=1)))
    memos.render(now=clock.now())
    foreign = Memo.objects.exclude(case=due_case).get()
    refused(lambda: decide(due_case, rests_on=foreign), "rests on no memo that announced the state")
    reminder = Memo.objects.create(
        case=due_case, decision=due_case.decisions.get(), kind="reminder", before_due=DAY, created_at=clock.now()
    )
    refused(lambda: decide(due_case, rests_on=reminder), "rests on no memo that announced the state")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"bounced_at": "now"}, "or it came back"),
        ({"accepted_at": "now"}, "no mail server accepted its memo a notice ago"),
        ({"accepted_at": None, "state": "failed"}, "no mail server accepted its memo a notice ago"),
    ],
    ids=str,
)
def test_no_step_on_a_memo_that_nobody_has(due_case: Case, changes: dict[str, Any], why: str) -> None:
    with unguarded("notifications_message"):
        Message.objects.update(**{name: clock.now() if value == "now" else value for name, value in changes.items()})
    refused(lambda: decide(due_case), why)


def test_no_step_on_less_than_its_notice(due_case: Case) -> None:
    refused(lambda: decide(due_case, notice=DAY), "does not carry the deadline and the notice")
    refused(lambda: decide(due_case, due_at=due_case.due_at - DAY), "does not carry the deadline")
    with unguarded("enforcement_case"):
        Case.objects.update(notice=14 * DAY)
    due_case.refresh_from_db()
    refused(lambda: decide(due_case), "its notice is shorter than the policy promises")


@pytest.mark.parametrize("kind", [kind for kind in Stop.Kind.values if kind != "approval"])
def test_no_step_while_something_stops_the_clock(due_case: Case, kind: str) -> None:
    Stop.objects.create(case=due_case, kind=kind, started_at=clock.now())
    refused(lambda: decide(due_case), "something stops the clock")

    def end_it_first() -> None:
        run("UPDATE enforcement_stop SET ended_at = enforcement_now() + interval '1 hour'")
        decide(due_case)

    if kind not in ("bounce", "unreachable"):  # after these two the acceptance has to speak for itself
        refused(end_it_first, "something stops the clock")


def test_no_step_while_the_clock_stands_still(due_case: Case) -> None:
    Case.objects.update(remaining=DAY)
    refused(lambda: decide(due_case), "has not gone on")


def test_no_step_while_an_appeal_is_open(due_case: Case) -> None:
    appeals.file(decision_id=due_case.decisions.get().pk, statement="No.", now=clock.now())
    Stop.objects.update(ended_at=clock.now())
    Case.objects.update(remaining=None)
    refused(lambda: decide(due_case), "an appeal is open")


def test_no_step_under_a_pulled_brake(due_case: Case, account_at_home: Account) -> None:
    Brake.objects.update_or_create(what="enforcement", defaults={"pulled_at": clock.now()})
    refused(lambda: decide(due_case), "the brake is pulled")
    fresh = Case.objects.create(reference="AE-2", account=account_at_home, policy=due_case.policy, rule="five")
    refused(lambda: decide(fresh, step="warn", from_state="open"), "the brake is pulled")
    decide(due_case, step="cure")


def test_a_held_step_becomes_applied_under_the_same_rules(warned_case: Case, officer: User, lead: User) -> None:
    held = decide(warned_case, status="held", people=2, proposed_by=officer, proposed_as="officer")

    def agree() -> None:
        held.status, held.case_version, held.settled_at = "applied", 2, clock.now()
        held.approved_by, held.approved_as = lead, "lead"
        held.rests_on, held.due_at, held.notice = warned_case.memos.first(), warned_case.due_at, warned_case.notice
        held.save()

    refused(agree, "deadline|worse_only_after_notice")
    assert warned_case.due_at is not None
    clock.move_to(warned_case.due_at)
    agree()
    held.reason = "other"
    refused(held.save, "settled decision never changes|never change")


# -- four eyes ------------------------------------


@pytest.fixture
def second_login(officer: User) -> User:
    """The officer under another name, with the rights of a lead."""
    login = staff.create("olga.admin", email="olga.admin@provider.test", role=Role.LEAD, password=None)
    SecondLogin.objects.create(user=login, person=officer)
    return login


def test_two_logins_of_one_person_are_one_signature(due_case: Case, officer: User, second_login: User) -> None:
    signed = {"people": 2, "proposed_by": officer, "approved_by": second_login}
    refused(lambda: decide(due_case, **signed), "the same human being signed twice")
    held = decide(due_case, status="held", people=2, proposed_by=officer)
    refused(lambda: Decision.objects.filter(pk=held.pk).update(approved_by=second_login), "signed twice")


def test_a_person_s_step_takes_the_people_of_the_table(due_case: Case, officer: User) -> None:
    refused(lambda: decide(due_case, people=1, proposed_by=officer), "takes the people of the table")


def test_a_policy_is_put_into_force_by_two_human_beings(
    policy: PolicyVersion, officer: User, second_login: User
) -> None:
    refused(lambda: PolicyVersion.objects.update(proposed_by=officer, approved_by=second_login), "the same human being")


def test_a_brake_is_released_by_two_human_beings(officer: User, lead: User, second_login: User) -> None:
    now = clock.now()
    Brake.objects.update_or_create(what="enforcement", defaults={"pulled_at": now})
    pull = BrakePull.objects.create(what="enforcement", cause="manual", reason="?", pulled_at=now)
    refused(lambda: Brake.objects.update(pulled_at=None), "two people release it first")
    release = {"released_at": now, "release_proposed_by": officer, "release_because": "?"}
    rows = BrakePull.objects.filter(pk=pull.pk)
    refused(lambda: rows.update(**release, release_approved_by=second_login), "the same human being signed twice")
    rows.update(**release, release_approved_by=lead)
    assert Brake.objects.filter(what="enforcement").update(pulled_at=None) == 1


@pytest.mark.parametrize("model", [Stop, Exemption])
def test_an_end_is_brought_nearer_by_two_human_beings(
    every_record: dict[type[Model], Model], model: type[Model], officer: User, lead: User
) -> None:
    """The lead of the records is a second login of the officer."""
    ends = {"end_proposed_by": officer, "end_because": "?", "ended_at": clock.now()}
    rows = model._default_manager.filter(ended_at=None)
    refused(lambda: rows.update(**ends, end_approved_by=lead), "the same human being signed twice")


def test_a_decision_has_one_appeal_that_stops_the_clock(warned_case: Case) -> None:
    first = {"case": warned_case, "decision": warned_case.decisions.get(), "statement": "?", "filed_at": clock.now()}
    Appeal.objects.create(**first, suspensive=True)
    Appeal.objects.update(
        status="upheld",
        reason="?",
        decided_at=clock.now(),
        decided_by=staff.create("ada", email="ada@provider.test", role=Role.LEAD, password=None),
    )
    refused(lambda: Appeal.objects.create(**first, suspensive=True), "appeal_one_suspensive_per_decision")
    Appeal.objects.create(**first, suspensive=False)


def test_nobody_decides_the_appeal_against_an_own_decision(
    warned_case: Case, officer: User, second_login: User, lead: User
) -> None:
    decision = review.propose(
        case_id=warned_case.pk, step="dismiss", reason="?", by=officer, now=clock.now(), version=1
    )  # type: ignore[arg-type]
    appeal = Appeal.objects.create(
        case=warned_case, decision=decision, statement="?", suspensive=False, filed_at=clock.now()
    )
    answer = {"status": "upheld", "decided_at": clock.now(), "reason": "?"}
    rows = Appeal.objects.filter(pk=appeal.pk)
    refused(lambda: rows.update(**answer, decided_by=officer), "does not decide its appeal")
    refused(lambda: rows.update(**answer, decided_by=second_login), "does not decide its appeal")
    rows.update(**answer, decided_by=lead)
    refused(lambda: rows.update(status="overturned"), "a decided appeal never changes")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("accepted_at = accepted_at - interval '1 day'", "accepted_at, bounced_at are set once"),
        ("accepted_at = NULL, state = 'cancelled'", "accepted_at, bounced_at are set once"),
        ("recipient = 'somebody@else.test'", "recipient, .* never change"),
        ("text = 'We wrote something else.'", "text, .* never change"),
    ],
)
def test_what_a_mail_server_took_and_when_stays_as_it_was(warned_case: Case, change: str, why: str) -> None:
    refused(lambda: run(f"UPDATE notifications_message SET {change}"), why)


# -- the guards themselves ------------------------------------


def test_every_guard_is_installed_as_it_is_declared() -> None:
    for model, guard in pgtrigger.registered():
        status, enabled = guard.get_installation_status(model)
        assert status == "INSTALLED", f"{model._meta.label}: {guard.name}"
        assert enabled or guard.operation == pgtrigger.Truncate


def test_every_table_of_records_is_kept_from_deletion_and_emptying() -> None:
    kept = {model for model, guard in pgtrigger.registered() if guard.name == "truncate"}
    assert kept == set(RECORDS) == {model for model, guard in pgtrigger.registered() if guard.name == "delete"}
    assert kept - {Message} <= set(apps.get_app_config("enforcement").get_models())


def test_no_session_can_switch_a_guard_off(warned_case: Case) -> None:
    names = ",".join(guard.get_pgid(model) for model, guard in pgtrigger.registered())
    run("SELECT set_config('pgtrigger.ignore', %(names)s, true)", names=f"{{{names}}}")
    refused(lambda: run("UPDATE enforcement_case SET version = version + 1"), "no decision was applied")


def test_a_write_that_changes_nothing_is_no_change(every_record: dict[type[Model], Model]) -> None:
    """Rows of before a guard are never judged: only what a write changes is."""
    for model in RECORDS:
        every_record[model].save()
