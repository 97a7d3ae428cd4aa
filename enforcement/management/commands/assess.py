from typing import Any

from enforcement.management.looping import LoopingCommand
from enforcement.services import assessment, clock


class Command(LoopingCommand):
    help = "Scores every marked account and opens and warns as the active policy says."

    def work(self) -> dict[str, Any]:
        return assessment.assess(now=clock.now()).as_dict()
