"""Logs: one JSON object a line, from every process; ids yes, what belongs to people or opens doors no.

Whatever is logged passes through here, also the words of libraries: JSON escapes line ends, so that nobody writes
lines of their own; addresses and keys are masked; errors are told by type and place, without values of variables, and
in their own words only where these are ours.
"""

import logging
import re
import traceback
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psycopg
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_LONGEST = 1000  # characters of one value
_ROOT = Path(__file__).resolve().parent.parent
_OURS = ("accounts_enforcement.", "enforcement.", "notifications.")
_SECRETS = (
    (re.compile(r"\bae_[0-9a-f]{10}_[\w-]+"), "[key]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 [secret]"),
    (re.compile(r"://[^/\s@]*@"), "://[secret]@"),
    (re.compile(r"(?<![^\s<>\"'(),;:=\[@])[^\s<>\"'(),;:=\[\]@]*@[^\s<>\"'(),;:/\[\]]+"), "[mail]"),
)
_SUSPECT = re.compile(r"[@:.]|ae_|(?i:bearer|basic)")  # whatever is masked has one of these
_MAYBE_ADDRESS = re.compile(r"(?<![\w.:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]*|\b\d{1,3}(?:\.\d{1,3}){3}\b")


def mask(text: str) -> str:
    """The text without keys, mail addresses and IP addresses, and not endless."""
    text = text[:_LONGEST]
    if not _SUSPECT.search(text):
        return text
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return _MAYBE_ADDRESS.sub(_mask_address, text)


def _mask_address(found: re.Match[str]) -> str:
    try:
        ip_address(found[0])
    except ValueError:  # a time of day, a version
        return found[0]
    return "[ip]"


def masked(value: Any) -> Any:
    """The same for what is nested."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {mask(str(key)): masked(each) for key, each in value.items()}
        case list() | tuple() | set():
            return [masked(each) for each in value]
        case int() | float() | None:
            return value
    return mask(str(value))


# -- errors --------------------------------------------------------------------------------------------------------


def tell_error(error: BaseException) -> list[dict[str, Any]]:
    """The error and what it came from, the newest first: type, words where they are safe, and places in the code."""
    return [{"type": _type(each), "said": said(each), "at": _places(each)} for each in chain_of(error)]


def chain_of(error: BaseException | None) -> list[BaseException]:
    """At most five, which ends circles."""
    found: list[BaseException] = []
    while error is not None and len(found) < 5:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _type(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def said(error: BaseException) -> str:
    """What an error says, if that cannot hold what somebody sent us: ours, the system's, and the database's code."""
    if isinstance(error, psycopg.Error):  # its words would quote rows
        return " ".join(filter(None, (error.sqlstate, error.diag.table_name, error.diag.constraint_name)))
    if isinstance(error, OSError):
        return mask(error.strerror or "")
    return mask(str(error)) if type(error).__module__.startswith(_OURS) else ""


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-15:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(file: str) -> str:
    path = Path(file)
    if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
        return str(path.relative_to(_ROOT))
    return "/".join(path.parts[-3:])


# -- processors ----------------------------------------------------------------------------------------------------


def _error_of(exc_info: ExcInfo) -> list[dict[str, Any]]:
    return tell_error(exc_info[1])


def mask_all(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: value if name in _MADE_HERE else masked(value) for name, value in event.items()}


_MADE_HERE = frozenset({"timestamp", "level", "logger", "duration", "status"})
_FIRST: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def formatter() -> logging.Formatter:
    """What every handler of every process writes with."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_error_of),
            mask_all,
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=_FIRST,
    )


# Who says too much, or says it in a way that quotes: our own lines tell the same (`request_log`, `task_log`).
_QUIET = {
    "celery.app.trace": "CRITICAL",
    "celery.beat": "WARNING",
    "celery.worker.strategy": "WARNING",
    "django.request": "CRITICAL",
    "django.security.DisallowedHost": "CRITICAL",
    "axes": "WARNING",  # tells of each refused log-in, and masks names and addresses itself
}


def configuration(level: str) -> dict[str, Any]:
    """For `logging.config`: all to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "accounts_enforcement.logs.formatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"level": quiet} for name, quiet in _QUIET.items()},
            # Django would give it a handler of its own, for pages in development.
            "django": {"handlers": [], "propagate": True},
        },
    }


def configure_structlog() -> None:
    structlog.configure(
        processors=[*_FIRST, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
