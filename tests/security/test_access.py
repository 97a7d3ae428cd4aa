"""Every cell of the staff's table in docs/access.md, tried over HTTP: what it refuses leaves every row as it was."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.models import Account, Appeal, Brake, BrakePull, Case, Decision, Exemption, MemoCopy
from enforcement.rules.transitions import Step
from enforcement.services import appeals, brake, clock, exemptions, holds, restrict_now, review, staff
from enforcement.services.cases import WithoutNotice
from enforcement.services.review import BY_HAND
from enforcement.services.roles import Role
from tests.security.access_table import Row, table, undone

pytestmark = pytest.mark.django_db

STAFF = table("what")
PASSWORD = "correct-horse-9-battery"
Rows = Callable[[], dict[str, str]]
World = Callable[[str], Any]
# How one person tries what a row says, given what it is tried on.
Attempt = Callable[[Browser, User, Any], HttpResponse]


def press(browser: Browser, address: str, **given: Any) -> HttpResponse:
    """A confirmed page: as the person would who saw the newest version."""
    return browser.post(address, {"reason": "Looked at it.", **given})


# -- the people ------------------------------------------------------------------------------------------------------


def join(column: str, password: str | None) -> User:
    """A new person as the column's heading says."""
    if column in list(Role):
        return staff.create(f"the-{column}", email="", role=Role(column), password=password)
    if column == "superuser":
        return User.objects.create_superuser("the-superuser", password=password)
    return User.objects.create_user("the-newcomer", password=password, is_staff=True)


def arrive(column: str, person: User) -> Browser:
    browser = Browser()
    if column != "not logged in":
        browser.force_login(person)
    return browser


# -- what is tried ---------------------------------------------------------------------------------------------------


def step(name: str, **given: Any) -> Attempt:
    def attempt(browser: Browser, person: User, case: Case) -> HttpResponse:
        address = reverse("admin:enforcement_case_step", args=[case.pk, name])
        return press(browser, address, version=Case.objects.get(pk=case.pk).version, **given)

    return attempt


def settle(word: str) -> Attempt:
    return lambda browser, person, decision: press(
        browser, reverse(f"admin:enforcement_decision_{word}", args=[decision.pk])
    )


def restrict_without_notice(browser: Browser, person: User, account: Account) -> HttpResponse:
    case = Case.objects.filter(account=account).exclude(state="closed").first()
    given = {"basis": "order", "legal_basis": "An order.", "scope": "traffic", "told": "now"}
    address = reverse("admin:enforcement_account_restrict_now", args=[account.pk])
    return press(browser, address, version=case.version if case else "", **given)


def answer(word: str) -> Attempt:
    return lambda browser, person, appeal: press(browser, reverse(f"admin:enforcement_appeal_{word}", args=[appeal.pk]))


def record_bounce(browser: Browser, person: User, copy: MemoCopy) -> HttpResponse:
    return press(browser, reverse("admin:enforcement_memo_bounce", args=[copy.pk]))


def on_the_clock(act: str) -> Attempt:
    def attempt(browser: Browser, person: User, case: Case) -> HttpResponse:
        later = f"{clock.now() + timedelta(days=90):%Y-%m-%dT%H:%M}"
        return press(browser, reverse("admin:enforcement_case_clock", args=[case.pk, act]), due_at=later)

    return attempt


def exempt(browser: Browser, person: User, account: Account) -> HttpResponse:
    given = {"scope": "account", "ends_at": f"{clock.now() + timedelta(days=90):%Y-%m-%dT%H:%M}"}
    return press(browser, reverse("admin:enforcement_account_exempt", args=[account.pk]), **given)


def end_exemption(act: str) -> Attempt:
    return lambda browser, person, row: press(browser, reverse("admin:enforcement_exemption_end", args=[row.pk, act]))


def turn(act: str) -> Attempt:
    return lambda browser, person, _: press(browser, reverse("admin:enforcement_brake_act", args=["enforcement", act]))


def index(browser: Browser, person: User, _: Any) -> HttpResponse:
    return browser.get(reverse("admin:index"))


def read(noun: str) -> Attempt:
    """The list, and the page of a row: one answer, the worse of the two."""
    model = noun_models()[noun]
    names = f"admin:{model._meta.app_label}_{model._meta.model_name}"

    def attempt(browser: Browser, person: User, _: Any) -> HttpResponse:
        row = model._default_manager.latest("pk")
        pages = [reverse(f"{names}_changelist"), reverse(f"{names}_change", args=[row.pk])]
        return max((browser.get(page) for page in pages), key=lambda each: each.status_code)

    return attempt


