"""Every cell of docs/access.md, tried over HTTP: what it grants is done, what it refuses leaves every row as it was."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import get_resolver, reverse

from enforcement.models import Account, Appeal, Case, Client, Decision, Evidence
from enforcement.rules.transitions import Step
from enforcement.services import appeals, clock, intake, review, staff
from enforcement.services.review import BY_HAND
from enforcement.services.roles import Role
from tests.api.conftest import Caller, item
from tests.security.access_table import PAGE, Row, table

pytestmark = pytest.mark.django_db

STAFF, MACHINES = table("what"), table("call")
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


def answer(word: str) -> Attempt:
    return lambda browser, person, appeal: press(browser, reverse(f"admin:enforcement_appeal_{word}", args=[appeal.pk]))


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
    ("uphold an appeal", "against what the automation decided"): (answer("uphold"), "appealed"),
    ("uphold an appeal", "against one's own decision"): (answer("uphold"), "appealed"),
    ("overturn an appeal", "against what the automation decided"): (answer("overturn"), "appealed"),
    ("overturn an appeal", "against one's own decision"): (answer("overturn"), "appealed"),
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


def _decider(request: pytest.FixtureRequest, officer: User) -> User:
    _proposed(request, officer)
    return officer


OWN_WORLDS: dict[str, Callable[[pytest.FixtureRequest, User], Any]] = {
    "nothing": lambda request, officer: None,
    "everything": lambda request, officer: request.getfixturevalue("written_by_strangers"),
    "block_due": _block_due,
    "proposed": _proposed,
    "too_early": lambda request, officer: _proposed(request, officer, on="warned_case"),
    "appealed": _appealed,
    "decider": _decider,
}


# -- every cell of the first table -----------------------------------------------------------------------------------


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside has not happened."""
    point = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


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
        "enforcement_decision_approve",
        "enforcement_decision_refuse",
        "enforcement_appeal_uphold",
        "enforcement_appeal_overturn",
    }


# -- every cell of the second table ----------------------------------------------------------------------------------

# What each call of the second table is: the body, if any; the objects in the address exist.
BODIES: dict[str, Any] = {
    "POST /evidence": [item("seen-1", account="shenzhen")],
    "PUT /accounts/{id}": {"plan": "pro"},
    "POST /accounts": [{"external_id": "shenzhen", "plan": "pro"}],
    "PUT /cases/{id}": {"state": "closed"},
}


@pytest.mark.parametrize("row", MACHINES, ids=str)
def test_a_key_does_what_the_table_says_and_nothing_else(
    row: Row, warned_case: Case, detector: Client, caller: Callable[[str], Caller], rows: Rows
) -> None:
    if "another detector" in row.which:
        intake.record(detector, [item("seen-1", account="another-s", requests=7)], now=clock.now())
    callers = {column: Caller(None) if column == "no key" else caller(column) for column in row.cells}
    found = {}
    for column, each in callers.items():
        with undone():
            found[column] = called(each, row, warned_case, rows)
    assert found == row.cells


def called(caller: Caller, row: Row, case: Case, rows: Rows) -> str:
    method, path = row.what.split()
    path = path.replace("{id}", case.reference if "cases" in path else case.account.external_id)
    before = rows()
    body = BODIES.get(row.what)
    if body is not None:
        answer = getattr(caller, method.lower())(path, body)
    else:
        answer = caller.call(method, path + ("?account=shenzhen" if "gateway" in path else ""))
    if answer.status_code in (200, 202):
        return "yes"
    assert answer.status_code == (401 if caller.key is None else 403 if _exists(row) else 405)
    assert rows() == before
    return "no"


def _exists(row: Row) -> bool:
    """Some key may make this call."""
    return "yes" in row.cells.values()


def test_every_call_of_the_api_stands_in_the_table() -> None:
    found = {str(each.pattern) for each in get_resolver("enforcement.api.urls").url_patterns}
    told = {row.what.split()[1].lstrip("/") for row in MACHINES if _exists(row)}
    assert told == {re.sub("<[^>]*>", "{id}", address) for address in found}


def test_the_id_of_another_detectors_item_is_free_and_tells_nothing(
    account_outside: Account, detector: Client, sender: Caller
) -> None:
    intake.record(detector, [item("seen-1", account="shenzhen", requests=7)], now=clock.now())
    answer = sender.post("/evidence", [item("seen-1", account="berlin", requests=1)]).json()
    assert (answer["accepted"], answer["items"]) == (1, [])
    assert set(Evidence.objects.values_list("detector__name", "account__external_id", "requests")) == {
        ("edge-logs", "shenzhen", 7),
        ("a-detector", "berlin", 1),
    }


def test_the_session_of_a_person_is_no_key_and_a_key_is_no_session(lead: User, reader: Caller) -> None:
    browser = Browser()
    browser.force_login(lead)
    assert browser.get("/api/v1/cases").status_code == 401
    answer = Browser().get(reverse("admin:index"), headers={"Authorization": f"Bearer {reader.key}"})
    assert answer["Location"].startswith(reverse("admin:login"))


# -- what is open to everybody ---------------------------------------------------------------------------------------


def test_what_is_open_to_everybody_is_named() -> None:
    told = set(re.findall("`(/[a-z/]+)`", PAGE.read_text(encoding="utf-8").split("## Everybody")[1]))
    open_to_all = {address for address in _addresses() if Browser().get(address).status_code == 200}
    assert open_to_all == told - {"/static/"}


def _addresses() -> set[str]:
    """The project's own, without those that stand in the tables."""
    found = {f"/{each.pattern}" for each in get_resolver().url_patterns}
    return {each for each in found if not each.startswith(("/admin/", "/api/v1/"))}


def test_figures_are_for_those_whom_a_setting_names(lead: User, reader: Caller, settings: Any) -> None:
    person = Browser()
    person.force_login(lead)
    keyed = {"Authorization": f"Bearer {reader.key}"}
    assert {each.status_code for each in (person.get("/metrics"), person.get("/metrics", headers=keyed))} == {403}
    settings.METRICS_TOKEN = "of-the-scraper"
    assert Browser().get("/metrics", headers={"Authorization": "Bearer of-the-scraper"}).status_code == 200
    assert Browser().get("/metrics", headers={"Authorization": "Bearer of-the-scrape"}).status_code == 403
