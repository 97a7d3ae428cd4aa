"""Imports never climb: a file imports its own floor only where said, and what is below."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each part of the house may import of ours. A part is a package or module path; the longest match decides.
MAY_IMPORT = {
    "enforcement.rules": {"enforcement.rules"},
    "enforcement.geolocation": set(),
    "enforcement.metrics": {"enforcement.metrics"},
    "enforcement.models": {"enforcement.models", "enforcement.rules", "notifications.models", "guards"},
    "enforcement.services": {"enforcement.services", "enforcement.models", "enforcement.rules", "notifications",
                             "enforcement.geolocation", "enforcement.metrics", "faultpoints"},
    "enforcement.api": {"enforcement.api", "enforcement.services", "enforcement.models", "enforcement.rules",
                        "enforcement.geolocation", "enforcement.metrics"},
    "enforcement.admin": {"enforcement.admin", "enforcement.services", "enforcement.models", "enforcement.rules"},
    "enforcement.tasks": {"enforcement.services"},
    "enforcement.detector": {"enforcement.detector", "enforcement.geolocation"},
    "enforcement.apps": set(),
    "enforcement.migrations": {"enforcement.models", "enforcement.migrations", "enforcement.rules", "notifications",
                               "guards"},
    "enforcement.management": {"enforcement", "notifications", "devservices", "examples"},
    "faultpoints": {"faultpoints"},
    "guards": {"guards"},
    "notifications": {"notifications", "faultpoints", "guards"},
    "notifications.admin": {"notifications", "enforcement.admin"},
    "devservices": {"devservices"},
    "accounts_enforcement": {"accounts_enforcement", "enforcement", "notifications", "faultpoints"},
}  # fmt: skip
OURS = ("enforcement", "notifications", "accounts_enforcement", "devservices", "faultpoints", "guards", "examples",
        "tests", "benchmarks")  # fmt: skip
DJANGO_FREE = (
    "enforcement.rules",
    "enforcement.geolocation",
    "enforcement.metrics",
    "enforcement.detector",
    "devservices",
    "faultpoints",
)


def modules() -> dict[str, Path]:
    found = {}
    for package in ("enforcement", "notifications", "accounts_enforcement", "devservices", "faultpoints", "guards"):
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = path
    return found


MODULES = modules()


@cache
def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(part + ".")


def part_of(module: str) -> str:
    return max((part for part in MAY_IMPORT if within(module, part)), key=len)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_never_climb(module: str) -> None:
    allowed = MAY_IMPORT[part_of(module)] if module != "enforcement" else set()
    climbed = {
        name
        for name in imports(MODULES[module])
        if name.split(".")[0] in OURS and not any(within(name, part) for part in allowed)
    }
    assert not climbed, f"{module} may not import {sorted(climbed)}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith(DJANGO_FREE)))
def test_rules_detector_and_local_engines_know_no_django(module: str) -> None:
    frameworks = {"django", "celery", "rest_framework"}
    assert not {name for name in imports(MODULES[module]) if name.split(".")[0] in frameworks}


@pytest.mark.parametrize("module", sorted(name for name in MODULES if within(name, "enforcement.rules")))
def test_rules_read_no_clock_and_roll_no_dice(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    assert not imports(MODULES[module]) & {"random", "time", "secrets", "os"}
    assert ".now(" not in source
    assert "utcnow" not in source


def test_there_are_no_circles() -> None:
    graph = {name: {other for other in MODULES if other != name and _imports(name, other)} for name in MODULES}
    done: set[str] = set()
    for start in graph:
        _walk(start, graph, done, [])


def _imports(name: str, other: str) -> bool:
    return any(each == other or each.rpartition(".")[0] == other for each in imports(MODULES[name]))


def _walk(name: str, graph: dict[str, set[str]], done: set[str], path: list[str]) -> None:
    assert name not in path, f"a circle: {' -> '.join([*path[path.index(name) :], name])}"
    if name in done:
        return
    for other in sorted(graph[name]):
        _walk(other, graph, done, [*path, name])
    done.add(name)


def test_nobody_imports_inside_a_function() -> None:
    hidden = {
        f"{module}:{node.lineno}"
        for module, path in MODULES.items()
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in OURS
    }
    assert not hidden


def test_only_one_file_writes_the_state_of_a_case() -> None:
    """`state=` in a filter is a question; an assignment to `.state`, or an update of it, is a write."""
    writers = {module for module, path in MODULES.items() if module.startswith("enforcement.") and _writes_state(path)}
    assert writers == {"enforcement.services.cases"}


def _writes_state(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        targets = node.targets if isinstance(node, ast.Assign) else []
        flat = [each for target in targets for each in (target.elts if isinstance(target, ast.Tuple) else [target])]
        if any(isinstance(each, ast.Attribute) and each.attr == "state" for each in flat):
            return True
        updates = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
        if updates and any(keyword.arg == "state" for keyword in node.keywords):
            return True
    return False
