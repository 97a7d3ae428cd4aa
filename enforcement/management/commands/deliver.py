from typing import Any

from enforcement.management.looping import LoopingCommand
from enforcement.services import mail


class Command(LoopingCommand):
    help = "Renders memos that wait and hands every message that is due to the mail server."

    def work(self) -> dict[str, Any]:
        return mail.deliver()
