"""The stories: each day of the last quarter is lived again by the services themselves, so that every case, decision,
memo, restriction and appeal is what they would have written. Nothing here writes a case.

All in one transaction: workers that run meanwhile see the outcome, never a deadline of long ago.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.db.models import F, QuerySet

from enforcement.management.seeding.crowd import Told
from enforcement.models import Appeal, Case, Decision, PolicyVersion
from enforcement.rules.transitions import State, Step, StepRefused
from enforcement.services import appeals, assessment, memos, notice, review, sweep
from enforcement.services.appeals import AppealRefused
from enforcement.services.locks import lock_accounts
from enforcement.services.notice_rule import NoticeNotOver
from enforcement.services.review import ReviewRefused
from enforcement.services.roles import NotAllowed
from enforcement.services.switches import BrakePulled
from examples.histories import Act

FIRST_DAY = 84  # days ago, no story begins earlier
_BATCH = 250
_MAIL = timedelta(minutes=5)  # until the last mail server has answered
_DOES_NOT_FIT = (ReviewRefused, AppealRefused, NotAllowed, NoticeNotOver, BrakePulled, StepRefused, ObjectDoesNotExist)

# Nobody speaks to a mail server here: what the outbox would have heard, by the host of a made address. `.example` is
# reserved, so no message of anybody else is touched.
_ANSWER = """
UPDATE notifications_message SET attempts = 1,
       state = CASE WHEN recipient LIKE '%%@refuses-%%' THEN 'failed'
                    WHEN recipient LIKE '%%@busy-%%' THEN 'queued' ELSE 'accepted' END,
       accepted_at = CASE WHEN recipient !~ '@(refuses|busy)-'
                          THEN least(created_at + (1 + id %% 9) * interval '20 seconds', %(until)s) END,
       next_attempt_at = CASE WHEN recipient LIKE '%%@busy-%%' THEN %(until)s::timestamptz + interval '1 hour' END,
       reply = CASE WHEN recipient LIKE '%%@refuses-%%' THEN '550 5.1.1 No such mailbox'
                    WHEN recipient LIKE '%%@busy-%%' THEN '451 4.7.1 Greylisted, try again later'
                    ELSE '250 2.0.0 OK: queued' END
 WHERE state = 'queued' AND attempts = 0 AND recipient LIKE '%%.example'
"""


@dataclass(frozen=True)
class Storyteller:
    told: Sequence[Told]
    policy: PolicyVersion
    staff: dict[str, User]
    now: datetime

    @transaction.atomic
    def tell(self, day_over: Callable[[], object]) -> None:
        """Live through all days; `day_over` is called after each."""
        beginning = defaultdict(list)
        for each in self.told:
            beginning[min(each.resident.first, FIRST_DAY)].append(each.account)
        for ago in range(FIRST_DAY, 0, -1):
            self._live(self._morning(ago), beginning[ago], ago)
            day_over()
        self._live(self.now, [each.account for each in self.told], 0)
        day_over()

    def _morning(self, ago: int) -> datetime:
        """Some time of that day, after its evidence came in."""
        midnight = datetime.combine(self.now.astimezone(UTC).date(), datetime.min.time(), UTC) - timedelta(days=ago)
        return midnight + timedelta(hours=9, minutes=ago * 37 % 540, seconds=ago * 13 % 60)

    def _live(self, at: datetime, looked_at: Sequence[int], ago: int) -> None:
        """People act first: what waits for them in the evening is what the automation did in the morning."""
        self._act(ago, at)
        self._follow_habits(at)
        for accounts in _batches([*looked_at, *self._awakened(at)]):
            locked = lock_accounts(accounts, wait=True)
            assessment.assess_accounts(locked, self.policy, now=at)
        self._sweep(at)
        memos.render(now=at)
        heard_at = min(at + _MAIL, self.now)
        with connection.cursor() as cursor:
            cursor.execute(_ANSWER, {"until": heard_at})
        notice.start_clocks(now=heard_at)

    def _sweep(self, at: datetime) -> None:
        for accounts in _batches(list(self._cases().filter(look_at__lte=at).values_list("account_id", flat=True))):
            sweep.look(lock_accounts(accounts, wait=True), now=at)

    def _awakened(self, at: datetime) -> list[int]:
        """Who waits after the deadline for what the evidence says: intake would have marked them."""
        waiting = self._cases().filter(state=State.WARNED, due_at__lte=at, look_at__gt=at)
        return list(waiting.values_list("account_id", flat=True))

    def _cases(self, habit: str | None = None) -> QuerySet[Case]:
        ours = [each.account for each in self.told if habit is None or _habit(each) == habit]
        return Case.objects.filter(account__in=ours).exclude(state=State.CLOSED)

    # -- what people do ------------------------------------------------------------------------------------------
    # Under another policy a case takes another course, and what does not fit it is left out.

    def _act(self, ago: int, at: datetime) -> None:
        for each in self.told:
            story = each.resident.story
            act = story.acts.get(each.resident.first - ago) if story else None
            case = Case.objects.filter(account=each.account).order_by("-pk").first() if act else None
            if act and case:
                with suppress(*_DOES_NOT_FIT), transaction.atomic():
                    self._one_act(case, act, at)

    def _one_act(self, case: Case, act: Act, at: datetime) -> None:
        officer, lead = self.staff["seed-officer"], self.staff["seed-second-lead"]
        if act == "dismiss":
            reason = "The key was stolen; the owner has revoked it."
            review.propose(case_id=case.pk, step=Step.DISMISS, reason=reason, by=officer, now=at, version=case.version)
        elif act == "appeal":
            newest = Decision.objects.get(case=case, case_version=F("case__version"))
            appeals.file(decision_id=newest.pk, statement="We use your service from supported territory only.", now=at)
        else:
            appeal = Appeal.objects.get(case=case, status=Appeal.Status.OPEN)
            overturn = act == "overturn"
            reason = "Your bills prove it." if overturn else "The traffic went on while you appealed."
            appeals.decide(appeal_id=appeal.pk, overturn=overturn, reason=reason, by=lead, now=at)

    def _follow_habits(self, at: datetime) -> None:
        for case in self._cases("restrict").filter(state=State.WARNED, due_at__lte=at):
            with suppress(*_DOES_NOT_FIT), transaction.atomic():
                self._restrict(case, at)
        for decision in Decision.objects.filter(case__in=self._cases("approve"), status=Decision.Status.HELD):
            with suppress(*_DOES_NOT_FIT), transaction.atomic():
                self._agree(decision, at)
        for decision in Decision.objects.filter(case__in=self._cases("refuse"), status=Decision.Status.HELD):
            reason = "The account has shown that the traffic is not its own."
            with suppress(*_DOES_NOT_FIT), transaction.atomic():
                review.refuse(decision_id=decision.pk, reason=reason, by=self.staff["seed-lead"], now=at)

    def _restrict(self, case: Case, at: datetime) -> None:
        officer, reason = self.staff["seed-officer"], "Only the traffic from the territory is to stop."
        held = review.propose(
            case_id=case.pk, step=Step.RESTRICT, reason=reason, by=officer, now=at, version=case.version
        )
        self._agree(held, at)

    def _agree(self, held: Decision, at: datetime) -> None:
        lead, reason = self.staff["seed-lead"], "The facts are as the decision says."
        review.approve(decision_id=held.pk, reason=reason, by=lead, now=at)


def _habit(told: Told) -> str | None:
    return told.resident.story.habit if told.resident.story else None


def _batches(accounts: Sequence[int]) -> Iterator[Sequence[int]]:
    return (accounts[first : first + _BATCH] for first in range(0, len(accounts), _BATCH))
