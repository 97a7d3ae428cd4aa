"""Which pages there are, and who draws which block of them."""

from pathlib import Path

from enforcement.rules.transitions import as_mermaid
from tests.docs import calls, guards, house, knobs, measures, promises, refusals, writers
from tests.docs.blocks import Draw, mermaid

ROOT = Path(__file__).parents[2]

DRAWERS: dict[str, Draw] = {
    "api-calls": calls.draw_calls,
    "api-problems": calls.draw_problems,
    "appeal": knobs.draw_appeal,
    "cast": knobs.draw_cast,
    "floors": house.draw,
    "guards": guards.draw,
    "invariants": promises.draw,
    "knob": knobs.draw_knob,
    "lists": knobs.draw_lists,
    "metrics": measures.draw,
    "refusals": refusals.draw,
    "states": lambda _: mermaid(as_mermaid()),
    "writers": writers.draw,
}


def pages() -> list[Path]:
    """Every page of the repository that people read."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    return sorted(found)
