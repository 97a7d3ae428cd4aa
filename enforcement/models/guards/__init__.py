"""What the database itself refuses, whoever writes: triggers, declared beside the tables that they guard."""

from enforcement.models.guards.deadlines import LATER_END, LATER_ONLY, PROMISED
from enforcement.models.guards.notice import BRAKE_HEEDED, BRAKE_RELEASED, NOTICE_OVER
from enforcement.models.guards.people import DECIDED_BY_ANOTHER, ENOUGH_PEOPLE, signed_by_different_people
from enforcement.models.guards.transitions import APPLIED, DECIDED, LIFTED, MOVED, OPENED, RESTRICTED
from enforcement.models.guards.words import WORDS_KEPT

__all__ = [
    "APPLIED", "BRAKE_HEEDED", "BRAKE_RELEASED", "DECIDED", "DECIDED_BY_ANOTHER", "ENOUGH_PEOPLE", "LATER_END",
    "LATER_ONLY", "LIFTED", "MOVED", "NOTICE_OVER", "OPENED", "PROMISED", "RESTRICTED", "WORDS_KEPT",
    "signed_by_different_people",
]  # fmt: skip
