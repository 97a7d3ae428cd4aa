"""Kill at the n-th place, n = 1, 2, 3 … until there is none; then begin again, and all is as if nothing had been.

Real processes against PostgreSQL and a mail server. What a process left claimed is free after its lease: those thirty
seconds are counted as waited for, and not waited for. Rounds of work that find nothing to do are left out.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.theatre import ROOT, Course, Place, Theatre, is_port, theatre

CONVERGES_WITHIN = 60.0  # seconds
# Together they reach every label.
SAMPLE = ("appeal overturned", "retraction", "bounce", "reinstated by hand", "brake")
KILLED = -9
Tell = Callable[[str], None]
full = pytest.mark.skipif("ENFORCEMENT_FULL" not in os.environ, reason="the long form: ./run test --full")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with theatre(os.environ["DATABASE_URL"], tmp_path_factory.mktemp("faults")) as opened:
        yield opened


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Says a line past pytest's capture."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    assert capture is not None
    assert reporter is not None

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(line)
            reporter.flush()

    return say


def strike(house: Theatre, course: Course, place: Place, action: str, *, to_the_end: bool = False) -> float:
    """One fault, what came of it, and the seconds until all was well."""
    found = house.strike(course, place, action, to_the_end=to_the_end)
    where = f"{course.scenario}: {action} at {place}"
    assert [each[1:3] for each in found["fired"]] == [[action, place.label]], where
    assert found["died"] == KILLED or (action != "kill" and found["died"] in (0, 1)), where
    assert found["status"] == 0, f"{where}: {found}"
    assert found["violations"] == [], f"{where}: {found['violations']}"
    assert found["ends"] == (course.ends if to_the_end else course.settled(place.act)), where
    assert mail_is_whole(house, found["messages"]) == [], where
    assert found["converged"] <= CONVERGES_WITHIN, where
    return float(found["converged"])


def mail_is_whole(house: Theatre, messages: dict[str, Any]) -> list[str]:
    """What is not as it must be: every accepted message was taken, and all copies of one are the same mail."""
    copies = house.copies()
    wrong = [f"{name}: nobody queued it" for name in copies.keys() - messages.keys()]
    for name, (state, attempts) in messages.items():
        taken = copies.get(name, [])
        if len(set(taken)) > 1 or len(taken) > attempts or (state == "accepted" and not taken):
            wrong.append(f"{name}: {state} after {attempts} attempts, {len(taken)} copies")
    return wrong


def labels() -> set[str]:
    """All that stand in the code; the commit of a batch has its work's name."""
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("enforcement", "notifications")
        for path in (ROOT / folder).rglob("*.py")
    )
    named = re.findall(r'(?:faultpoint(?:\(|, )|port\()"([a-z_.]+)"', source)
    works = re.findall(r'(?:Work\(\s*(?:name=)?|_work\()"([a-z]+)"', source)
    return {*named, *(f"{work}.commit" for work in works)}


def by_label(places: Iterable[Place]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        found[place.label].append(place)
    return found


def rehearsed(house: Theatre, name: str) -> Course:
    course = house.rehearse(name)
    assert tuple(case[0] for each in course.ends.values() for case in each["cases"]) == SCENARIOS[name].ends
    return course


def test_where_a_process_may_die_each_label_kills_once_and_each_port_falls_silent_once(house: Theatre) -> None:
    """The sample: the first time that one of these scenarios does something there."""
    struck: set[str] = set()
    for name in SAMPLE:
        course = rehearsed(house, name)
        ports = dict(zip(filter(is_port, course.places), course.ports, strict=True))
        for label, place in doing_something(course.places).items():
            if label not in struck and place in ports:
                strike(house, course, ports[place], "exec_then_raise")
            elif label not in struck:
                strike(house, course, place, "kill")
            struck.add(label)
    assert struck == labels()


def doing_something(places: Sequence[Place]) -> dict[str, Place]:
    """By label, the first place; of a port the first that holds another place, since many a batch is empty."""
    found: dict[str, Place] = {}
    holding: set[str] = set()
    for place, following in zip(places, [*places[1:], places[-1]], strict=True):
        within = following.act == place.act and not is_port(following)
        holds = is_port(place) and within and place.label not in holding
        if place.label not in found or holds:
            found[place.label] = place
        if holds:
            holding.add(place.label)
    return found


@full
@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_dies_or_fails_wherever_all_is_as_if_nothing_had_been(name: str, house: Theatre, tell: Tell) -> None:
    course = rehearsed(house, name)
    few = some if len(course.ends) > 1 else list
    rows = {label: [str(len(places)), *["-"] * 3] for label, places in by_label(course.places).items()}
    began = time.monotonic()
    chosen = {
        "kill": few(course.places),
        "exec_then_raise": few(course.ports),
        "raise": [places[-1] for places in by_label(course.places).values()],
    }
    for column, (action, places) in enumerate(chosen.items(), start=1):
        for label, same in by_label(places).items():
            played_out = action == "raise"  # the others are compared where all is well again
            longest = max(strike(house, course, place, action, to_the_end=played_out) for place in same)
            rows[label][column] = f"{len(same)}, {longest:.1f} s"
    struck = sum(map(len, chosen.values()))
    tell(
        f"\n{name}: {struck} faults, each fired, in {time.monotonic() - began:.0f} s; the slowest to converge by label"
    )
    tell(f"  {'label':<28}" + "".join(f"{head:>17}" for head in ("reached", *chosen)))
    for label, cells in sorted(rows.items()):
        tell(f"  {label:<28}" + "".join(f"{cell:>17}" for cell in cells))


def some(places: Sequence[Place]) -> list[Place]:
    """With many accounts: the first, the middle and the last time of each label."""
    found = by_label(places).values()
    return [same[index] for same in found for index in sorted({0, len(same) // 2, len(same) - 1})]
