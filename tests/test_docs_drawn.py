"""What pages show of the code is what the code does: `./run docs` draws it anew."""

import ast
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from enforcement.rules.policy import Policy, PolicyRefused, parse_policy
from enforcement.rules.policy_parts import Appeals, Safety
from enforcement.rules.territory import Territories
from tests.docs import knobs
from tests.docs.blocks import NotDrawable, names, redraw
from tests.docs.pages import DRAWERS, pages

ROOT = Path(__file__).parent.parent
POLICY_PAGE = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
DRAWN = [page for page in pages() if names(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", DRAWN, ids=lambda page: page.name)
def test_a_page_shows_what_the_code_draws(page: Path) -> None:
    written = page.read_text(encoding="utf-8")
    assert redraw(written, DRAWERS) == written, "./run docs draws it anew; read the difference"


def test_every_drawer_draws_something() -> None:
    used = {name.partition(" ")[0] for page in DRAWN for name in names(page.read_text(encoding="utf-8"))}
    assert used == DRAWERS.keys()


def test_the_command_draws_outside_of_tests_and_leaves_what_is_drawn_as_it_is() -> None:
    command = (
        "import pathlib, runpy; pathlib.Path.write_text = None; runpy.run_module('tests.docs', run_name='__main__')"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True)


def test_a_block_that_nobody_draws_is_refused() -> None:
    with pytest.raises(NotDrawable, match="weather"):
        redraw("<!-- drawn: weather today -->\n<!-- end -->\n", DRAWERS)


# -- docs/policy.md ------------------------------------------------------------------------------------------


def known_knobs() -> set[str]:
    """Every knob of a document, by asking each section for one that it does not know: the refusal lists the others."""
    document = json.loads(knobs.changed("evidence.half_life: null")[0])
    found, waiting = set(), [("", document)]
    while waiting:
        path, section = waiting.pop()
        section["no_such_knob"] = "1"
        with pytest.raises(PolicyRefused) as refused:
            parse_policy(json.dumps(document))
        del section["no_such_knob"]
        told = next(str(each) for each in refused.value.errors if "no_such_knob" in each.path)
        known = re.search(r"known are (.+)", told)
        found |= {_general(f"{path}.{name}".lstrip(".")) for name in known[1].split(", ")} if known else set()
        waiting += [
            (f"{path}.{key}".lstrip("."), each)
            for key, member in section.items()
            for each in (member if isinstance(member, list) else [member])
            if isinstance(each, dict) and key not in ("inherits",)
        ]
    return {name for name in found if not name.startswith("evidence.kinds.") or name.count(".") == 3}


def _general(path: str) -> str:
    return re.sub(r"^evidence\.kinds\.\w+\.", "evidence.kinds.*.", path)


def documented_knobs() -> set[str]:
    """The rows of the page's tables of knobs, under the sections that its headings name."""
    found = set()
    for part in re.split(r"^#+ ", POLICY_PAGE, flags=re.MULTILINE):
        sections = re.findall(r"`([\w.*]+)`", part.partition("\n")[0]) or [""]
        table = re.search(r"^\| knob \|.*?(?=\n\n)", part, re.MULTILINE | re.DOTALL)
        rows = re.findall(r"^\| `(\w+)` \|", table[0], re.MULTILINE) if table else []
        found |= {f"{section}.{row}".lstrip(".") for section in sections for row in rows}
    return found


def test_every_knob_of_a_document_is_explained_and_no_other() -> None:
    holders = {"territories", "evidence", "qualifies", "review", "ladder", "appeals", "safety"}  # headings of their own
    assert documented_knobs() - {"review.automation"} == known_knobs() - holders


def test_the_smallest_document_means_what_is_written_out_beside_it() -> None:
    documents = re.findall(r"```yaml\n(format.*?)```", POLICY_PAGE, re.DOTALL)
    smallest, written_out = map(parse_policy, documents)
    assert _comparable(smallest) == _comparable(written_out)


def _comparable(policy: Policy) -> list[object]:
    fields = {field.name: getattr(policy, field.name) for field in dataclasses.fields(policy)}
    lists: Territories = fields.pop("territories")
    terms = fields.pop("evidence")
    factors = {name: terms.factor(name) for name in ("residential", "edge", "vpn", "tor", "cgnat", "")}
    rules = [dataclasses.replace(rule, automation=rule.automation or policy.ladder.warn.automation)
             for rule in fields.pop("qualifies")]  # fmt: skip
    places = [getattr(lists, name) for name in ("supported", "excepted", "unresolved", "sanctioned", "inherits")]
    return [fields, rules, places, terms.window_days, terms.half_life, dict(terms.kinds), factors]


@pytest.mark.parametrize("name", [field.name for part in (Appeals, Safety) for field in dataclasses.fields(part)])
def test_a_knob_that_nothing_acts_on_says_so(name: str) -> None:
    """Reading it is acting on it: outside the code that parses documents, and the console that shows them."""
    files = [path for part in ("services", "rules") for path in (ROOT / "enforcement" / part).glob("*.py")]
    readers = [path for path in files if not path.name.startswith("policy") and _reads(path, name)]
    row = re.search(rf"^\| `{name}` \|.*$", POLICY_PAGE, re.MULTILINE)
    assert row
    assert ("Not acted on yet" in row[0]) == (not readers)


def _reads(path: Path, name: str) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.Attribute) and node.attr == name and _is_of_policy(node) for node in ast.walk(tree))


def _is_of_policy(node: ast.Attribute) -> bool:
    """Of `policy.safety`, or of a `safety` that was handed on."""
    holder = getattr(node.value, "attr", getattr(node.value, "id", ""))
    return holder in ("appeals", "safety")
