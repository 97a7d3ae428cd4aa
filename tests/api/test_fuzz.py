"""Schemathesis against a running server: no answer that the document does not tell of, and none above 500.

Each call has a key that may make it, and the account and the case of the document's examples exist, so that what is
fuzzed is the call and not its door.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator

from benchmarks.unguarded import unguarded
from enforcement.api.documented import PROBLEMS
from enforcement.models import Case, Client, PolicyVersion
from enforcement.services import keys
from tests.conftest import make_account
from tests.stage import suspended

EXAMPLES = 600 if os.environ.get("ENFORCEMENT_FULL") else 40  # of each call and kind of data
PATHS = SchemaGenerator().get_schema(request=None, public=True)["paths"]
CALLS = {call["operationId"]: call["security"][0]["key"][0] for calls in PATHS.values() for call in calls.values()}
REFUSALS = [str(status) for status in PROBLEMS]
# What a schema cannot say. A batch is taken whatever its items are like; a filter that is left empty is none; a time
# zone, a length of time and an address are known by more than their form.
TAKE_WRONG = ("send_evidence", "post_accounts", "list_cases")
REFUSE_MORE = ("put_account", "gateway_decision")
CONFIGURATION = """
    [[operations]]
    include-operation-id = "{name}"
    headers = {{ Authorization = "Bearer {key}" }}
    checks.negative_data_rejection = {{ enabled = {refuses_wrong}, expected-statuses = {refusals} }}
    checks.positive_data_acceptance.enabled = {takes_right}
"""


def configuration() -> str:
    """A key for each call. None has a limit: 429 would hide what else there is."""
    parts = []
    for name, scope in CALLS.items():
        kind = next(kind for kind, scopes in keys.SCOPES.items() if scope in scopes)
        parts.append(
            CONFIGURATION.format(
                name=name, key=keys.issue(name, kind, lasts=None), refusals=json.dumps(REFUSALS),
                refuses_wrong=json.dumps(name not in TAKE_WRONG), takes_right=json.dumps(name not in REFUSE_MORE),
            )
        )  # fmt: skip
        keys.limit(name, 0)
    return "".join(parts)


@pytest.mark.django_db(transaction=True)
def test_every_answer_is_one_that_the_document_tells_of(
    served: str, tmp_path: Path, detector: Client, policy: PolicyVersion
) -> None:
    suspended(make_account("acme"), detector)
    with unguarded("enforcement_case"):
        Case.objects.update(reference="AE-7K3M-9QXD")
    (tmp_path / "schemathesis.toml").write_text(configuration())
    ran = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "run", f"{served}/api/schema/", "--url", served,
            "--phases", "examples,coverage,fuzzing", "--mode", "all",
            "--max-examples", str(EXAMPLES), "--seed", "7", "--generation-database", "none", "--no-color",
            "--continue-on-failure",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Tested: {len(CALLS)}\n" in ran.stdout, ran.stdout
    assert "WARNINGS" not in ran.stdout, ran.stdout  # of calls that were only ever refused, or found nothing
