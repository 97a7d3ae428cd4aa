"""The story of the demo: people whose traffic everybody knows, and what a fair service makes of each."""

from datetime import timedelta

from enforcement.management.demo import screen
from enforcement.management.demo.stage import EXAMPLES, Stage, last_case, open_case
from enforcement.models import Case, Decision
from enforcement.rules.policy import parse_policy
from enforcement.services import appeals, backtest, clock, review
from examples.people import HISTORY, PEOPLE, Person, write_log

POLICY = EXAMPLES / "policies" / "demo.yaml"
STOPPED = "guangzhou-lab"
BACKTEST = ("account", "outcome", "rule", "share", "territories", "first_seen", "last_seen")


def tell(stage: Stage) -> None:
    """Thirteen weeks of evidence, then what follows."""
    start = clock.now()
    _evidence(stage)
    _rehearse()
    _warn(stage)
    _half_of_the_notice(stage)
    _deadline(stage)
    _decide_the_appeal(stage)
    _block(stage)
    _close(stage, (clock.now() - start).days)


def _evidence(stage: Stage) -> None:
    screen.act("Evidence", clock.now())
    for person in PEOPLE:
        stage.call("registrar", "PUT", f"accounts/{person.account}", person.document)
    screen.say(f"The registrar told us of {len(PEOPLE)} accounts.")
    _send(stage, PEOPLE, days=HISTORY, what=f"{HISTORY} days of the access log")


def _send(stage: Stage, people: tuple[Person, ...], *, days: float, what: str) -> None:
    """The log of the last days, located with real data and sent as evidence."""
    until = clock.now()
    log = stage.directory / f"access-{until:%Y%m%d%H%M%S}.jsonl"
    lines = write_log(log, stage.began, until - timedelta(days=days), until, people)
    with screen.doing("The detector reads, locates and sends …"):
        said = stage.detect(log, "--account-from", "field:account", "--credential-from", "field:key")
    log.unlink()
    screen.say(f"Detector, {what} ({lines:,} lines): {said}")


def _all_but(*accounts: str) -> tuple[Person, ...]:
    return tuple(person for person in PEOPLE if person.account not in accounts)


def _rehearse() -> None:
    screen.act("Backtest: who would be affected? (nothing is written)", clock.now())
    policy = parse_policy(POLICY.read_text(encoding="utf-8"))
    rows = list(backtest.backtest(policy, at=clock.now()))
    screen.table(BACKTEST, ([row[column] for column in BACKTEST] for row in rows))
    left_alone = sorted({person.account for person in PEOPLE} - {row["account"] for row in rows})
    screen.say(f"Left alone: {', '.join(left_alone)}.")


def _warn(stage: Stage) -> None:
    screen.act("Two people activate the policy; memos go out by SMTP", clock.now())
    stage.activate(POLICY)
    with screen.doing("Celery assesses, warns and mails …"):
        stage.settle()
    mails = stage.mails()
    screen.say(f"The mail server accepted {len(mails)} memos; from that second the notice runs:")
    screen.table(
        ("case", "account", "state", "accepted", "due"),
        ((c.reference, c.account.external_id, c.state, _time(c.accepted_at), _time(c.due_at)) for c in _cases()),
    )
    english = next(mail for mail in mails if mail["Content-Language"] == "en")
    body = english.get_body(("plain",))
    screen.letter(str(english["Subject"]), body.get_content() if body else "")


def _half_of_the_notice(stage: Stage) -> None:
    with screen.doing("Eight days pass …"):
        stage.advance(8)
    screen.act("Eight days later", clock.now())
    _send(stage, _all_but(STOPPED), days=8, what="everybody goes on but the lab")
    case = open_case("moscow-agency")
    warning = case.decisions.get(step="warn", status=Decision.Status.APPLIED)
    stage.appeal = appeals.file(
        decision_id=warning.pk, statement="Our Berlin office was renumbered; the location data is old.", now=clock.now()
    )
    screen.say(f"moscow-agency appeals against {case.reference}: its clock stops.")


def _deadline(stage: Stage) -> None:
    with screen.doing("The deadline comes …"):
        stage.advance(6.5)
        _send(stage, _all_but(STOPPED), days=6.5, what="as before")
        stage.advance(4)  # whatever day of the week it is, one of them is a working day
        _send(stage, _all_but(STOPPED), days=4, what="the office still goes on after its deadline")
        stage.settle()
    screen.act("After the deadline", clock.now())
    _show("shenzhen-office", "guangzhou-lab", "moscow-agency")
    for account, country in (("shenzhen-office", "CN"), ("shenzhen-office", "DE"), ("us-edge", "HK")):
        answer = stage.call("gateway", "GET", "gateway/decision", account=account, country=country)
        screen.say(f"Gateway: {account} from {country}? {'allowed' if answer['allow'] else answer['reason_code']}")


def _decide_the_appeal(stage: Stage) -> None:
    screen.act("Somebody who was not involved decides the appeal", clock.now())
    reason = "The operator confirmed that the addresses moved to Berlin in May."
    appeals.decide(appeal_id=stage.appeal.pk, overturn=True, reason=reason, by=stage.someone_else(), now=clock.now())
    stage.settle()
    _show("moscow-agency")


def _block(stage: Stage) -> None:
    with screen.doing("Thirty days pass …"):
        stage.advance(31)
    # The office is refused, and the agency's addresses are located rightly now.
    _send(stage, _all_but(STOPPED, "shenzhen-office", "moscow-agency"), days=31, what="everybody else")
    stage.settle()
    screen.act("Thirty days after the suspension: the block is held for a person", clock.now())
    held = Decision.objects.get(status=Decision.Status.HELD, step="block")
    screen.say(f"Held: {held.step} on {held.case.reference}: {held.reason}")
    review.approve(decision_id=held.pk, reason="Read the facts; nothing changed.", by=stage.lead, now=clock.now())
    stage.settle()
    _show("shenzhen-office")


def _close(stage: Stage, days: int) -> None:
    screen.act(f"What became of everybody in {days} days", clock.now())
    screen.table(("account", "who", "outcome", "gateway from home"), (_ending(stage, person) for person in PEOPLE))
    screen.say(f"{len(stage.mails())} memos were sent; each is in {stage.directory / 'mail'}.")
    wrong = [person.account for person in PEOPLE if _became(person.account) != person.expected]
    if wrong:
        raise AssertionError(f"Not what should have become of them: {', '.join(wrong)}")


def _ending(stage: Stage, person: Person) -> tuple[str, str, str, str]:
    answer = stage.call("gateway", "GET", "gateway/decision", account=person.account, country=person.home)
    return person.account, person.who, _became(person.account), "allowed" if answer["allow"] else answer["reason_code"]


def _became(account: str) -> str:
    case = last_case(account)
    if case is None:
        return "left alone"
    if case.state == "open":
        return "for a person to look at"
    return case.outcome or case.state


def _cases() -> list[Case]:
    return list(Case.objects.select_related("account").order_by("pk"))


def _show(*accounts: str) -> None:
    for account in accounts:
        case = last_case(account)
        last = case.decisions.exclude(status=Decision.Status.LAPSED).order_by("-pk").first() if case else None
        if case and last:
            screen.say(f"{account}: {case.state}{f' ({case.outcome})' if case.outcome else ''}. {last.reason}")


def _time(at: object) -> str:
    return f"{at:%d %b %H:%M:%S}" if at else "-"
