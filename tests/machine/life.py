"""Lives of one account, drawn at random and lived through the real services on a real database.

After every step the invariants are asked, and a few sentences of the semantics that the machine follows by itself: what
was promised in which state, what stops the clock, and what a step at the deadline needs.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from enforcement.models import (
    Appeal,
    Brake,
    BrakePull,
    Case,
    Client,
    Contact,
    Decision,
    Evidence,
    Exemption,
    MemoCopy,
    Stop,
)
from enforcement.rules.transitions import WORSENING, State, Step, StepRefused
from enforcement.services import (
    appeals,
    assessment,
    bounces,
    brake,
    clock,
    exemptions,
    extensions,
    holds,
    intake,
    invariants,
    memos,
    retraction,
    review,
    sweep,
)
from enforcement.services.appeals import AppealRefused
from enforcement.services.brake import ReleaseRefused
from enforcement.services.exemptions import ExemptionRefused
from enforcement.services.extensions import ExtensionRefused
from enforcement.services.holds import HoldRefused
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed
from enforcement.services.switches import BrakePulled
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import sighting

REFUSALS = (
    AppealRefused, BrakePulled, ExemptionRefused, ExtensionRefused, HoldRefused, NotAllowed, NoticeNotOver,
    ReleaseRefused, ReviewRefused, StepRefused,
)  # fmt: skip
DAY, QUIET, MINIMUM = timedelta(days=1), timedelta(days=7), timedelta(days=7)
SPANS = (timedelta(minutes=1), timedelta(hours=20), DAY, 6 * DAY, 8 * DAY, 15 * DAY, 31 * DAY)
ENFORCEMENT = Brake.What.ENFORCEMENT
MIDLIVES = ("fresh", "warned", "due", "suspended", "appealed")


class Violated(AssertionError):
    """A sentence of the semantics does not hold."""


def holds_that(sentence: str, is_true: bool) -> None:
    if not is_true:
        raise Violated(sentence)


class Life(RuleBasedStateMachine):
    """Rows are rolled back after each life; what waits for a commit is done after each step."""

    cast: dict[str, User]  # set by the test, whose database this is

    def __init__(self) -> None:
        super().__init__()
        self.life = transaction.atomic()
        self.life.__enter__()
        self.account = make_account("life", "Life Ltd")
        self.detector = Client.objects.create(name="life", kind=Client.Kind.DETECTOR)
        self.version = (0, 0)  # case and version that was last looked at
        self.state = ""
        self.promised: datetime | None = None
        self.stopped_at: datetime | None = None

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.life.__exit__(None, None, None)

    # -- what happens --------------------------------------------------------------------------------------------

    @initialize(start=st.sampled_from(MIDLIVES))
    def begin(self, start: str) -> None:
        """Most of what goes wrong goes wrong late in a life, where a life that begins at its beginning rarely comes."""
        if start == "fresh":
            return
        self.see(9, False)
        self.mail(Message.State.ACCEPTED)
        self.sweep()
        if start == "appealed":
            self.appeal()
        if start in ("due", "suspended"):
            self.tick(timedelta(hours=1))
            self.reach_the_deadline()
            self.see(9, False)
        if start == "suspended":
            self.sweep()
            self.mail(Message.State.ACCEPTED)
            self.sweep()

    @rule(requests=st.sampled_from((1, 9)), twice=st.booleans())
    def see(self, requests: int, twice: bool) -> None:
        item = sighting(self.account, clock.now(), requests=requests)
        intake.record(self.detector, [item, item] if twice else [item], now=clock.now())
        self.do(assessment.assess, now=clock.now())

    @rule()
    def retract(self) -> None:
        ids = list(Evidence.objects.filter(retracted_at=None).values_list("external_id", flat=True))
        self.do(retraction.retract, detector=self.detector, external_ids=ids, reason="Bad data.", now=clock.now())

    @rule(became=st.sampled_from((Message.State.ACCEPTED, Message.State.FAILED)))
    def mail(self, became: str) -> None:
        memos.render(now=clock.now())
        accepted_at = clock.now() if became == Message.State.ACCEPTED else None
        Message.objects.filter(state=Message.State.QUEUED).update(
            state=became, accepted_at=accepted_at, next_attempt_at=None, attempts=1
        )

    @rule()
    def bounce(self) -> None:
        copies = MemoCopy.objects.filter(memo__before_due=None).order_by("-pk").values_list("message", flat=True)
        self.do(bounces.record, message_ids=list(copies[:1]), now=clock.now())

    @rule()
    def correct_the_contact(self) -> None:
        count = Contact.objects.count()
        Contact.objects.update_or_create(account=self.account, email=f"new-{count}@life.test", role=Contact.Role.OWNER)

    @rule(by=st.sampled_from(SPANS))
    def tick(self, by: timedelta) -> None:
        clock.advance(by)

    @rule()
    def reach_the_deadline(self) -> None:
        """Chance alone rarely meets a moment."""
        case = self.case()
        if case is not None and case.due_at is not None and case.due_at > clock.now():
            clock.move_to(case.due_at)

    @rule()
    def sweep(self) -> None:
        done = sweep.sweep(now=clock.now())
        self.after_commit()
        holds_that("no account is set aside", not any(each.failed for each in done.values()))

    @rule()
    def appeal(self) -> None:
        newest = Decision.objects.filter(step__in=[*WORSENING, Step.WARN], status="applied").order_by("-pk").first()
        if newest is not None:
            self.do(appeals.file, decision_id=newest.pk, statement="We were travelling.", now=clock.now())

    @rule(overturn=st.booleans())
    def answer(self, overturn: bool) -> None:
        opened = Appeal.objects.filter(status=Appeal.Status.OPEN).first()
        if opened is not None:
            given = {"overturn": overturn, "reason": "We have looked.", "by": self.cast["judge"]}
            self.do(appeals.decide, appeal_id=opened.pk, now=clock.now(), **given)

    @rule(days=st.sampled_from((None, 3)))
    def hold(self, days: int | None) -> None:
        until = clock.now() + days * DAY if days else None
        self.on_the_case(holds.place, reason="We ask.", by=self.cast["officer"], until=until, now=clock.now())

    @rule()
    def end_the_hold(self) -> None:
        self.on_the_case(holds.propose_end, because="They answered.", by=self.cast["officer"])
        self.on_the_case(holds.approve_end, by=self.cast["lead"], now=clock.now())

    @rule()
    def extend(self) -> None:
        case = self.case()
        if case is not None and case.due_at is not None:
            more = {"due_at": case.due_at + 2 * DAY, "reason": "They migrate.", "by": self.cast["officer"]}
            self.on_the_case(extensions.extend, now=clock.now(), **more)

    @rule(scope=st.sampled_from(("account", "territory")))
    def exempt(self, scope: str) -> None:
        value = "CN" if scope == "territory" else ""
        given = {"scope": Exemption.Scope(scope), "value": value, "reason": "They travel.", "by": self.cast["officer"]}
        self.do(exemptions.grant, account_id=self.account.pk, ends_at=clock.now() + 5 * DAY, now=clock.now(), **given)

    @rule()
    def pull_the_brake(self) -> None:
        brake.pull(ENFORCEMENT, BrakePull.Cause.MANUAL, "We look.", now=clock.now())

    @rule()
    def release_the_brake(self) -> None:
        self.do(brake.propose_release, ENFORCEMENT, because="Looked.", by=self.cast["officer"])
        self.do(brake.approve_release, ENFORCEMENT, by=self.cast["lead"], now=clock.now())

    @rule(step=st.sampled_from((Step.WARN, Step.RESTRICT, Step.SUSPEND, Step.BLOCK, Step.DISMISS, Step.REINSTATE)))
    def propose(self, step: Step) -> None:
        case = self.case()
        if case is not None:
            given = {"step": step, "reason": "By hand.", "by": self.cast["officer"], "version": case.version}
            self.on_the_case(review.propose, now=clock.now(), **given)

    @rule(who=st.sampled_from(("officer", "again", "lead")))
    def agree(self, who: str) -> None:
        held = Decision.objects.filter(status=Decision.Status.HELD).first()
        if held is not None:
            self.do(review.approve, decision_id=held.pk, reason="Yes.", by=self.cast[who], now=clock.now())

    # -- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def every_invariant_holds(self) -> None:
        broken = invariants.check(now=clock.now(), late=False)
        holds_that(f"{broken}", not broken)

    @invariant()
    def what_was_promised_is_kept(self) -> None:
        """By this machine's own reckoning, which reads no clock that the services keep."""
        case, now = self.case(), clock.now()
        seen = (case.pk, case.version) if case else (0, 0)
        if seen != self.version and case is not None and seen[0] == self.version[0]:
            self._moved(case, now)
        if seen != self.version:
            self.promised = self.stopped_at = None
        self.version, self.state = seen, case.state if case else ""
        if case is None or case.due_at is None:
            return
        holds_that("a deadline never comes earlier", self.promised is None or case.due_at >= self.promised)
        self.promised = case.due_at
        stopped = self._is_stopped(case)
        if self.stopped_at is not None and not stopped and case.remaining is None:
            holds_that("a stop leaves the minimum", case.due_at >= self.stopped_at + MINIMUM)
        if stopped:
            self.stopped_at = now

    def _moved(self, case: Case, now: datetime) -> None:
        taken = Decision.objects.get(case=case, case_version=case.version)
        if taken.step not in WORSENING or taken.step == Step.RESTRICT_NOW:
            return
        holds_that("nothing gets worse before its promise", self.promised is not None and now >= self.promised)
        holds_that("nothing gets worse while a clock is stopped", self.stopped_at is None or taken.people > 0)
        if self.state == State.WARNED and taken.proposed_by_id is None and self.promised is not None:
            went_on = Evidence.objects.filter(retracted_at=None, observed_at__gte=self.promised)
            holds_that("a step at the deadline needs traffic that went on", went_on.exists())

    def _is_stopped(self, case: Case) -> bool:
        asked = Stop.objects.filter(case=case, ended_at=None).exclude(kind=Stop.Kind.APPROVAL)
        suspended = Appeal.objects.filter(case=case, status=Appeal.Status.OPEN, suspensive=True)
        return asked.exists() or suspended.exists() or Brake.objects.get(pk=ENFORCEMENT).pulled_at is not None

    # -- how -----------------------------------------------------------------------------------------------------

    def case(self) -> Case | None:
        return Case.objects.exclude(state=State.CLOSED).first()

    def on_the_case(self, service: Any, **given: Any) -> None:
        case = self.case()
        if case is not None:
            self.do(service, case_id=case.pk, **given)

    def do(self, service: Any, *given: Any, **more: Any) -> None:
        """One call; a refusal that says why is an answer like any other."""
        try:
            with transaction.atomic():
                service(*given, **more)
        except REFUSALS:
            return
        self.after_commit()

    def after_commit(self) -> None:
        """This life is never committed, so what its services left for then is done now."""
        waiting, connection.run_on_commit = connection.run_on_commit, []
        for _, work, _ in waiting:
            work()
