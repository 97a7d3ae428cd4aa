"""One table of what an account can do; API, memos, console and gateway agree with it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from enforcement.admin import abilities
from enforcement.models import Account, Client, Decision, Memo, PolicyVersion
from enforcement.rules.capabilities import CAPABILITIES, Capabilities, Credit, Jobs, Requests
from enforcement.rules.durations import parse_duration
from enforcement.rules.transitions import State, Step
from enforcement.services import cases, clock, gateway, locks, queries, restrict_now, review, staff, sweep
from enforcement.services.cases import Order, WithoutNotice
from enforcement.services.gateway import Question
from enforcement.services.roles import Role
from tests.stage import DAY, answer_mail, pass_time, see, sighting, suspended, the_case, warned

pytestmark = pytest.mark.django_db

# By standing: the state whose row of the table holds.
ROWS = {
    "nobody's case": State.CLOSED,
    "in review": State.OPEN,
    "warned": State.WARNED,
    "restricted": State.RESTRICTED,
    "suspended": State.SUSPENDED,
    "suspended and narrowed": State.RESTRICTED,
    "blocked": State.BLOCKED,
    "closed": State.CLOSED,
}
Lives = dict[str, Callable[[], object]]


@pytest.fixture
def lives(account_outside: Account, detector: Client, policy: PolicyVersion, officer: User) -> Lives:
    """How the account came into each of them."""

    def restrict() -> None:
        counsel = staff.create("cora", email="", role=Role.COUNSEL, password=None)
        grounds = WithoutNotice(Decision.Basis.ORDER, "An order.")
        held = restrict_now.propose(
            account_id=account_outside.pk, grounds=grounds, reason="Ordered.", by=officer, now=clock.now(), version=None
        )
        review.approve(decision_id=held.pk, reason="Read it.", by=counsel, now=clock.now())

    def suspend() -> None:
        suspended(account_outside, detector)
        answer_mail()
        sweep.sweep(now=clock.now())

    def narrow() -> None:
        suspend()
        locks.lock_accounts([account_outside.pk], wait=True)
        order = Order(case=the_case(account_outside), step=Step.NARROW, people=0, reason="We are late.")
        cases.apply([order], now=clock.now())

    def block() -> None:
        suspend()
        pass_time(31 * DAY)

    def close() -> None:
        case = warned(account_outside, detector)
        review.propose(
            case_id=case.pk, step=Step.DISMISS, reason="Fine.", by=officer, now=clock.now(), version=case.version
        )

    return {
        "nobody's case": lambda: None,
        "in review": lambda: see(detector, sighting(account_outside, clock.now(), requests=4)),
        "warned": lambda: warned(account_outside, detector),
        "restricted": restrict,
        "suspended": suspend,
        "suspended and narrowed": narrow,
        "blocked": block,
        "closed": close,
    }


@pytest.mark.parametrize("standing", ROWS)
def test_what_the_api_answers_is_what_the_gateway_does(account_outside: Account, lives: Lives, standing: str) -> None:
    lives[standing]()
    row = CAPABILITIES[ROWS[standing]]
    answer = queries.account(account_outside.external_id)
    assert answer is not None
    assert _read(answer["capabilities"]) == row
    asked = [Question(account_outside.external_id, country=country) for country in ("CN", "DE")]
    allowed = [gateway.decide(each, now=clock.now())["allow"] for each in asked]
    assert (
        allowed
        == {
            Requests.ANSWERED: [True, True],
            Requests.NARROWED: [False, True],
            Requests.REFUSED: [False, False],
        }[row.requests]
    )


def _read(told: dict[str, object]) -> Capabilities:
    lasting = {name: told[name] and parse_duration(str(told[name])) for name in ("results", "self_service")}
    return Capabilities(
        **told  # type: ignore[arg-type]
        | lasting
        | {"requests": Requests(told["requests"]), "jobs": Jobs(told["jobs"]), "credit": Credit(told["credit"])}
    )


_JOBS = {Jobs.RUN: "run to their end", Jobs.FINISH: "finish within 24 hours", Jobs.ENDED: "Results of earlier jobs"}
_CREDIT = {Credit.USABLE: "can be used", Credit.FROZEN: "is frozen", Credit.REFUNDABLE: "is refunded"}


@pytest.mark.parametrize("standing", ["restricted", "suspended", "blocked"])
def test_the_memo_of_a_state_tells_its_row(account_outside: Account, lives: Lives, standing: str) -> None:
    lives[standing]()
    answer_mail()
    row = CAPABILITIES[ROWS[standing]]
    text = Memo.objects.filter(before_due=None).latest("pk").text
    assert _JOBS[row.jobs] in text
    assert f"credit {_CREDIT[row.credit]}" in text
    assert f"Automatic top-up {'stays on' if row.top_up else 'is off'}" in text
    assert ("can be read for 30 days" in text) == (row.results == 30 * DAY)
    assert ("work for 30 days" in text) == (row.self_service == 30 * DAY)


@pytest.mark.parametrize("state", list(State))
def test_the_console_tells_every_row(state: State) -> None:
    row, words = CAPABILITIES[state], dict(abilities.others_in(state))
    assert ("every request" in abilities.requests_in(state).lower()) == (row.requests is Requests.REFUSED)
    assert ("30 days" in words["Results of earlier jobs"]) == (row.results == 30 * DAY)
    assert ("30 days" in words["Log-in, deleting keys, invoices, export, appeal"]) == (row.self_service == 30 * DAY)
    assert words["Automatic top-up"] == ("stays on" if row.top_up else "is off")
    assert words["Paid credit"] == {
        Credit.USABLE: "can be used", Credit.FROZEN: "is frozen", Credit.REFUNDABLE: "can be paid back",
    }[row.credit]  # fmt: skip


def test_every_standing_of_a_case_stands_above() -> None:
    assert set(ROWS.values()) == set(CAPABILITIES) == set(State)
