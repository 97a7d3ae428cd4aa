from typing import Any

from enforcement.management.base import Command as Base
from enforcement.services import clock, figures


class Command(Base):
    help = "Counts the figures of the console's home page anew."

    def handle(self, **_: Any) -> None:
        self.say({"figures": figures.refresh(now=clock.now())})
