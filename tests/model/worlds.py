"""The worlds that are searched: each asks about one part of the machine, the last about any few events together.

`full` makes each a tick longer and lets one event more come from outside; a few know more kinds of events then.
"""

from enforcement.rules.decisions import Manners
from enforcement.rules.transitions import State, Step
from tests.model.midlife import seen, told, world
from tests.model.promises import let_run
from tests.model.search import Bounds
from tests.model.state import EPOCH, TICK, Account, World
from tests.model.terms import Terms

_EVERYBODY = ("ana", "ana again", "bo", "cy")


def ladder(full: bool) -> Bounds:
    """A whole life from the first sighting to the block, with outages of any length."""
    events = {"post": 4, "retract": 1}
    return Bounds("ladder", Terms(), 8 + full, events, 3 + full, start=world(Account()))


def mail(full: bool) -> Bounds:
    """A warning on its way, claimed and answered in every way that mail servers have."""
    terms = Terms()
    events = {"post": 1, "crash": 1, "defer": 1, "refuse": 2, "bounce": 2, "contact": 2}
    start = world(told(terms, State.WARNED, heard=False))
    return Bounds("mail", terms, 5 + full, events, 2 + full, start=start, mail="claimed")


def copies(full: bool) -> Bounds:
    """The same warning to two contacts, of whom one counts more."""
    terms = Terms()
    events = {"post": 1, "crash": 1, "refuse": 2, "bounce": 2, "contact": 1, **({"appeal": 1} if full else {})}
    start = world(told(terms, State.WARNED, "owner", "legal", heard=False))
    return Bounds("copies", terms, 3 + full, events, 2 + full, start=start, mail="sent")


def outage(full: bool) -> Bounds:
    """Clocks that we hear of late, and what happened meanwhile."""
    terms = Terms()
    events = {"post": 1, "appeal": 1, "pull": 1, **({"hold": 1, "exempt": 1, "bounce": 1} if full else {})}
    start = world(told(terms, State.WARNED, heard=False))
    return Bounds("outage", terms, 4 + full, events, 2 + full, start=start, mail="sent")


def appeals(full: bool) -> Bounds:
    """A suspension that is contested again and again, and not answered in time."""
    terms = Terms()
    events = {"appeal": 3, "hold": 1, "extend": 1, "pull": 1}
    return Bounds("appeals", terms, 4 + full, events, 3 + full, start=world(told(terms, State.SUSPENDED)))


def stops(full: bool) -> Bounds:
    """Every kind of stop over every other, on a warning whose traffic goes on."""
    terms = Terms()
    events = {"post": 2, "appeal": 1, "hold": 1, "exempt": 1, "extend": 1, "pull": 1}
    return Bounds("stops", terms, 5 + full, events, 2 + full, start=world(told(terms, State.WARNED)))


def cure(full: bool) -> Bounds:
    """Traffic that stops and starts around the deadline; no quiet period is cut short, no reminder holds anything."""
    terms = Terms(cure="{quiet: PT2M, extend: true}", reminders="[PT1M]")
    events = {"post": 4, "retract": 2, "extend": 1}
    return Bounds("cure", terms, 7 + full, events, 3 + full, start=world(told(terms, State.WARNED)))


def people(full: bool) -> Bounds:
    """Steps that two people have to agree to; one of the staff has two log-ins."""
    terms = Terms(automation="held", manners=Manners(is_person=True, protected=True, no_suspension=True))
    events = {"post": 2, "appeal": 1, str(Step.SUSPEND): 2, str(Step.DISMISS): 1, "retract": 1}
    staff = _EVERYBODY[:3]
    return Bounds("people", terms, 4 + full, events, 2 + full, staff, world(told(terms, State.WARNED)))


def warning(full: bool) -> Bounds:
    """A warning that a person has to agree to, of an account that may lose its contact, its traffic or its reason."""
    terms = Terms(warn="held")
    events = {"post": 2, "retract": 2, "hold": 1, "exempt": 1, "pull": 1, "contact": 1, "activate": 1}
    lost = seen()._replace(contacts=())
    return Bounds("warning", terms, 4 + full, events, 2 + full, start=world(lost))


