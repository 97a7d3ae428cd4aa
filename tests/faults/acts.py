"""What happens in a case's life, act by act. Each act may be begun again after it broke off: whoever did not hear an
answer looks what became of it, and tries again."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command

from enforcement.models import (
    Account,
    Appeal,
    AssessmentMark,
    BrakePull,
    Case,
    Client,
    Contact,
    Decision,
    Evidence,
    Memo,
    MemoCopy,
)
from enforcement.rules.transitions import State, Step
from enforcement.services import appeals, bounces, clock, intake, policies, restrict_now, retraction, review, staff
from enforcement.services.cases import WithoutNotice
from enforcement.services.roles import Role
from faultpoints import faultpoint
from notifications.models import Message
from tests.conftest import SMALL_POLICY, make_account
from tests.stage import sighting

REASON = "Somebody has looked."
POLICY = SMALL_POLICY + "safety: {max_steps_per_hour: 100, max_share_of_accounts: 1}\n"
SOON = timedelta(minutes=5)  # how far ahead what failed is tried again
Act = Callable[[], None]


def door(*words: str) -> dict[str, Any]:
    """A command as `manage.py` runs it, and what it says that it did."""
    out = io.StringIO()
    call_command(*words, stdout=out)
    return dict(json.loads(out.getvalue()))


# -- the cast ---------------------------------------------------------------------------------------------------------


def cast(accounts: int = 1, **fields: Any) -> None:
    """A policy, people, a detector, and accounts outside the territory."""
    people = {"olga": Role.OFFICER, "oskar": Role.OFFICER, "leo": Role.LEAD, "lara": Role.LEAD, "cora": Role.COUNSEL}
    for name, role in people.items():
        staff.create(name, email=f"{name}@provider.test", role=role, password=None)
    version = policies.draft(POLICY, now=clock.now())
    policies.activate(version.pk, proposed_by=who("olga"), approved_by=who("leo"), now=clock.now())
    Client.objects.create(name="edge-logs", kind=Client.Kind.DETECTOR)
    for number in range(accounts):
        make_account(f"office-{number}", f"Office {number} Ltd", **fields)


def who(name: str) -> User:
    return User.objects.get(username=name)


def standing() -> Case:
    return Case.objects.exclude(state=State.CLOSED).get()


def last(step: Step) -> Decision:
    found = Decision.objects.filter(step=step, status=Decision.Status.APPLIED).order_by("pk").last()
    assert found is not None, f"nobody took the step {step}"
    return found


# -- evidence and work --------------------------------------------------------------------------------------------


def evidence() -> None:
    _see("first")


def fresh_evidence() -> None:
    """The traffic goes on after the deadline."""
    _see("later")


def more_evidence() -> None:
    _see("last")


def _see(which: str) -> None:
    """A detector that heard no answer sends the same again, to the letter."""
    detector, now = Client.objects.get(), clock.now()
    known = dict(Evidence.objects.values_list("external_id", "observed_at"))
    items = []
    for account in Account.objects.order_by("pk"):
        name = f"{which}-{account.external_id}"
        items.append(sighting(account, known.get(name, now), id=name))
    receipt = intake.record(detector, items, now=now)
    assert receipt.accepted + receipt.count("duplicate") == len(items), receipt


def work() -> None:
    """All doors of the automation, round and round, until a round finds nothing to do."""
    while _round() or _later():
        pass


def _round() -> bool:
    faultpoint("round.begun")
    return sum(_did(door(name)) for name in ("assess", "deliver", "sweep")) > 0


def _did(said: Any) -> int:
    return sum(map(_did, said.values())) if isinstance(said, dict) else int(said or 0)


def _later() -> bool:
    """What failed is tried again after a minute or so: let it pass."""
    now = clock.now()
    moments = [
        *Message.objects.filter(state=Message.State.QUEUED).values_list("next_attempt_at", flat=True),
        *Case.objects.exclude(state=State.CLOSED).values_list("look_at", flat=True),
        *AssessmentMark.objects.values_list("look_at", flat=True),
        *Memo.objects.filter(rendered_at=None, cancelled_at=None).values_list("render_at", flat=True),
    ]
    soon = [each for each in moments if each is not None and now < each < now + SOON]
    if soon:
        clock.move_to(max(soon))
    return bool(soon)


def past_the_deadline() -> None:
    due = [each for each in Case.objects.values_list("due_at", flat=True) if each is not None]
    clock.move_to(max(due) + timedelta(minutes=1))


# -- appeals ------------------------------------------------------------------------------------------------------


def contest_the_warning() -> None:
    _contest(last(Step.WARN))


def contest_the_suspension() -> None:
    _contest(last(Step.SUSPEND))


def _contest(decision: Decision) -> None:
    if not decision.appeals.exists():
        appeals.file(decision_id=decision.pk, statement="It was a journey.", now=clock.now())


def uphold() -> None:
    _decide(overturn=False)


def overturn() -> None:
    _decide(overturn=True)


def _decide(*, overturn: bool) -> None:
    appeal = Appeal.objects.get()
    if appeal.status == Appeal.Status.OPEN:
        appeals.decide(appeal_id=appeal.pk, overturn=overturn, reason=REASON, by=who("lara"), now=clock.now())


def let_the_answer_be_late() -> None:
    clock.move_to(Appeal.objects.get().decide_by + timedelta(minutes=1))


# -- what goes back -----------------------------------------------------------------------------------------------


def retract() -> None:
    ids = list(Evidence.objects.values_list("external_id", flat=True))
    retraction.retract(detector=Client.objects.get(), external_ids=ids, reason=REASON, now=clock.now())


def come_back() -> None:
    """The memo that the owner's server had taken."""
    copies = MemoCopy.objects.filter(role=Contact.Role.OWNER).values_list("message", flat=True)
    bounces.record(message_ids=list(copies), words="550 5.1.1 no such user", now=clock.now())


def name_another_contact() -> None:
    Contact.objects.get_or_create(account=Account.objects.get(), role=Contact.Role.LEGAL, email="law@office-0.test")


# -- by hand ------------------------------------------------------------------------------------------------------


def approve() -> None:
    held = Decision.objects.filter(status=Decision.Status.HELD).first()
    if held is not None:
        signer = who("cora") if held.step == Step.RESTRICT_NOW else who("leo")
        review.approve(decision_id=held.pk, reason=REASON, by=signer, now=clock.now())


def reinstate() -> None:
    case = Case.objects.get()
    if case.state != State.CLOSED:
        review.propose(
            case_id=case.pk, step=Step.REINSTATE, reason=REASON, by=who("oskar"), now=clock.now(), version=case.version
        )


def propose_to_restrict_now() -> None:
    if Decision.objects.filter(step=Step.RESTRICT_NOW).exists():
        return
    case = standing()
    restrict_now.propose(
        account_id=case.account_id,
        grounds=WithoutNotice(Decision.Basis.ORDER, "Order 12/2026 of the court at Example."),
        reason=REASON,
        by=who("olga"),
        now=clock.now(),
        version=case.version,
    )


def pull_the_brake() -> None:
    door("brake", "pull", "--by", "olga")


def release_the_brake() -> None:
    if BrakePull.objects.filter(released_at=None).exists():
        door("brake", "release", "--by", "olga", "--by", "leo")
