"""Rows remember and decide nothing."""

from enforcement.models.access import ApiKey, Client, SecondLogin
from enforcement.models.account import Account, Contact
from enforcement.models.appeal import Appeal
from enforcement.models.brake import Brake, BrakePull, Budget
from enforcement.models.case import Case
from enforcement.models.clock import ClockMove, ClockReading, Now
from enforcement.models.decision import Decision, GagEnd
from enforcement.models.evidence import AssessmentMark, DayTally, Evidence, Score
from enforcement.models.exemption import Exemption
from enforcement.models.figures import Figure
from enforcement.models.heartbeat import Heartbeat
from enforcement.models.lookups import Among
from enforcement.models.memo import Memo, MemoCopy
from enforcement.models.policy import PolicyVersion
from enforcement.models.restriction import Restriction
from enforcement.models.retraction import Retraction
from enforcement.models.stop import Extension, Stop

__all__ = [
    "Account", "Among", "ApiKey", "Appeal", "AssessmentMark", "Brake", "BrakePull", "Budget", "Case", "Client",
    "ClockMove", "ClockReading", "Contact", "DayTally", "Decision", "Evidence", "Exemption", "Extension", "Figure",
    "GagEnd", "Heartbeat", "Memo", "MemoCopy", "Now", "PolicyVersion", "Restriction", "Retraction", "Score",
    "SecondLogin", "Stop",
]  # fmt: skip
