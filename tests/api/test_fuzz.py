"""Schemathesis against a running server: no answer that the document does not tell of, and none above 500.

Left out are two of its checks. That valid data is taken and invalid data is refused cannot be told from a schema here:
a batch is taken whatever its items are like, and a time zone or an address is known by more than its form.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator

from enforcement.models import Account, Client, PolicyVersion
from enforcement.services import keys
from tests.stage import suspended

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = 400 if os.environ.get("ENFORCEMENT_FULL") else 15  # of each call and kind of data
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "allow_header_conformance", "ignored_auth",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["detector", "registrar", "reader", "gateway"])
def test_every_answer_is_one_that_the_document_tells_of(
    served: str, kind: str, tmp_path: Path, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    key = keys.issue(f"fuzz-{kind}", kind, lasts=None)
    ran = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "run", f"{served}/api/schema/",
            "--header", f"Authorization: Bearer {key}", "--url", served, "--checks", ",".join(CHECKS),
            "--phases", "examples,coverage,fuzzing", "--mode", "all", "--max-examples", str(EXAMPLES),
            "--seed", "7", "--generation-database", "none", "--no-color", "--continue-on-failure",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"].values()
    assert f"Tested: {sum(map(len, paths))}\n" in ran.stdout, ran.stdout
