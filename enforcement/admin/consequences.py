"""What a step brings about, in sentences: read before it is taken, drawn from the table of transitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from enforcement.admin.abilities import changes, requests_in
from enforcement.admin.case_file import CaseFile
from enforcement.admin.display import duration, plain
from enforcement.models import Case, Contact, Decision, Stop
from enforcement.rules.decisions import people_by_hand, rung_of
from enforcement.rules.transitions import NEEDS_NOTICE, Effect, State, Step, Transition, find_transition
from enforcement.services.manners import manners_of
from enforcement.services.queries import felt

_MEMO = {
    State.WARNED: "A warning",
    State.RESTRICTED: "A memo that tells of the restriction",
    State.SUSPENDED: "A memo that tells of the suspension",
    State.BLOCKED: "A memo that tells of the block",
    State.CLOSED: "A memo that says the case is over",
}
REFUSED_ALONE = "You alone refuse it. The step is not taken, and the clock goes on with what remained."
APPEAL_ALONE = "You alone decide this; nobody who put their name to a step of the case may."
_SILENCE = "No memo: nothing was said to the account about this case, so nothing is said now."


@dataclass(frozen=True, slots=True)
class Consequences:
    """Each a sentence; `early` is empty where nothing keeps the step from taking effect."""

    source: State
    target: State
    memo: str
    gateway: str
    account: list[str]  # what else the account can do differently
    clock: str
    early: str


def consequences_of(file: CaseFile, step: Step, *, now: datetime, keys: Sequence[str] = ()) -> Consequences:
    """What this step would do to the case as it stands. Raises StepRefused.

    `keys` are those that a restriction names, where that is settled.
    """
    transition = find_transition(State(file.case.state), step)
    return Consequences(
        source=transition.source,
        target=transition.target,
        memo=_memo(file, transition),
        gateway=_gateway(transition, keys),
        account=changes(felt(file.case), transition.target),
        clock=_clock(file.case, transition),
        early=_early(file, step, now),
    )


def nothing_changes(case: Case, *, memo: str) -> Consequences:
    """The case stays as it is, and its clock goes on."""
    is_over, runs = case.state == State.CLOSED, case.due_at is not None
    return Consequences(
        source=State(case.state),
        target=State(case.state),
        memo=memo,
        gateway="Nothing is refused now." if is_over else "What is refused now stays refused.",
        account=[],
        clock="The clock goes on with what remained, or the policy's minimum." if runs else "No deadline runs.",
        early="",
    )


def approving(file: CaseFile, decision: Decision, *, now: datetime) -> Consequences:
    """What the last agreement to a held decision brings about."""
    return consequences_of(file, Step(decision.step), now=now, keys=decision.credentials)


def refusing(file: CaseFile) -> Consequences:
    return nothing_changes(file.case, memo="No memo: the account does not hear of a step that was not taken.")


def answering(file: CaseFile, *, overturn: bool, now: datetime) -> Consequences:
    """Upheld, an appeal changes nothing; overturned, it ends the case, unless that is over already."""
    if overturn and file.case.state != State.CLOSED:
        return consequences_of(file, Step.REINSTATE, now=now)
    stands = nothing_changes(file.case, memo="No memo is sent by this; the answer is kept with the appeal.")
    return stands if overturn or not _widens(file) else _in_force_again(file.case, stands)


def _widens(file: CaseFile) -> bool:
    """Whether one answer ends what was narrowed: while two are late, the account goes on waiting for the other."""
    return file.case.narrowed_at is not None and sum(each.escalated_at is not None for each in file.disputed) < 2


def _in_force_again(case: Case, stands: Consequences) -> Consequences:
    state = State(case.state)
    return replace(stands, gateway=requests_in(state), account=changes(felt(case), state))


def _gateway(transition: Transition, keys: Sequence[str]) -> str:
    words = requests_in(transition.target, keys)
    return f"{words} What this case restricts is lifted at once." if Effect.LIFT in transition.effects else words


def _memo(file: CaseFile, transition: Transition) -> str:
    if Effect.SEND_MEMO not in transition.effects:
        return _SILENCE
    if transition.target is State.CLOSED and not file.was_told:
        return _SILENCE  # a memo that no mail server took yet is withdrawn when the case closes
    recipients = _recipients(file.contacts)
    if not recipients:
        return f"{_MEMO[transition.target]} is due, but the account has no contact that it could be sent to."
    return f"{_MEMO[transition.target]} goes to {', '.join(recipients)}."


def _recipients(contacts: Sequence[Contact]) -> Sequence[str]:
    """As the memo chooses them: every owner, security and legal contact; billing where there is nobody else."""
    first = [each for each in contacts if each.role != Contact.Role.BILLING]
    return [plain(str(each)) for each in first or contacts]


def _clock(case: Case, transition: Transition) -> str:
    if Effect.AWAIT_ACCEPTANCE not in transition.effects or transition.step is Step.RESTRICT_NOW:
        return "No deadline runs any more."
    rung = rung_of(transition.target, case.policy.rules)
    if rung is None:
        return "The policy has no step after this one, so no deadline runs."
    return f"The next deadline comes {duration(rung.lasts)} after a mail server accepted that memo, never earlier."


def _early(file: CaseFile, step: Step, now: datetime) -> str:
    """Why the step could not take effect at this moment; the service looks again under the lock."""
    if step not in NEEDS_NOTICE:
        return ""
    if file.is_without_notice:
        return "No memo has announced this step: the account was restricted without notice. It cannot take effect."
    case = file.case
    stops = [each.kind for each in file.standing_stops if each.kind != Stop.Kind.APPROVAL]
    if stops:
        kinds = ", ".join(stops)
        return f"The clock of this case is stopped ({kinds}). The step cannot take effect before it runs again."
    if case.due_at is None:
        return "No mail server has accepted the memo yet, so the notice has not begun. The step cannot take effect."
    if case.due_at > now:
        return f"The notice runs for another {duration(case.due_at - now)}. The step cannot take effect before that."
    return ""


def people_left(decision: Decision) -> str:
    """How many more a held decision takes once the reader has agreed."""
    left = decision.people - len(names_on(decision)) - 1
    if left > 0:
        return f"After you, {left} more must agree."
    return "With you enough people agree, so it takes effect at once."


def names_on(decision: Decision) -> set[int]:
    """The ids of those who agreed to it so far, the proposer included."""
    names = (decision.proposed_by_id, decision.approved_by_id, decision.seconded_by_id)
    return {name for name in names if name is not None}


def who_agrees(case: Case, step: Step) -> str:
    """How many people the step takes when it is proposed by hand."""
    others = people_by_hand(State(case.state), step, manners_of(case.account)) - 1
    if not others:
        return "You alone decide this."
    who = "a lead" if step in NEEDS_NOTICE else "an officer or a lead"
    if step is Step.RESTRICT_NOW:
        who = "an officer, a lead or counsel, so that counsel is among you"
    number = "one other person" if others == 1 else f"{others} other people, each"
    return (
        f"You propose it, and {number}, {who}, must agree. Until then it is held, and nothing changes for the account."
    )
