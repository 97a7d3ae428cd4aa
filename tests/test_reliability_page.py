"""docs/reliability.md: each fault that is promised has a row, and each test that a row names exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISED = {*range(1, 7), *range(11, 14), *range(15, 21), 24, 25, *range(43, 50), 70, 72}


def rows() -> dict[int, str]:
    """The lines of the table of faults, by their number."""
    found = re.findall(r"^\| F(\d+) \| (.+)$", PAGE, re.MULTILINE)
    assert len(found) == len(dict(found)), "a fault has two rows"
    return {int(number): line for number, line in found}


def named_tests(text: str) -> set[str]:
    return set(re.findall(r"`(tests/[\w/]+\.py::[\w:]+)`", text))


def exists(test: str) -> bool:
    file, *names = test.split("::")
    if not (ROOT / file).is_file():
        return False
    members: list[ast.stmt] = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in names:
        found = [each for each in members if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == name]
        if not found:
            return False
        members = found[0].body
    return True


def test_every_fault_that_is_promised_has_a_row_and_a_test() -> None:
    assert rows().keys() == PROMISED
    assert not [number for number, line in rows().items() if not named_tests(line)]


def test_every_test_that_the_page_names_exists() -> None:
    assert not {test for test in named_tests(PAGE) if not exists(test)}
    assert not exists("tests/test_reliability_page.py::test_that_nobody_wrote")
