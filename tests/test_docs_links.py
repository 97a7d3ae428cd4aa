"""Whatever a page points to is there: pages and their sections, files, commands, modules, settings."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.docs.pages import pages

ROOT = Path(__file__).parent.parent
PAGES = pages()

_LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<file>[^)#\s]*)(?:#(?P<anchor>[^)\s]+))?\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"[\w.\-]+(?:/[\w.\-]+)*\.(?:py|md|ya?ml|html|txt|toml|css|js|svg|png|in|conf)|(?:[\w.\-]+/){1,}")
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# What a program makes, or the reader, is not there before.
_MADE = (".local/", ".venv/", ".env", "new-policy.yaml")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def in_code_marks(page: Path) -> Iterator[str]:
    """What stands between backticks in running text."""
    yield from re.findall(r"`([^`\n]+)`", _FENCE.sub("", text(page)))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that headings get where the page is shown: small letters, blanks as hyphens, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text(page)), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.finditer(_FENCE.sub("", text(page))):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        if not target.exists() or (link["anchor"] and link["anchor"] not in anchors(target)):
            broken.append(link[0])
    assert not broken


def test_every_page_of_the_docs_stands_in_their_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link["file"]).resolve() for link in _LINK.finditer(text(index))}
    assert not set((ROOT / "docs").glob("*.md")) - linked - {index}, "docs/README.md says who should read which page"


@cache
def tree() -> frozenset[str]:
    """Every file and folder of the repository, also by the ends of its path: `services/cases.py` is one that exists."""
    found = set()
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if parts[0] not in (".git", ".venv", ".local", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"):
            ending = "/" if path.is_dir() else ""
            found |= {"/".join(parts[i:]) + ending for i in range(len(parts))}
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = {word for code in in_code_marks(page) for word in code.split() if _FILE.fullmatch(word)}
    assert not {name for name in named if name not in tree() and not name.startswith(_MADE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_named_exists(page: Path) -> None:
    known = get_commands().keys()
    asked = re.findall(r"(?:\./run manage|manage\.py) ([a-z]\w*)", text(page))
    assert not set(asked) - known
    verbs = set(re.findall(r"^    \"(\w+)\": \(", (ROOT / "run").read_text(encoding="utf-8"), re.MULTILINE))
    assert not set(re.findall(r"\./run ([a-z]+)", text(page))) - verbs


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_is_run_exists(page: Path) -> None:
    ours = ("enforcement", "notifications", "accounts_enforcement", "devservices", "examples", "tests", "benchmarks")
    asked = [name for name in re.findall(r"python -m ([\w.]+\w)", text(page)) if name.split(".")[0] in ours]
    files = [ROOT.joinpath(*name.split(".")) for name in asked]
    assert all(file.with_suffix(".py").exists() or (file / "__main__.py").exists() for file in files)


@cache
def sources() -> str:
    """All that reads or sets settings, as one text."""
    files = [*ROOT.glob("run"), *ROOT.glob("*.yml"), *ROOT.glob("Dockerfile"), *ROOT.glob(".env.example")]
    for part in ("accounts_enforcement", "enforcement", "notifications", "devservices", "benchmarks", "examples"):
        files += (ROOT / part).rglob("*.py")
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_that_is_named_exists(page: Path) -> None:
    named = {name for code in in_code_marks(page) for name in _NAME.findall(code)}
    assert not {name for name in named if not re.search(rf"\b_?{name}\b", sources())}
