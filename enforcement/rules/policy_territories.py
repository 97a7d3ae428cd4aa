"""Reading `territories`: codes that exist, each in one list, and parents without circles."""

from collections.abc import Mapping

from enforcement.rules.policy_document import Tree
from enforcement.rules.policy_fields import Reader, Section, Wrong, plain
from enforcement.rules.territory import COUNTRIES, OWN_CODES, SUBDIVISIONS, Territories, as_listed, find_cycle

# Dependent on the map, and supported on no provider's list: they are named or they are out.
NEVER_INHERIT = frozenset({"HK", "MO"})


def read_territories(section: Section) -> Territories:
    """The five lists and who follows whom. A document with errors gives some list; it is refused anyway."""
    listed: dict[str, str] = {}
    lists = {
        "supported": _read_list(section, "supported", _country, listed, required=True),
        "excepted": _read_list(section, "excepted", _part, listed),
        "supported_subdivisions": _read_list(section, "supported_subdivisions", _part, listed),
        "unresolved": _read_list(section, "unresolved", _part, listed),
        "sanctioned": _read_list(section, "sanctioned", _country_or_part, listed),
    }
    return Territories(**lists, inherits=_read_inherits(section))


def _read_list(
    section: Section, name: str, read: Reader[str], listed: dict[str, str], required: bool = False
) -> list[str]:
    """The list's codes; `listed` remembers where each was seen first, in whatever spelling."""
    found = []
    for i, code in section.list_of(name, read, required):
        place = f"{name}[{i}]"
        before = listed.setdefault(as_listed(code), place)
        if before != place:
            section.refuse(place, f"{code!r} is listed already, at {section.path}.{before}")
        found.append(code)
    return found


def _read_inherits(section: Section) -> Mapping[str, str]:
    found: dict[str, str] = {}
    with section.section("inherits") as inherits:
        for child in inherits:
            parent = inherits.required(child, _country, "")
            wrong = _why_no_heir(child, parent, found)
            if wrong:
                inherits.refuse(child, wrong)
            elif parent:
                found[as_listed(child)] = as_listed(parent)
        if cycle := find_cycle(found):
            inherits.refuse("", f"goes round in a circle: {' -> '.join(cycle)}")
            return {}
    return found


def _why_no_heir(child: str, parent: str, found: Mapping[str, str]) -> str:
    try:
        code = as_listed(_country(child))
    except Wrong as wrong:
        return str(wrong)
    if code in NEVER_INHERIT:
        return f"{child!r} never inherits; list it or leave it out"
    if code in found:
        return f"{child!r} is {code}, which stands here already"
    return ""


def _country(tree: Tree) -> str:
    code = plain(tree)
    if code in COUNTRIES or code in OWN_CODES:
        return code
    if code in SUBDIVISIONS:
        raise Wrong(f"{code!r} is a part of a country; countries stand here (ISO 3166-1)")
    raise Wrong(f"{code!r} is not an assigned ISO 3166-1 code")


def _part(tree: Tree) -> str:
    code = plain(tree)
    if code in SUBDIVISIONS:
        return code
    if code in COUNTRIES:
        raise Wrong(f"{code!r} is a country; parts of a country stand here (ISO 3166-2)")
    raise Wrong(f"{code!r} is not an assigned ISO 3166-2 code")


def _country_or_part(tree: Tree) -> str:
    code = plain(tree)
    if code in COUNTRIES or code in SUBDIVISIONS:
        return code
    raise Wrong(f"{code!r} is not an assigned ISO 3166-1 or 3166-2 code")
