"""Blocks of a page that code draws: `<!-- drawn: NAME -->` to `<!-- end -->`, each on a line of its own."""

import re
from collections.abc import Callable, Mapping, Sequence

Draw = Callable[[str], str]  # from the name of a block, without its first word, to its lines

_BLOCK = re.compile(r"^<!-- drawn: (?P<name>.+?) -->\n(?P<body>.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL)


class NotDrawable(Exception):
    """A block has a name that nobody draws."""


def redraw(page: str, drawers: Mapping[str, Draw]) -> str:
    """The page with every block drawn anew; the first word of a block's name says by whom."""

    def fresh(block: re.Match[str]) -> str:
        drawer, _, rest = block["name"].partition(" ")
        if drawer not in drawers:
            raise NotDrawable(f"{block['name']}: there are {', '.join(drawers)}")
        return f"<!-- drawn: {block['name']} -->\n{drawers[drawer](rest)}\n<!-- end -->"

    return _BLOCK.sub(fresh, page)


def names(page: str) -> list[str]:
    return [block["name"] for block in _BLOCK.finditer(page)]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; blank lines around it, as HTML comments would swallow its first row."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n" + "\n".join(f"| {' | '.join(each)} |" for each in lines) + "\n"


def mermaid(chart: str) -> str:
    return f"\n```mermaid\n{chart}\n```\n"
