"""What only the real web server can show: bodies that come in pieces, too large, or not at all."""

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from enforcement.models import Evidence
from enforcement.services import keys
from tests.api.conftest import item

pytestmark = pytest.mark.django_db(transaction=True)
BODY = json.dumps(item()).encode()


@pytest.fixture
def web(served: str) -> Iterator[httpx.Client]:
    """A detector that talks to a web server."""
    headers = {
        "Authorization": f"Bearer {keys.issue('edge-logs', 'detector', lasts=None)}",
        "Content-Type": "application/json",
    }
    with httpx.Client(base_url=f"{served}/api/v1", headers=headers, timeout=30) as client:
        yield client


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """A generator has no length, so it is sent chunked."""
    return (body[at : at + size] for at in range(0, len(body), size))


def test_bodies_come_in_pieces_and_too_large_ones_are_refused(web: httpx.Client) -> None:
    answer = web.post("/evidence", content=pieces(BODY, 10))
    assert "content-length" not in answer.request.headers
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert web.post("/evidence", content=pieces(b" " * 9 * 2**20, 2**16)).status_code == 413
    assert web.post("/evidence", content=b" " * 50 * 2**20).status_code == 413
    assert web.post("/evidence", content=BODY).json()["duplicates"] == 1


def test_a_body_that_breaks_off_stores_nothing(web: httpx.Client) -> None:
    """The server goes on, and the detector sends it again."""
    for broken in (
        b"Content-Length: 5000\r\n\r\n" + BODY,
        b'Transfer-Encoding: chunked\r\n\r\n5\r\n[{"id',
        b"Transfer-Encoding: chunked\r\n\r\nnonsense",
    ):
        with socket.create_connection((web.base_url.host, web.base_url.port or 0), timeout=30) as raw:
            raw.sendall(
                b"POST /api/v1/evidence HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + f"Authorization: {web.headers['Authorization']}\r\n".encode()
                + broken
            )
    assert web.post("/evidence", json=item("after")).json()["accepted"] == 1
    assert list(Evidence.objects.values_list("external_id", flat=True)) == ["after"]
