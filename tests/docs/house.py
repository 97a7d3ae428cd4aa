"""The floors of the house as a picture: what imports what, as it stands in the files."""

from tests.docs.blocks import mermaid
from tests.test_floors import MODULES, imports, part_of, within

# From the top. A part that stands on no floor fails the drawing: whoever adds one says where it stands.
FLOORS = {
    "the project": ("accounts_enforcement", "enforcement.management"),
    "doors": ("enforcement.api", "enforcement.pages", "enforcement.admin", "enforcement.tasks", "enforcement.detector"),
    "services: verbs": ("enforcement.services",),
    "models: rows": ("enforcement.models",),
    "ground": (
        "enforcement.rules",
        "enforcement.geolocation",
        "enforcement.metrics",
        "notifications",
        "faultpoints",
        "guards",
    ),
    "beside the house": ("devservices", "notifications.admin"),
}
_UNSEEN = {"enforcement", "enforcement.apps", "enforcement.migrations"}


def draw(_: str) -> str:
    """A Mermaid chart. An arrow that a longer way implies is left out."""
    below = _below()
    lines = ["flowchart TD"]
    for name, parts in FLOORS.items():
        standing = [part for part in parts if part in below]
        lines += [
            f'    subgraph {_id(name)}["{name}"]',
            *(f'        {_id(part)}["{part}"]' for part in standing),
            "    end",
        ]
    lines += [f"    {_id(part)} --> {_id(other)}" for part in below for other in _direct(part, below)]
    return mermaid("\n".join(lines))


def _below() -> dict[str, set[str]]:
    """What each part imports of the others, from the top of the house."""
    named = [part for parts in FLOORS.values() for part in parts]
    part_of_module = {module: part_of(module) for module in MODULES if module not in _UNSEEN}
    standing = set(part_of_module.values()) - _UNSEEN
    assert standing <= set(named), f"{standing - set(named)} stands on no floor of tests/docs/house.py"
    found: dict[str, set[str]] = {part: set() for part in named if part in standing}
    for module, part in part_of_module.items():
        if part not in found:
            continue
        found[part] |= {_part_within(name, found) for name in imports(MODULES[module])} & found.keys()
    return {part: others - {part} for part, others in found.items()}


def _part_within(name: str, parts: dict[str, set[str]]) -> str:
    return max((part for part in parts if within(name, part)), key=len, default="")


def _direct(part: str, below: dict[str, set[str]]) -> list[str]:
    """What it imports, less what those import anyway."""
    implied = {far for near in below[part] for far in _reach(near, below)}
    return [other for other in below if other in below[part] - implied]


def _reach(part: str, below: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [*below[part]]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += below[each]
    return found


def _id(name: str) -> str:
    return name.replace(".", "_").replace(" ", "_").replace(":", "")
