"""The queue is read in four orders, a page at a time, forwards and backwards, and each case stands on one page."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.unguarded import unguarded
from enforcement.admin.cases import CaseAdmin
from enforcement.models import Account, Case, Client, Decision, PolicyVersion, Score, Stop
from enforcement.services import assessment, clock
from tests.conftest import make_account
from tests.stage import see, sighting, the_case

pytestmark = pytest.mark.django_db

Open = Callable[[User], Browser]
QUEUE = reverse("admin:enforcement_case_changelist")
RUNNING = ["open", "warned", "restricted", "suspended", "blocked"]
SORTS = ["next", "deadline", "points", "state"]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CaseAdmin, "list_per_page", 3)


@pytest.fixture
def queue(policy: PolicyVersion) -> list[Case]:
    """Fourteen cases with ties in points and deadlines, some without a deadline, two held, and one that is over."""
    now = clock.now()
    cases = [make_case(number, policy, RUNNING[number % 5]) for number in range(14)]
    for case in cases[:4:3]:
        Decision.objects.create(
            case=case, step="suspend", status="held", from_state=case.state, reason="?", policy=policy, decided_at=now
        )
    closed = make_case(99, policy, "closed", closed_at=now, outcome="cured")
    return [*cases, closed]


def make_case(number: int, policy: PolicyVersion, state: str, **fields: object) -> Case:
    now = clock.now()
    has_deadline = state in ("warned", "restricted", "suspended")
    with unguarded("enforcement_case"):
        return Case.objects.create(
            reference=f"AE-{number:04}",
            account=make_account(f"queue-{number}", f"Firm {number}"),
            policy=policy,
            rule="five",
            state=state,
            points=Decimal(number % 4),
            accepted_at=now if has_deadline else None,
            due_at=now + timedelta(days=number % 3) if has_deadline else None,
            notice=timedelta(0) if has_deadline else None,
            **fields,
        )


def pages(browser: Browser, start: str, way: str, **query: str) -> Iterator[list[str]]:
    """The references on each page, as somebody meets them who follows the links."""
    address = f"{QUEUE}?{start}"
    for _ in range(20):
        changelist = browser.get(address, query if address.endswith("?") else None).context["cl"]
        yield [case.reference for case in changelist.result_list]
        onward = dict(changelist.ways)[way]
        if not onward:
            return
        address = f"{QUEUE}{onward}"
    raise AssertionError("the pages never end")


def all_of(found: Iterator[list[str]]) -> list[str]:
    return [reference for page in found for reference in page]


@pytest.mark.parametrize("sort", SORTS)
def test_every_case_stands_on_exactly_one_page(queue: list[Case], officer: User, browser_of: Open, sort: str) -> None:
    found = all_of(pages(browser_of(officer), f"sort={sort}", "Next"))
    assert sorted(found) == sorted(case.reference for case in queue if case.state != "closed")


@pytest.mark.parametrize("sort", SORTS)
def test_from_the_last_page_one_comes_back_over_the_same_cases(
    queue: list[Case], officer: User, browser_of: Open, sort: str
) -> None:
    browser = browser_of(officer)
    forwards = all_of(pages(browser, f"sort={sort}", "Next"))
    back = list(pages(browser, f"sort={sort}&p=last", "Previous"))
    assert [reference for page in reversed(back) for reference in page] == forwards


@pytest.mark.parametrize("sort", SORTS)
def test_the_page_before_the_second_is_the_first(queue: list[Case], officer: User, browser_of: Open, sort: str) -> None:
    browser = browser_of(officer)

    def turn(address: str, way: str) -> tuple[list[Case], str]:
        changelist = browser.get(address).context["cl"]
        return changelist.result_list, f"{QUEUE}{dict(changelist.ways)[way]}"

    first, onward = turn(f"{QUEUE}?sort={sort}", "Next")
    _, back = turn(onward, "Previous")
    assert turn(back, "Next") == (first, onward)


def test_a_list_that_fits_on_one_page_says_how_long_it_is(queue: list[Case], officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    assert '<p class="ae-whole">1 case</p>' in browser.get(QUEUE, {"state": "closed"}).content.decode()
    assert "ae-whole" not in browser.get(QUEUE).content.decode()


def test_the_highest_points_come_first(queue: list[Case], officer: User, browser_of: Open) -> None:
    points = {case.reference: case.points for case in queue}
    found = [points[each] for each in all_of(pages(browser_of(officer), "sort=points", "Next"))]
    assert found == sorted(found, reverse=True)


def test_what_is_due_first_comes_first_and_what_is_never_due_last(
    queue: list[Case], officer: User, browser_of: Open
) -> None:
    due = {case.reference: case.due_at for case in queue}
    found = [due[each] for each in all_of(pages(browser_of(officer), "sort=deadline", "Next"))]
    dated = [each for each in found if each]
    assert dated == sorted(dated)
    assert found == [*dated, *[None] * (len(found) - len(dated))]


def test_states_come_in_the_order_of_a_case_s_life(queue: list[Case], officer: User, browser_of: Open) -> None:
    states = {case.reference: RUNNING.index(case.state) for case in queue if case.state != "closed"}
    found = [states[each] for each in all_of(pages(browser_of(officer), "sort=state", "Next"))]
    assert found == sorted(found)


def test_what_somebody_has_to_agree_to_comes_first(queue: list[Case], officer: User, browser_of: Open) -> None:
    first, *_ = pages(browser_of(officer), "", "Next")
    assert sorted(first[:2]) == [queue[0].reference, queue[3].reference]


@pytest.mark.parametrize("sort", SORTS)
def test_one_state_is_sorted_as_all_are(queue: list[Case], officer: User, browser_of: Open, sort: str) -> None:
    browser = browser_of(officer)
    everything = all_of(pages(browser, f"sort={sort}", "Next"))
    warned = {case.reference for case in queue if case.state == "warned"}
    found = all_of(pages(browser, f"sort={sort}&state=warned", "Next"))
    assert found == [each for each in everything if each in warned]


def test_a_page_of_one_order_is_not_asked_of_another(queue: list[Case], officer: User, browser_of: Open) -> None:
    browser = browser_of(officer)
    onward = dict(browser.get(QUEUE, {"sort": "points"}).context["cl"].ways)["Next"]
    answer = browser.get(f"{QUEUE}{onward.replace('sort=points', 'sort=deadline')}")
    assert (answer.status_code, answer["Location"]) == (302, f"{QUEUE}?e=1")


def test_a_case_that_comes_meanwhile_moves_nothing_onto_a_page_twice(
    queue: list[Case], policy: PolicyVersion, officer: User, browser_of: Open
) -> None:
    found = pages(browser_of(officer), "sort=points", "Next")
    first = next(found)
    make_case(103, policy, "open")  # three points: it belongs before the second page
    assert not set(first) & set(all_of(found))


def test_a_case_is_found_by_its_number_its_account_and_how_the_name_begins(
    queue: list[Case], officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)

    def found(term: str) -> list[str]:
        return [case.reference for case in browser.get(QUEUE, {"q": term}).context["cl"].result_list]

    assert found("ae-0007") == ["AE-0007"]
    assert found("queue-7") == ["AE-0007"]
    assert found(" firm 7 ") == ["AE-0007"]
    assert found("firm 99") == ["AE-0099"]  # a search finds what is over, too
    assert found("irm 7") == []
    assert found("queue-") == []
    assert found("%") == []


def test_a_search_that_leaves_accounts_out_says_so(
    queue: list[Case], officer: User, browser_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enforcement.admin.queue.MOST_ACCOUNTS", 5)
    answer = browser_of(officer).get(QUEUE, {"q": "firm"})
    assert "accounts whose name begins so were looked at" in answer.content.decode()


@pytest.mark.parametrize(("waits", "kind"), [("contact", "unreachable"), ("contact", "bounce"), ("stopped", "hold")])
def test_the_queue_is_narrowed_to_what_a_case_waits_for(
    queue: list[Case], officer: User, browser_of: Open, waits: str, kind: str
) -> None:
    Stop.objects.create(case=queue[5], kind=kind, started_at=clock.now())
    found = all_of(pages(browser_of(officer), f"waits={waits}", "Next"))
    assert found == [queue[5].reference]


def test_accounts_are_found_by_how_their_id_or_their_name_begins(
    queue: list[Case], officer: User, browser_of: Open
) -> None:
    make_account("firm-by-id", "Other")
    page = reverse("admin:enforcement_account_changelist")
    found = browser_of(officer).get(page, {"q": "firm"}).context["cl"].result_list
    assert [account.external_id for account in found[:2]] == ["firm-by-id", "queue-0"]
    assert len(found) == 16


def test_a_case_carries_the_points_of_its_account(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=2))
    assert the_case(account_outside).points == Decimal(2)
    see(detector, sighting(account_outside, clock.now(), requests=1))
    assert the_case(account_outside).points == Decimal(3)
    assert Score.objects.get(account=account_outside).points == Decimal(3)


def test_what_is_closed_keeps_the_points_it_was_closed_with(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    see(detector, sighting(account_outside, clock.now(), requests=4))
    case = the_case(account_outside)
    with unguarded("enforcement_case"):
        Case.objects.filter(pk=case.pk).update(state="closed", outcome="dismissed", closed_at=clock.now())
    see(detector, sighting(account_outside, clock.now(), requests=1))
    assessment.assess(now=clock.now())
    assert Case.objects.get(pk=case.pk).points == Decimal(4)


def test_what_waits_alone_is_read_by_its_deadline_and_asks_for_nothing_else(
    queue: list[Case], officer: User, browser_of: Open
) -> None:
    browser = browser_of(officer)
    assert sorted(all_of(pages(browser, "", "Next", waits="approval"))) == ["AE-0000", "AE-0003"]
    with CaptureQueriesContext(connection) as captured:
        browser.get(QUEUE, {"waits": "approval"})
    (order,) = [each["sql"] for each in captured if '"rank"' in each["sql"]]
    assert "NOT EXISTS" not in order.upper()
