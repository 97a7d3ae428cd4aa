"""What docs/api.md shows runs as it stands there, against the real web server."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from enforcement.services import keys

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
_SHOWN = re.compile(
    r"<!-- run: (?P<key>[A-Z]+) -->\n```sh\n(?P<call>.*?)```\n\n<!-- answer -->\n```json\n(?P<answer>.*?)```\n",
    re.DOTALL,
)


@pytest.mark.django_db(transaction=True)
def test_every_call_of_the_page_is_answered_as_it_says(served: str) -> None:
    blocks = list(_SHOWN.finditer(PAGE))
    assert len(blocks) == PAGE.count("<!-- run: ") == PAGE.count("<!-- answer -->") > 5
    for block in blocks:
        key = keys.issue(f"page-{block['key'].lower()}", block["key"].lower(), lasts=None)
        environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "URL": served, block["key"]: key}
        ran = subprocess.run(
            ["sh", "-c", block["call"]], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        assert json.loads(ran.stdout) == json.loads(block["answer"]), block["call"]