def noun_models() -> dict[str, Any]:
    models = [each for each in admin.site._registry if each is not Group]
    return {"staff" if each is User else str(each._meta.verbose_name_plural): each for each in models}


def edit_any(browser: Browser, person: User, _: Any) -> HttpResponse:
    """Every form of every noun."""
    for noun, model in noun_models().items():
        if noun == "staff":
            continue
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        key = model._default_manager.latest("pk").pk
        selected = {"action": "delete_selected", "_selected_action": key, "post": "yes"}
        browser.post(reverse(f"{names}_changelist"), selected)
        browser.post(reverse(f"{names}_delete", args=[key]), {"post": "yes"})
        browser.post(reverse(f"{names}_change", args=[key]), {"state": "closed"})
        answer = browser.post(reverse(f"{names}_add"), {"state": "closed"})
    return answer


def make_staff(browser: Browser, person: User, _: Any) -> HttpResponse:
    secret = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    answer = browser.post(reverse("admin:auth_user_add"), {"username": "newer", **secret})
    other = User.objects.filter(username="newer").first() or person
    moments = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}
    given = {"username": other.username, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    lead = Group.objects.get(name=Role.LEAD)
    changed = browser.post(
        reverse("admin:auth_user_change", args=[other.pk]), given | moments | {"groups": str(lead.pk)}
    )
    return max(answer, changed, key=lambda each: each.status_code)


def delete_staff(browser: Browser, person: User, decider: User) -> HttpResponse:
    answer = browser.post(reverse("admin:auth_user_delete", args=[decider.pk]), {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": str(decider.pk), "post": "yes"}
    browser.post(reverse("admin:auth_user_changelist"), selected)
    return answer


def change_password_of(browser: Browser, person: User, other: User) -> HttpResponse:
    given = {"password1": PASSWORD * 2, "password2": PASSWORD * 2, "usable_password": "true"}
    return browser.post(reverse("admin:auth_user_password_change", args=[other.pk]), given)


def change_own_password(browser: Browser, person: User, _: Any) -> HttpResponse:
    given = {"old_password": PASSWORD, "new_password1": PASSWORD * 2, "new_password2": PASSWORD * 2}
    return browser.post(reverse("admin:password_change"), given)


# What each row of the first table means: how it is tried, and on what.
ATTEMPTS: dict[tuple[str, str], tuple[Attempt, str]] = {
    ("open the first page", ""): (index, "nothing"),
    **{("read", noun): (read(noun), "everything") for noun in noun_models()},
    ("add, change or delete by a form", "any of these rows"): (edit_any, "everything"),
    ("warn", "a case in review"): (step("warn"), "in_review"),
    ("dismiss", "a case in review"): (step("dismiss"), "in_review"),
    ("restrict", "a case whose notice is over"): (step("restrict", scope="traffic"), "due_case"),
    ("restrict", "a key that another account holds"): (
        step("restrict", scope="keys", credentials=["sk-of-another"]),
        "due_case",
    ),
    ("suspend", "a case whose notice is over"): (step("suspend"), "due_case"),
    ("suspend", "a case whose notice runs"): (step("suspend"), "warned_case"),
    ("block", "a suspended case"): (step("block"), "block_due"),
    ("reinstate", "a suspended case"): (step("reinstate"), "suspended_case"),
    ("approve", "what the automation held"): (settle("approve"), "held"),
    ("approve", "what somebody else proposed"): (settle("approve"), "proposed"),
    ("approve", "a suspension before the notice is over"): (settle("approve"), "too_early"),
    ("approve", "one's own proposal"): (settle("approve"), "proposed"),
    ("refuse", "what the automation held"): (settle("refuse"), "held"),
    ("refuse", "what somebody else proposed"): (settle("refuse"), "proposed"),
    ("refuse", "one's own proposal"): (settle("refuse"), "proposed"),
    ("restrict without notice", "an account without a case"): (restrict_without_notice, "without_case"),
    ("restrict without notice", "a case whose notice runs"): (restrict_without_notice, "with_notice_running"),
    ("restrict without notice", "a suspended case"): (restrict_without_notice, "with_a_suspended_case"),
    ("approve", "a restriction without notice that an officer proposed"): (settle("approve"), "unnoticed"),
    ("approve", "a restriction without notice that counsel proposed"): (settle("approve"), "unnoticed_by_counsel"),
    ("refuse", "a restriction without notice that somebody else proposed"): (settle("refuse"), "unnoticed"),
    ("end a gag", "on a restriction without notice"): (settle("end_gag"), "gagged"),
    ("uphold an appeal", "against what the automation decided"): (answer("uphold"), "appealed"),
    ("uphold an appeal", "against one's own decision"): (answer("uphold"), "appealed"),
    ("overturn an appeal", "against what the automation decided"): (answer("overturn"), "appealed"),
    ("overturn an appeal", "against one's own decision"): (answer("overturn"), "appealed"),
    ("record a bounce", "of the memo that told of a suspension"): (record_bounce, "told_of_suspension"),
    ("hold", "a case whose notice runs"): (on_the_clock("hold"), "warned_case"),
    ("give more time", "to a case whose notice runs"): (on_the_clock("extend"), "warned_case"),
    ("propose to end", "a hold"): (on_the_clock("propose-end"), "held_case"),
    ("end", "a hold whose end an officer proposed"): (on_the_clock("end"), "hold_to_end"),
    ("exempt", "an account without a case"): (exempt, "without_case"),
    ("propose to end", "an exemption"): (end_exemption("propose"), "exempted"),
    ("end", "an exemption whose end an officer proposed"): (end_exemption("approve"), "exemption_to_end"),
    ("pull the brake", "of enforcing"): (turn("pull"), "nothing"),
    ("propose to release", "a brake that is pulled"): (turn("propose"), "pulled"),
    ("release", "a brake whose release an officer proposed"): (turn("approve"), "to_release"),
    ("make, or put into a group", "staff"): (make_staff, "nothing"),
    ("delete", "staff who decided something"): (delete_staff, "decider"),
    ("change the password", "of somebody else"): (change_password_of, "decider"),
    ("change the password", "of one's own"): (change_own_password, "nothing"),
}


@pytest.fixture
def world(request: pytest.FixtureRequest, officer: User) -> World:
    """What a row is tried on, by its name above."""

    def made(name: str) -> Any:
        return OWN_WORLDS[name](request, officer) if name in OWN_WORLDS else request.getfixturevalue(name)

    return made


def _block_due(request: pytest.FixtureRequest, officer: User) -> Case:
    case: Case = request.getfixturevalue("suspended_case")
    assert case.due_at is not None
    clock.move_to(case.due_at)
    return case


def _proposed(request: pytest.FixtureRequest, officer: User, on: str = "due_case") -> Decision:
    case = request.getfixturevalue(on)
    given: dict[str, Any] = {"step": Step.SUSPEND, "reason": "Still there.", "by": officer, "version": case.version}
    return review.propose(case_id=case.pk, now=clock.now(), **given)


def _appealed(request: pytest.FixtureRequest, officer: User) -> Any:
    case = request.getfixturevalue("suspended_case")
    return appeals.file(decision_id=case.decisions.get(step="suspend").pk, statement="We moved.", now=clock.now())


def _told_of_suspension(request: pytest.FixtureRequest, officer: User) -> MemoCopy:
    case = request.getfixturevalue("suspended_case")
    return MemoCopy.objects.get(memo__case=case, memo__kind="suspension")


def _without_notice(request: pytest.FixtureRequest, officer: User, by: User | None = None) -> Decision:
    account = _without_case(request, officer)
    grounds = WithoutNotice(Decision.Basis.ORDER, "An order.", gagged=True)
    given: dict[str, Any] = {"reason": "Ordered.", "by": by or officer, "version": None, "grounds": grounds}
    return restrict_now.propose(account_id=account.pk, now=clock.now(), **given)


def _counsel() -> User:
    return staff.create("cora", email="", role=Role.COUNSEL, password=None)


def _gagged(request: pytest.FixtureRequest, officer: User) -> Decision:
    held = _without_notice(request, officer)
    return review.approve(decision_id=held.pk, reason="I read it.", by=_counsel(), now=clock.now())


def _without_case(request: pytest.FixtureRequest, officer: User) -> Account:
    request.getfixturevalue("policy")
    account: Account = request.getfixturevalue("account_outside")
    return account


def _decider(request: pytest.FixtureRequest, officer: User) -> User:
    _proposed(request, officer)
    return officer


def _pulled(request: pytest.FixtureRequest, officer: User) -> Any:
    return brake.pull(Brake.What.ENFORCEMENT, BrakePull.Cause.MANUAL, "We look first.", now=clock.now())


def _to_release(request: pytest.FixtureRequest, officer: User) -> Any:
    _pulled(request, officer)
    return brake.propose_release(Brake.What.ENFORCEMENT, because="We have looked.", by=officer)


def _held_case(request: pytest.FixtureRequest, officer: User) -> Case:
    case: Case = request.getfixturevalue("warned_case")
    holds.place(case_id=case.pk, reason="We look first.", by=officer, now=clock.now())
    return case


def _hold_to_end(request: pytest.FixtureRequest, officer: User) -> Case:
    case = _held_case(request, officer)
    holds.propose_end(case_id=case.pk, because="We have looked.", by=officer)
    return case


def _exempted(request: pytest.FixtureRequest, officer: User) -> Exemption:
    account, now = _without_case(request, officer), clock.now()
    ends_at, scope = now + timedelta(days=30), Exemption.Scope.ACCOUNT
    return exemptions.grant(account_id=account.pk, scope=scope, reason="A pilot.", by=officer, ends_at=ends_at, now=now)


def _exemption_to_end(request: pytest.FixtureRequest, officer: User) -> Exemption:
    exemption = _exempted(request, officer)
    return exemptions.propose_end(exemption_id=exemption.pk, because="It is over.", by=officer, now=clock.now())


OWN_WORLDS: dict[str, Callable[[pytest.FixtureRequest, User], Any]] = {
    "nothing": lambda request, officer: None,
    "everything": lambda request, officer: request.getfixturevalue("written_by_strangers"),
    "block_due": _block_due,
    "proposed": _proposed,
    "too_early": lambda request, officer: _proposed(request, officer, on="warned_case"),
    "appealed": _appealed,
    "told_of_suspension": _told_of_suspension,
    "without_case": _without_case,
    "with_notice_running": lambda request, officer: request.getfixturevalue("warned_case").account,
    "with_a_suspended_case": lambda request, officer: request.getfixturevalue("suspended_case").account,
    "unnoticed": _without_notice,
    "unnoticed_by_counsel": lambda request, officer: _without_notice(request, officer, by=_counsel()),
    "gagged": _gagged,
    "held_case": _held_case,
    "hold_to_end": _hold_to_end,
    "exempted": _exempted,
    "exemption_to_end": _exemption_to_end,
    "pulled": _pulled,
    "to_release": _to_release,
    "decider": _decider,
}


# -- every cell of the first table -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", STAFF, ids=str)
def test_a_person_does_what_the_table_says_and_nothing_else(row: Row, world: World, rows: Rows) -> None:
    subject = world(ATTEMPTS[row.what, row.which][1])
    found = {}
    for column in row.cells:
        with undone():
            found[column] = tried(row, column, subject, rows)
    assert found == row.cells


def _sign(subject: Appeal | Decision, person: User) -> None:
    """It was this person who proposed it, perhaps in an earlier role."""
    decision = subject.decision_id if isinstance(subject, Appeal) else subject.pk
    with unguarded("enforcement_decision"):
        Decision.objects.filter(pk=decision).update(proposed_by=person)


def tried(row: Row, column: str, subject: Any, rows: Rows) -> str:
    """What the table calls the outcome."""
    attempt, _ = ATTEMPTS[row.what, row.which]
    person = join(column, PASSWORD if row.what == "change the password" else None)  # hashing one takes its time
    if "one's own" in row.which and subject is not None:
        _sign(subject, person)
    browser = arrive(column, person)
    before = rows()
    given = attempt(browser, person, subject)
    changed = rows() != before
    if given.status_code == 302 and given["Location"].startswith(reverse("admin:login")):
        assert not changed
        return "logs in"
    if row.what in ("read", "open the first page"):
        return {200: "yes", 403: "no"}[given.status_code]
    if changed and Decision.objects.filter(status=Decision.Status.HELD, proposed_by=person).exists():
        return "proposes"
    return "yes" if changed else "no"


def test_every_noun_and_every_step_of_the_console_stands_in_the_table() -> None:
    assert {row.which for row in STAFF if row.what == "read"} == set(noun_models())
    assert {each.value for each in BY_HAND} <= {row.what for row in STAFF}


def test_every_door_of_our_own_in_the_console_is_tried() -> None:
    """Beside Django's pages of a noun there are the steps, and the answers to decisions and appeals."""
    usual = {"changelist", "add", "history", "delete", "change", "password_change"}
    names = {str(each.name) for model in admin.site._registry.values() for each in model.get_urls() if each.name}
    ours = {name for name in names if not name.endswith(tuple(f"_{each}" for each in usual))}
    assert ours == {
        "enforcement_case_step",
        "enforcement_case_clock",
        "enforcement_decision_approve",
        "enforcement_decision_refuse",
        "enforcement_decision_end_gag",
        "enforcement_account_restrict_now",
        "enforcement_account_exempt",
        "enforcement_exemption_end",
        "enforcement_appeal_uphold",
        "enforcement_appeal_overturn",
        "enforcement_memo_bounce",
        "enforcement_brake",
        "enforcement_brake_act",
    }
