"""The policy: a document of format 1, read and checked as a whole."""

import re
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, get_args

from enforcement.rules import policy_fields as fields
from enforcement.rules.policy_document import PolicyError, Unreadable, read_document
from enforcement.rules.policy_fields import Section
from enforcement.rules.policy_ladder import read_appeals, read_ladder, read_safety
from enforcement.rules.policy_parts import (
    CONDITIONS,
    NETWORK_CLASSES,
    Appeals,
    EvidenceTerms,
    Kind,
    Ladder,
    Rule,
    Safety,
)
from enforcement.rules.policy_territories import read_territories
from enforcement.rules.territory import Territories

Edge = Literal["observe", "refuse", "refuse_after_notice"]

SANCTIONED = "sanctioned"  # the rule that every policy has, for counsel

_KIND_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NO_KIND = Kind(Decimal(0), "item", Decimal(0))


class PolicyRefused(Exception):
    """A document is refused; `errors` holds everything that is wrong with it."""

    def __init__(self, errors: list[PolicyError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Policy:
    name: str
    reference_url: str  # "" where the document names none
    territories: Territories
    edge: Edge
    evidence: EvidenceTerms
    qualifies: tuple[Rule, ...]
    review: tuple[Rule, ...]
    ladder: Ladder
    appeals: Appeals
    safety: Safety


def parse_policy(text: str) -> Policy:
    """Read a policy from YAML or JSON text; raises PolicyRefused with all that is wrong, each by its path."""
    try:
        tree, errors = read_document(text)
    except Unreadable as error:
        raise PolicyRefused([PolicyError("", str(error))]) from None
    document = Section(tree, "", errors)
    policy = _read_policy(document)
    document.close()
    if errors:
        raise PolicyRefused(errors)
    return policy


def _read_policy(document: Section) -> Policy:
    document.required("format", fields.choice("1"), "1")
    name = document.required("name", fields.name(128), "")
    reference_url = document.optional("reference_url", fields.web_address, "")
    with document.section("territories", required=True) as section:
        territories = read_territories(section)
        edge: Edge = section.optional("edge", fields.choice(*get_args(Edge)), "observe")
    with document.section("evidence", required=True) as section:
        evidence = _read_evidence(section)
    taken: dict[str, str] = {}
    qualifies = tuple(_read_rule(each, taken, may_warn=True) for each in document.sections("qualifies", required=True))
    review = tuple(_read_rule(each, taken, may_warn=False) for each in document.sections("review"))
    with document.section("ladder", required=True) as section:
        ladder = read_ladder(section)
    with document.section("appeals") as section:
        appeals = read_appeals(section)
    with document.section("safety") as section:
        safety = read_safety(section)
    return Policy(name, reference_url, territories, edge, evidence, qualifies, review, ladder, appeals, safety)


# -- evidence ------------------------------------------------------------------------------------------------


def _read_evidence(section: Section) -> EvidenceTerms:
    return EvidenceTerms(
        window_days=section.optional("window", fields.whole_days, 90),
        half_life=section.nullable("half_life", fields.duration),
        kinds=MappingProxyType(_read_kinds(section)),
        network_factors=MappingProxyType(_read_factors(section)),
    )


def _read_kinds(section: Section) -> dict[str, Kind]:
    with section.section("kinds", required=True) as kinds:
        found = {}
        for name in kinds:
            if not _KIND_NAME.fullmatch(name):
                kinds.refuse(name, "is no kind's name: small letters, digits and _, at most 40")
            with kinds.section(name) as kind:
                found[name] = _read_kind(kind)
        if not found and "kinds" in section:
            section.refuse("kinds", "must name at least one kind")
    return found


def _read_kind(section: Section) -> Kind:
    return Kind(
        points=section.required("points", fields.number(least=0), _NO_KIND.points),
        per=section.required("per", fields.choice("request", "item", "day"), _NO_KIND.per),
        cap=section.required("cap", fields.number(least=0), _NO_KIND.cap),
        sources=section.optional("sources", fields.choice("any", "agree"), "any"),
        corroborates=section.optional("corroborates", fields.flag, True),
    )


def _read_factors(section: Section) -> dict[str, Decimal]:
    with section.section("network_factors") as factors:
        read = fields.number(least=0, most=1)
        found = {name: factors.optional(name, read, None) for name in NETWORK_CLASSES}
    return {name: factor for name, factor in found.items() if factor is not None}


# -- rules ---------------------------------------------------------------------------------------------------


def _read_rule(section: Section, taken: dict[str, str], may_warn: bool) -> Rule:
    """`taken` holds the names of the rules so far, with their places."""
    some, count = fields.number(above=0), fields.whole_number(least=1)
    rule = Rule(
        name=section.required("name", fields.name(64), ""),
        min_points=section.optional("min_points", some, None),
        min_requests=section.optional("min_requests", some, None),
        min_share=section.optional("min_share", fields.number(above=0, most=1), None),
        min_days=section.optional("min_days", count, None),
        min_weeks=section.optional("min_weeks", count, None),
        min_kinds=section.optional("min_kinds", count, None),
        min_sources=section.optional("min_sources", count, None),
        seen_within=section.optional("seen_within", fields.duration, None),
        # A review rule sends nothing, so the word is unknown there.
        automation=section.optional("automation", fields.automation, None) if may_warn else None,
    )
    if rule.name == SANCTIONED:
        section.refuse("name", f"{SANCTIONED!r} is the name of the rule for sanctioned territories")
    elif rule.name and taken.setdefault(rule.name, section.path) != section.path:
        section.refuse("name", f"{rule.name!r} is the name of {taken[rule.name]} already")
    if section.is_map and not any(each in CONDITIONS for each in section):
        section.refuse("", "asks for nothing; a rule needs a condition")
    return rule
