"""What passes through the log loses what belongs to people or opens doors, whoever wrote it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.test import Client as Browser
from django.test import override_settings
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from accounts_enforcement import logs
from enforcement.services import keys
from enforcement.services.clock import ClockRefused


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, as it would stand on standard error."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


# -- masks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail to owner@acme.test failed", "mail to [mail] failed"),
        ("<owner+tag@sub.acme.test>: 550", "<[mail]>: 550"),
        ("from 203.0.113.9:4711", "from [ip]:4711"),
        ("from 2001:db8::1 and ::1", "from [ip] and [ip]"),
        ("[fe80::1]", "[[ip]]"),
        ("redis://user:secret@host:6379/0", "redis://[secret]@host:6379/0"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [secret]"),
        ("key ae_0123456789_" + "x" * 43, "key [key]"),
        ("at 10:37:04 on 2026-11-23T10:37:04Z", "at 10:37:04 on 2026-11-23T10:37:04Z"),
        ("enforcement/services/intake.py:183 record", "enforcement/services/intake.py:183 record"),
        ("Django 5.2.19, 127 rows", "Django 5.2.19, 127 rows"),
        ("case AE-0K4M-77QX of acme:eu-1", "case AE-0K4M-77QX of acme:eu-1"),
    ],
)
def test_addresses_and_keys_are_masked_and_the_rest_stays(text: str, left: str) -> None:
    assert logs.mask(text) == left


@given(st.emails(), st.ip_addresses(), st.text(max_size=20))
def test_no_address_survives_between_blanks(mail: str, address: object, text: str) -> None:
    masked = logs.mask(f"{text[:5]} {mail} {address} {text}")
    assert mail not in masked
    assert f" {address} " not in masked


def test_a_value_is_not_endless() -> None:
    assert len(logs.mask("x" * 100_000)) == 1000


@pytest.mark.parametrize("hostile", ["@" * 5000, "a" * 5000, ":" * 5000, "1." * 3000, "a@" * 3000, "://" * 2000])
def test_hostile_text_takes_no_time(hostile: str) -> None:
    assert len(logs.mask(hostile)) <= 7000


# -- errors --------------------------------------------------------------------------------------------------------


def test_an_error_is_told_by_type_and_place_without_what_it_quotes(written: io.StringIO) -> None:
    secret = "marker-value"
    try:
        int(secret)
    except ValueError:
        structlog.get_logger("any").exception("it.failed")
    (line,) = lines(written)
    assert line["exception"][0]["type"] == "builtins.ValueError"
    assert line["exception"][0]["at"][-1].startswith("tests/operations/test_logs.py:")
    assert secret not in written.getvalue()


def test_our_own_errors_say_their_sentence_and_what_they_came_from(written: io.StringIO) -> None:
    try:
        try:
            raise KeyError("marker-key")
        except KeyError as error:
            raise ClockRefused("The clock moves in test-clock mode only.") from error
    except ClockRefused:
        logging.getLogger("library").error("wrapped", exc_info=True)
    (line,) = lines(written)
    assert [each["type"].rpartition(".")[2] for each in line["exception"]] == ["ClockRefused", "KeyError"]
    assert [each["said"] for each in line["exception"]] == ["The clock moves in test-clock mode only.", ""]
    assert "marker-key" not in written.getvalue()


@pytest.mark.django_db
def test_a_database_error_names_code_and_constraint_and_quotes_no_row(written: io.StringIO) -> None:
    row = (
        "INSERT INTO enforcement_policyversion (name, document, digest, status) VALUES ('marker-row', '', '', 'active')"
    )
    with pytest.raises(IntegrityError, match="marker-row") as refused, transaction.atomic():
        connection.cursor().execute(row)
    structlog.get_logger("any").error("it.failed", exc_info=refused.value)
    (line,) = lines(written)
    assert any(each["said"].startswith("23") for each in line["exception"])
    assert "marker-row" not in written.getvalue()


def test_a_circle_of_errors_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert len(logs.chain_of(first)) == 5


def test_an_error_of_the_system_says_what_the_system_says() -> None:
    assert logs.said(ConnectionRefusedError(111, "Connection refused")) == "Connection refused"
    assert logs.said(psycopg.OperationalError("connection to server at 10.0.0.1 failed")) == ""


# -- lines ---------------------------------------------------------------------------------------------------------


@given(st.text())
def test_whatever_is_logged_is_one_line_of_json(text: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    record = logging.LogRecord("any", logging.INFO, "", 0, "%s", (f"a{text}\r\n{{}}",), None)
    handler.emit(record)
    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["level"] == "info"


def broken(request: HttpRequest, token: str) -> None:
    raise ValueError(f"no such thing: {token} {request.GET['q']}")


urlpatterns = [path("broken/<str:token>", broken)]
handler500 = "enforcement.api.problems.server_error"


@override_settings(ROOT_URLCONF=__name__)
def test_an_error_that_nobody_caught_is_told_once_under_the_request_s_id(written: io.StringIO) -> None:
    browser = Browser(raise_request_exception=False)
    answer = browser.get("/broken/marker-token?q=marker-query", HTTP_X_REQUEST_ID="request-0001")
    assert answer.status_code == 500
    failed, told = lines(written)
    assert (failed["event"], failed["request_id"], failed["exception"][0]["type"]) == (
        "request.failed", "request-0001", "builtins.ValueError",
    )  # fmt: skip
    assert (told["event"], told["status"], told["route"]) == ("request", 500, "broken/<str:token>")
    assert "marker" not in written.getvalue()


@pytest.mark.django_db
def test_nothing_of_one_request_is_left_for_the_next(written: io.StringIO) -> None:
    key = keys.issue("books", "reader", lasts=None)
    Browser().get("/api/v1/cases", HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_X_REQUEST_ID="request-0001")
    structlog.get_logger("any").warning("later")
    assert [line.get("request_id") for line in lines(written)] == ["request-0001", None]