def counsel(full: bool) -> Bounds:
    """The path without notice, under a gag, against everything that stops the others."""
    terms = Terms(gag=True)
    events = {str(Step.RESTRICT_NOW): 2, "post": 1, "appeal": 1, "hold": 1, "pull": 1, "exempt": 1}
    staff = _EVERYBODY if full else ("ana", "bo", "cy")
    return Bounds("counsel", terms, 4 + full, events, 2 + full, staff, world(told(terms, State.WARNED)))


def brake(full: bool) -> Bounds:
    """Two accounts that share a budget of one step."""
    terms = Terms(budget="1")
    events = {"post": 3, "pull": 1, "hold": 1, "appeal": 1}
    start = _later(world(*[told(terms, State.WARNED)] * 2), ticks=2)
    return Bounds("brake", terms, 4 + full, events, 2 + full, start=start)


def release(full: bool) -> Bounds:
    """A brake whose release is interrupted half way, and done again later."""
    terms = Terms()
    events = {"post": 1, "pull": 1, "interrupt": 1, **({"hold": 1} if full else {})}
    return Bounds("release", terms, 6 + full, events, 3 + full, start=world(told(terms, State.WARNED)))


def ends(full: bool) -> Bounds:
    """Stops that end by themselves, seen late, beside one that somebody ends."""
    terms = Terms()
    events = {"post": 1, "exempt": 1, "appeal": 1, **({"hold": 1, "extend": 1} if full else {})}
    return Bounds("ends", terms, 6 + full, events, 3 + full, start=world(told(terms, State.WARNED)))


def policy(full: bool) -> Bounds:
    """The territory becomes supported at any moment of a life with all its stages."""
    terms = Terms(step="restrict_territory")
    events = {"post": 3, "activate": 1, "retract": 1}
    return Bounds("policy", terms, 5 + full, events, 3 + full, start=world(seen()))


def contract(full: bool) -> Bounds:
    """A contract that promises longer notice than the policy, and a policy without a cure."""
    terms = Terms(min_notice=3 * TICK, cure="null")
    events = {"post": 2, "crash": 1, "refuse": 1, "contact": 1, "bounce": 1}
    start = world(told(terms, State.WARNED, heard=False))
    return Bounds("contract", terms, 5 + full, events, 2 + full, start=start, mail="sent")


def race(full: bool) -> Bounds:
    """Two workers by statements, on two accounts that are due, with one step in the budget."""
    terms = Terms(budget="1", cure="null")
    events = {"appeal": 1, "retract": 1, "pull": 1, "hold": 1}
    both = [told(terms, State.WARNED)._replace(sightings=(EPOCH - TICK, EPOCH, EPOCH + 2 * TICK))] * 2
    start = _later(world(*both, workers=2), ticks=2)
    return Bounds("race", terms, 3 + full, events, 1 + full, start=start)


def opening(full: bool) -> Bounds:
    """Two workers by statements that assess an account without a case."""
    events = {"post": 1, "retract": 1, "pull": 1, "exempt": 1}
    return Bounds("opening", Terms(), 1 + full, events, 2 + full, start=world(seen(), workers=2))


def everything(full: bool) -> Bounds:
    """Any few events of any kind, one after the other, from a warning on."""
    terms = Terms()
    rare = ("retract", "crash", "defer", "refuse", "bounce", "contact", "hold", "exempt", "extend", "pull", "activate")
    by_hand = (Step.RESTRICT_NOW, Step.DISMISS, Step.SUSPEND)
    events = {"post": 2, "appeal": 2, **dict.fromkeys((*rare, *map(str, by_hand)), 1)}
    start = _later(world(told(terms, State.WARNED)), ticks=1)
    return Bounds("everything", terms, 3 + full, events, 2 + full, ("ana", "bo", "cy"), start, "sent")


def _later(start: World, ticks: int) -> World:
    """The same, when nothing has happened for so long."""
    for _ in range(ticks):
        start = start._replace(
            now=start.now + TICK, accounts=tuple(let_run(Terms(), each, False, start.now) for each in start.accounts)
        )
    return start


WORLDS = (
    ladder, mail, copies, outage, appeals, stops, cure, people,
    warning, counsel, brake, release, ends, policy, contract, race, opening, everything,
)  # fmt: skip
