"""The staff console: one file per noun. Pages read; buttons call one service each."""

from enforcement.admin import (
    access,
    accounts,
    appeals,
    brake,
    cases,
    decisions,
    evidence,
    exemptions,
    memos,
    policies,
    restrictions,
)

__all__ = [
    "access",
    "accounts",
    "appeals",
    "brake",
    "cases",
    "decisions",
    "evidence",
    "exemptions",
    "memos",
    "policies",
    "restrictions",
]
