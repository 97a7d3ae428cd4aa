"""Clients that are generated from our document work against a running server, errors included."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from enforcement.models import Account, Evidence
from enforcement.services import keys

pytestmark = pytest.mark.django_db(transaction=True)
SEEN = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture
def document(served: str, tmp_path: Path) -> Path:
    """What the server says of itself."""
    path = tmp_path / "openapi.yaml"
    path.write_bytes(httpx.get(f"{served}/api/schema/", timeout=30).raise_for_status().content)
    return path


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[str]], Path]:
    """Run a generator; what it wrote can be imported."""
    bin_ = Path(sys.executable).parent

    def generate(tool: str, arguments: list[str]) -> Path:
        target = tmp_path / tool
        ran = subprocess.run([bin_ / tool, *arguments], capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        monkeypatch.syspath_prepend(str(target))
        return target

    return generate


@pytest.fixture
def key() -> Callable[[str], str]:
    return lambda kind: keys.issue(f"generated-{kind}", kind, lasts=None)


def test_openapi_python_client(
    served: str, document: Path, tmp_path: Path, generated: Callable[..., Path], key: Callable[[str], str]
) -> None:
    made = tmp_path / "openapi-python-client"
    made.mkdir()
    generated(
        "openapi-python-client",
        ["generate", "--path", str(document), "--meta", "none", "--output-path", str(made / "enforcement_client")],
    )
    package = "enforcement_client"
    models, client_of = (
        importlib.import_module(f"{package}.models"),
        importlib.import_module(package).AuthenticatedClient,
    )

    def call(path: str, token: str, *arguments: Any, **named: Any) -> Any:
        answer = importlib.import_module(f"{package}.api.{path}").sync_detailed
        return answer(*arguments, client=client_of(base_url=served, token=token), **named)

    detector, registrar, gateway, reader = map(key, ("detector", "registrar", "gateway", "reader"))
    items = [
        models.EvidenceItem(
            id="e-1", account="acme", kind="ip_geolocation", observed_at=SEEN, country="CN", requests=7
        ),
        models.EvidenceItem(id="e-2", account="acme", kind="ip_geolocation", observed_at=SEEN, country="china"),
    ]
    sent = call("evidence.send_evidence", detector, body=items)
    assert (sent.status_code, sent.parsed.accepted, sent.parsed.rejected) == (202, 1, 1)
    (line,) = sent.parsed.items
    assert (line.index, line.id, line.status, line.errors[0].field) == (
        1,
        "e-2",
        models.ReceiptStatus.REJECTED,
        "country",
    )

    owner = models.AccountContact(email="owner@acme.test", role=models.ContactRole.OWNER)
    change = models.AccountChange(name="Acme", kind=models.AccountKind.ORGANISATION, contacts=[owner])
    put = call("accounts.put_account", registrar, "acme", body=change)
    assert (put.status_code, put.parsed.standing) == (200, models.Standing.CLEAR)
    read = call("accounts.read_account", reader, "acme")
    assert (read.parsed.external_id, read.parsed.notice, read.parsed.restrictions) == ("acme", None, [])
    assert call("gateway.gateway_decision", gateway, account="acme", country="CN").parsed.allow is True

    stranger = call("accounts.read_account", "ae_wrong", "acme")
    assert (stranger.status_code, stranger.parsed.status) == (401, 401)
    wrong = call("accounts.put_account", registrar, "acme", body=models.AccountChange(timezone="Mars/Olympus"))
    assert (wrong.status_code, wrong.parsed.errors[0].field) == (422, "timezone")
    asked = call("gateway.gateway_decision", gateway, account="acme", ip="nowhere")
    assert (asked.status_code, asked.parsed.errors[0].field) == (400, "ip")
    assert isinstance(call("gateway.gateway_decision", detector, account="acme").parsed, models.Problem)
    expect_stored()


def test_openapi_generator(
    served: str, document: Path, tmp_path: Path, generated: Callable[..., Path], key: Callable[[str], str]
) -> None:
    generated(
        "openapi-generator-cli",
        ["generate", "-g", "python", "-i", str(document), "-o", str(tmp_path / "openapi-generator-cli")],
    )
    package = importlib.import_module("openapi_client")

    def api(noun: str, token: str) -> Any:
        access = package.Configuration(host=served, access_token=token)
        return getattr(package, f"{noun}Api")(package.ApiClient(access))

    detector, registrar, gateway, reader = map(key, ("detector", "registrar", "gateway", "reader"))
    items = [
        package.EvidenceItem(
            id="e-1", account="acme", kind="ip_geolocation", observed_at=SEEN, country="CN", requests=7
        ),
        package.EvidenceItem(
            id="e-1", account="acme", kind="ip_geolocation", observed_at=SEEN, country="CN", requests=7
        ),
        package.EvidenceItem(
            id="e-2", account="acme", kind="ip_geolocation", observed_at=datetime(2199, 1, 1, tzinfo=UTC)
        ),
    ]
    receipt = api("Evidence", detector).send_evidence(items)
    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (1, 1, 1)
    assert [each.status for each in receipt.items] == [package.ReceiptStatus.DUPLICATE, package.ReceiptStatus.REJECTED]
    assert receipt.items[1].errors[0].var_field == "observed_at"  # the generator's name for `field`

    owner = package.AccountContact(email="owner@acme.test", role="owner")
    put = api("Accounts", registrar).put_account("acme", package.AccountChange(name="Acme", contacts=[owner]))
    assert put.standing == package.Standing.CLEAR
    assert api("Accounts", reader).read_account("acme").external_id == "acme"
    assert api("Gateway", gateway).gateway_decision("acme", country="CN").allow is True

    with pytest.raises(package.exceptions.UnauthorizedException) as stranger:
        api("Accounts", "ae_wrong").read_account("acme")
    assert stranger.value.data.status == 401
    with pytest.raises(package.exceptions.UnprocessableEntityException) as wrong:
        api("Accounts", registrar).put_account("acme", package.AccountChange(timezone="Mars/Olympus"))
    assert wrong.value.data.errors[0].var_field == "timezone"
    with pytest.raises(package.exceptions.BadRequestException) as unknown:
        api("Gateway", gateway).gateway_decision("acme", ip="nowhere")
    assert unknown.value.data.errors[0].var_field == "ip"
    expect_stored()


def expect_stored() -> None:
    """What the clients sent is here, as they meant it."""
    found = Evidence.objects.get()
    assert (found.external_id, found.observed_at, found.country, found.requests) == ("e-1", SEEN, "CN", 7)
    account = Account.objects.get(external_id="acme")
    assert (account.name, account.contacts.get().email) == ("Acme", "owner@acme.test")
