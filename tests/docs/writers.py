"""Who writes which table, read from the code: managers, constructors, saves, bulk updates and SQL.

A model is told by the names that stand in the writing line, by what a name was assigned from, and by annotations.
Where a write cannot be told, the drawing fails: a table of writers that leaves one out would be worse than none.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.docs.blocks import table
from tests.test_floors import MODULES, within

_WRITING_FLOORS = ("enforcement.services", "notifications", "enforcement.admin", "enforcement.api")
_CREATES = {"create", "get_or_create", "update_or_create"}
_CHANGES = {"save", "delete", "update", "bulk_update"}
_SQL = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (enforcement|notifications)_(\w+)")
_OUTSIDE = {"User", "Group"}  # Django's own

Writes = dict[str, set[str]]  # model -> short names of modules


def draw(_: str) -> str:
    """A row a model: which modules make its rows, and which change them."""
    models = _models()
    makes, changes = {name: set[str]() for name in models}, {name: set[str]() for name in models}
    for module, path in sorted(MODULES.items()):
        if any(within(module, floor) for floor in _WRITING_FLOORS):
            _Reader(module, path, models).read(makes, changes)
    rows = [(f"`{name}`", _listed(makes[name]), _listed(changes[name] - makes[name])) for name in sorted(models)]
    return table(("table", "rows made by", "rows changed by, besides"), rows)


def _listed(modules: set[str]) -> str:
    return ", ".join(f"`{each}`" for each in sorted(modules)) or "nobody"


def _models() -> dict[str, set[str]]:
    """Each concrete model with its fields."""
    found: dict[str, set[str]] = {}
    abstract = set()
    for module, path in MODULES.items():
        if within(module, "enforcement.models") or module == "notifications.models":
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                bases = {ast.unparse(base) for base in node.bases} if isinstance(node, ast.ClassDef) else set()
                if isinstance(node, ast.ClassDef) and bases & {"models.Model", *found}:
                    found[node.name] = _fields(node).union(*(found[base] for base in bases & found.keys()))
                    abstract |= {node.name} if "abstract = True" in ast.unparse(node) else set()
    return {name: fields for name, fields in found.items() if name not in abstract}


def _fields(model: ast.ClassDef) -> set[str]:
    targets = [each.targets[0] for each in model.body if isinstance(each, ast.Assign)]
    return {each.id for each in targets if isinstance(each, ast.Name)}


class _Reader:
    """One module."""

    def __init__(self, module: str, path: Path, models: Mapping[str, set[str]]) -> None:
        self._short = module.removeprefix("enforcement.").replace("services.", "")
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._models = models
        self._functions = {each.name: each for each in ast.walk(self._tree) if isinstance(each, ast.FunctionDef)}
        self._named = {each.id for each in ast.walk(self._tree) if isinstance(each, ast.Name)} & models.keys()

    def read(self, makes: Writes, changes: Writes) -> None:
        for made, changed in (*self._by_sql(), *self._by_calls()):
            for found, told in ((made, makes), (changed, changes)):
                for model in found:
                    told[model].add(self._short)

    def _by_sql(self) -> Iterator[tuple[set[str], set[str]]]:
        by_table = {name.lower(): name for name in self._models}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for verb, _, name in _SQL.findall(node.value):
                    model = {by_table[name]}
                    yield (model, model) if verb == "INSERT INTO" else (set(), model)

    def _by_calls(self) -> Iterator[tuple[set[str], set[str]]]:
        for function in self._functions.values():
            names = self._locals(function)
            for call in (each for each in ast.walk(function) if isinstance(each, ast.Call)):
                yield from self._write(call, names)

    def _write(self, call: ast.Call, names: Mapping[str, set[str]]) -> Iterator[tuple[set[str], set[str]]]:
        if isinstance(call.func, ast.Name):
            if call.func.id in ("insert_rows", "put_rows"):
                written = self._told(self._models_in(call.args[0], names), call)
                yield written, written if call.func.id == "put_rows" else set()
            elif call.func.id == "update_rows":
                yield set(), self._of_rows(call, names)
            return
        if not isinstance(call.func, ast.Attribute):
            return
        verb, owner = call.func.attr, self._models_in(call.func.value, names)
        if verb == "bulk_create" or (verb in _CREATES and ".objects." in ast.unparse(call.func)):
            yield self._told(owner, call), set()
        elif verb in _CHANGES and (".objects" in ast.unparse(call.func) or owner):
            yield set(), self._told(owner, call)

    def _told(self, owner: set[str], call: ast.Call) -> set[str]:
        if not owner and not any(each in ast.unparse(call) for each in _OUTSIDE):
            raise AssertionError(f"{self._short}:{call.lineno}: whose rows does {ast.unparse(call)[:60]} write?")
        return owner

    def _of_rows(self, call: ast.Call, names: Mapping[str, set[str]]) -> set[str]:
        """The fields say which model, among those that the module names; the rows' name says it first."""
        fields = self._words(call.args[1])
        fit = {name for name in self._named if fields <= self._models[name]} if fields else self._named
        return self._told(self._models_in(call.args[0], names) & fit or fit, call)

    def _words(self, given: ast.expr) -> set[str]:
        """The strings of a literal, or of a constant of this module."""
        if isinstance(given, ast.Name):
            constants = [each for each in self._tree.body if isinstance(each, ast.Assign)]
            given = next((each.value for each in constants if ast.unparse(each.targets[0]) == given.id), given)
        return {
            each.value for each in ast.walk(given) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }

    def _locals(self, function: ast.FunctionDef) -> dict[str, set[str]]:
        """Local names that stand for rows of a model, by annotation, assignment or a loop."""
        names: dict[str, set[str]] = {}
        for each in (*function.args.args, *function.args.kwonlyargs):
            if each.annotation is not None:
                names[each.arg] = self._models_in(each.annotation, {})
        for _ in range(2):  # a name may be assigned from another
            for node in ast.walk(function):
                if isinstance(node, ast.Assign | ast.For | ast.comprehension):
                    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                    value = node.value if isinstance(node, ast.Assign) else node.iter
                    if isinstance(target, ast.Name):
                        names[target.id] = names.get(target.id, set()) | self._models_in(value, names)
        return names

    def _models_in(self, node: ast.expr, names: Mapping[str, set[str]]) -> set[str]:
        """The first thing in an expression that tells: a model, a local name, or a function that answers with rows."""
        for each in _inwards(node):
            if isinstance(each, ast.Name):
                if each.id in self._models:
                    return {each.id}
                if names.get(each.id):
                    return names[each.id]
                function = self._functions.get(each.id)
                if function is not None and function.returns is not None and self._models_in(function.returns, {}):
                    return self._models_in(function.returns, {})
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value in self._models:
                return {each.value}
        return set()


def _inwards(node: ast.AST) -> Iterator[ast.AST]:
    """Along the chain `A.b(c).d` to A first, then what stands in brackets."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.value if isinstance(node, ast.Attribute | ast.Subscript) else node.func
        if isinstance(node, ast.Name):
            break
    yield node
    yield from ast.walk(node)
