"""`./run docs` draws every block of every page anew."""

import django


def draw() -> None:
    from tests.docs.blocks import redraw
    from tests.docs.pages import DRAWERS, pages

    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = redraw(before, DRAWERS)
        if after != before:
            page.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    django.setup()  # the calls of the API are drawn from its views
    draw()
