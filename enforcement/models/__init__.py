"""Rows remember and decide nothing."""

from enforcement.models.access import ApiKey, Client
from enforcement.models.account import Account, Contact
from enforcement.models.appeal import Appeal
from enforcement.models.case import Case, Decision, Stop
from enforcement.models.clock import ClockMove, Now
from enforcement.models.evidence import AssessmentMark, DayTally, Evidence, Score
from enforcement.models.figures import Figure
from enforcement.models.heartbeat import Heartbeat
from enforcement.models.lookups import Among
from enforcement.models.memo import Memo, MemoCopy
from enforcement.models.policy import PolicyVersion
from enforcement.models.restriction import Restriction

__all__ = [
    "Account", "Among", "ApiKey", "Appeal", "AssessmentMark", "Case", "Client", "ClockMove", "Contact", "DayTally",
    "Decision", "Evidence", "Figure", "Heartbeat", "Memo", "MemoCopy", "Now", "PolicyVersion", "Restriction", "Score",
    "Stop",
]  # fmt: skip
