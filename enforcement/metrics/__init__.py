"""What is measured: every name stands here, once; docs/metrics.md is drawn from it.

Counted are kinds of things, never accounts, keys or people: a label has a handful of values.
"""

import os
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, values

from enforcement.metrics.shared import Shared, Value

# Where the processes of a machine count together; without it each counts for itself.
DIRECTORY = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
SHARED = Shared(DIRECTORY) if DIRECTORY else None
if SHARED:
    values.ValueClass = partial(Value, SHARED)
disable_created_metrics()

COUNTED = CollectorRegistry()

_UP_TO_TEN_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_UP_TO_TEN_MINUTES = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 60, 120, 300, 600)

# -- counted by the process in which it happens ------------------------------------------------------------------------
HTTP_REQUESTS = Counter(
    "enforcement_http_requests",
    "Requests that were answered, by the template of their address.",
    ["route", "method", "status"],
    registry=COUNTED,
)
HTTP_REQUEST_DURATION = Histogram(
    "enforcement_http_request_duration_seconds",
    "How long the answer to a request took.",
    ["route", "method"],
    buckets=_UP_TO_TEN_SECONDS,
    registry=COUNTED,
)
RATE_LIMITED = Counter(
    "enforcement_rate_limited",
    "Requests that were refused because their client sends too many, by the client's kind.",
    ["kind"],
    registry=COUNTED,
)
RATE_NOT_COUNTED = Counter(
    "enforcement_rate_not_counted",
    "Charges that nobody held against a limit, since Redis did not answer in time, by the client's kind.",
    ["kind"],
    registry=COUNTED,
)
EVIDENCE_ITEMS = Counter(
    "enforcement_evidence_items",
    "Items of evidence that were answered: accepted, duplicate, conflict or rejected.",
    ["status"],
    registry=COUNTED,
)
DECISIONS = Counter(
    "enforcement_decisions",
    "Steps that were applied, or held for another person.",
    ["step", "status"],
    registry=COUNTED,
)
MEMOS = Counter(
    "enforcement_memos",
    "Copies of memos that were offered to the mail server: accepted, deferred (tried again later), failed (for good).",
    ["kind", "outcome"],
    registry=COUNTED,
)
SET_ASIDE = Counter(
    "enforcement_accounts_set_aside",
    "Accounts whose work failed, and waits so that the others go on.",
    ["work"],
    registry=COUNTED,
)
BRAKE_PULLS = Counter(
    "enforcement_brake_pulls",
    "Pulls of a switch of the brake, by what made it.",
    ["what", "cause"],
    registry=COUNTED,
)
INVARIANT_VIOLATIONS = Counter(
    "enforcement_invariant_violations",
    "Checks that found an invariant broken, by its name in docs/reliability.md.",
    ["invariant"],
    registry=COUNTED,
)
TASK_DURATION = Histogram(
    "enforcement_task_duration_seconds",
    "How long a task took.",
    ["task"],
    buckets=_UP_TO_TEN_MINUTES,
    registry=COUNTED,
)
TASKS = Counter(
    "enforcement_tasks",
    "Tasks that ended: succeeded or failed.",
    ["task", "outcome"],
    registry=COUNTED,
)

# -- read at each scrape -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """A gauge that nobody keeps: it is read when somebody asks. `label` is "" where there is a single value."""

    name: str
    help: str
    label: str = ""


COUNTS_SHARED = Reading(
    "enforcement_counts_shared",
    "1 if the process that answers counts together with the others of its machine; at 0 counts are missing.",
)
DATABASE_UP = Reading(
    "enforcement_database_up",
    "1 if the database answered this scrape; at 0 the other figures that are read from it are missing.",
)
DUE_WORK_AGE = Reading(
    "enforcement_due_work_age_seconds",
    "How long the oldest row has been due; 0 where nothing is.",
    "work",
)
DUE_WORK = Reading(
    "enforcement_due_work_rows",
    "Rows that are due, counted up to 10,000.",
    "work",
)
OLDEST_MESSAGE_AGE = Reading(
    "enforcement_oldest_queued_message_age_seconds",
    "Age of the oldest message that no mail server has answered for good, due or not; 0 without one.",
)
HEARTBEAT_AGE = Reading(
    "enforcement_heartbeat_age_seconds",
    "Time since it was last heard of: beat, Redis as beat sees it, and the workers of each queue. Missing if never.",
    "process",
)
WAITING_FOR_PEOPLE = Reading(
    "enforcement_waiting_for_people",
    "What waits for a person, counted up to 1,000: held decisions, open appeals, reviews, unreachable accounts.",
    "kind",
)
BRAKE_PULLED = Reading(
    "enforcement_brake_pulled",
    "1 while a switch of the brake is pulled.",
    "what",
)
AUTOMATIC_STEPS = Reading(
    "enforcement_automatic_steps",
    "Restrictions, suspensions and blocks that the automation took within the last hour and the last day.",
    "within",
)
KEY_EXPIRY = Reading(
    "enforcement_key_expiry_seconds",
    "Time until the first client of a kind has no live API key left; missing where that will not happen by itself.",
    "kind",
)
CLOCK_OFFSET = Reading(
    "enforcement_clock_offset_seconds",
    "The clock that deadlines go by, less the clock of the machine that answers this scrape.",
)
ACTIVE_POLICY = Reading(
    "enforcement_active_policy_version",
    "Number of the policy version in force; 0 without one.",
)
