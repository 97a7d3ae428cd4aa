"""`python -m tests.model [--full]`: the figures of the worlds and of the mutants, as the README shows them."""

import sys
from functools import partial

from tests.model.mutants import MUTANTS
from tests.model.search import Bounds, search
from tests.model.worlds import WORLDS

say = partial(print, flush=True)


def main(full: bool) -> int:
    say("| world | ticks | events | states | transitions | seconds |\n|---|--:|--:|--:|--:|--:|")
    results = [_tell(world(full)) for world in WORLDS]
    say("\n| what is wrong | breaks | world | steps |\n|---|---|---|--:|")
    for mutant in MUTANTS:
        with mutant():
            bounds = mutant.world(False)
            violation = search(bounds).violation
        results.append(violation is not None)
        steps = len(violation.trace) - 1 if violation else "survives"
        say(
            f"| {mutant.wrong} | {_short(violation.sentence) if violation else ''} | {bounds.name} | {steps} |",
            flush=True,
        )
    return 0 if all(results) else 1


def _tell(bounds: Bounds) -> bool:
    found = search(bounds)
    figures = f"{found.states:,} | {found.transitions:,} | {found.seconds:.1f}"
    say(f"| {bounds.name} | {bounds.ticks} | {bounds.most} | {figures} |")
    if found.violation:
        say(f"\n{found.violation}\n")
    return found.complete


def _short(sentence: str) -> str:
    return sentence.split(": t=")[0]


if __name__ == "__main__":
    sys.exit(main("--full" in sys.argv))
