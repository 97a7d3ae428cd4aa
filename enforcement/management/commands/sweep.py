from typing import Any

from enforcement.management.looping import LoopingCommand
from enforcement.services import clock
from enforcement.services import sweep as deadlines


class Command(LoopingCommand):
    help = "Starts the clocks of accepted memos and settles every deadline that has come. Delivers no mail."

    def work(self) -> dict[str, Any]:
        return {name: done.as_dict() for name, done in deadlines.sweep(now=clock.now()).items()}
