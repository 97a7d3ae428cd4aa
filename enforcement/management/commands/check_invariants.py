from typing import Any

from enforcement.management.base import Command as Base
from enforcement.services import clock, invariants


class Command(Base):
    help = "Asks every invariant of docs/reliability.md, and shows the rows where one does not hold (exit status 1)."

    def handle(self, *args: Any, **options: Any) -> None:
        violations = invariants.check(now=clock.now())
        broken = {each.invariant: each.rows for each in violations}
        for each in invariants.INVARIANTS:
            rows = broken.get(each, ())
            self.say({"invariant": each.name, "sentence": each.sentence, "holds": not rows, "rows": list(rows)})
        if violations:
            raise SystemExit(1)
