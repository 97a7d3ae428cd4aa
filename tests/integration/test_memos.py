"""What accounts read in the course of a case; every sentence by itself is held in tests/unit/test_memo_words.py."""

import re
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from html import unescape

import pytest

from enforcement.models import Account, Client, Memo, PolicyVersion
from enforcement.services import clock, sweep, wording
from notifications.email import compose
from notifications.models import Message
from tests.conftest import make_account
from tests.stage import DAY, answer_mail, pass_time, see, sighting, suspended, the_case, warned

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["en", "zh-Hans"])
def lived_through(request, account_outside: Account, detector: Client, policy: PolicyVersion) -> list[Memo]:
    """Every memo of a long life, in one language."""
    account_outside.language = request.param
    account_outside.timezone = "Asia/Shanghai"
    account_outside.save()
    warned(account_outside, detector)
    pass_time(9 * DAY)
    answer_mail()
    suspended_case = the_case(account_outside)
    clock.move_to(suspended_case.due_at + timedelta(minutes=1))
    see(detector, sighting(account_outside, clock.now(), credential="sk-…a1b2", requests=1234))
    sweep.sweep(now=clock.now())
    answer_mail()
    sweep.sweep(now=clock.now())
    case = the_case(account_outside)
    pass_time(case.due_at - clock.now() - 2 * DAY)
    pass_time(3 * DAY)
    answer_mail()
    other = make_account("quiet", "Quiet GmbH", language=request.param)
    warned(other, detector)
    pass_time(16 * DAY)
    answer_mail()
    found = list(Memo.objects.exclude(rendered_at=None).order_by("pk"))
    assert {memo.kind for memo in found} == {"warning", "reminder", "suspension", "block", "cure"}
    return found


def test_every_memo_names_the_case_and_no_other_account(lived_through: list[Memo]) -> None:
    for memo in lived_through:
        mine, other = memo.case.account.name, {"Shenzhen Office Ltd", "Quiet GmbH"} - {memo.case.account.name}
        for part in (memo.subject, memo.text, memo.html):
            assert mine in part
            assert memo.case.reference in part
            assert not any(name in part for name in other)


def test_the_warning_has_the_facts_the_date_and_the_way_out(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    account_outside.timezone = "Asia/Shanghai"
    account_outside.save()
    see(detector, sighting(account_outside, datetime.fromisoformat(f"{clock.now() - DAY:%Y-%m-%d}T08:00:00+00:00"),
                           credential="sk-…a1b2", requests=1234))  # fmt: skip
    answer_mail()
    memo = Memo.objects.get()
    due = wording.moment(memo.told_due_at, "en")
    local = wording.moment(memo.told_due_at, "en", "Asia/Shanghai")
    for words in (
        "1,234 API requests, 100% of Shenzhen Office Ltd's traffic, that appeared to come from China",
        "sk-…a1b2", "residential", "Nothing is restricted now",
        f"from {due} ({local}) we will suspend the account",
        "Log-in, key deletion, invoices, export and appeal will keep working",
        "after 7 quiet days we close the case", "within 14 days", "decided automatically",
        "https://example.com/supported-countries",
    ):  # fmt: skip
        assert words in memo.text
        assert words in unescape(re.sub(r"<[^>]+>", "", memo.html))


HOSTILE = "{{ 7|add:7 }} {% load x %} <script>alert(1)</script> %s {0.__class__} \u202eevil\u2028line"


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_hostile_names_stay_inert(
    language: str, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    account_outside.name, account_outside.language = HOSTILE, language
    account_outside.save()
    see(detector, sighting(account_outside, clock.now(), credential="<b>k</b>{{ 7|add:7 }}"))
    answer_mail()
    memo, message = Memo.objects.get(), Message.objects.get()
    assert "{{ 7|add:7 }} {% load x %}" in memo.subject
    assert "<script>" not in memo.html
    assert "<b>k" not in memo.html
    for part in (memo.subject, memo.text, memo.html):
        assert "14" not in re.findall(r"7\|add:7|\b14 \{%", part)
        assert "\u202e" not in part
        assert "\u2028" not in part
    mail = message_from_bytes(compose(message, "policy@provider.test"), policy=default)
    assert mail["Subject"] == memo.subject
    assert mail["To"] == "owner@shenzhen.test"


def test_a_mail_is_fit_to_travel(account_outside: Account, detector: Client, policy: PolicyVersion) -> None:
    account_outside.language = "zh-Hans"
    account_outside.save()
    see(detector, sighting(account_outside, clock.now()))
    answer_mail()
    message = Message.objects.get()
    content = compose(message, "Provider <policy@provider.test>")
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert content == compose(Message.objects.get(), "Provider <policy@provider.test>")
    mail = message_from_bytes(content, policy=default)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "zh-Hans"
    assert mail["Message-ID"] == message.message_id
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == message.text
    assert mail.get_body(("html",)).get_content().replace("\r\n", "\n").strip() == message.html.strip()


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("en", "en"), ("en-GB", "en"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh-Hans-SG", "zh-Hans"),
     ("zh-TW", "en"), ("zh-Hant", "en"), ("fa", "en"), ("de", "en")],
)  # fmt: skip
def test_the_language_is_the_accounts_choice_and_its_absence_is_said(
    wanted: str, spoken: str, account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    account_outside.language = wanted
    account_outside.save()
    see(detector, sighting(account_outside, clock.now()))
    answer_mail()
    memo = Memo.objects.get()
    assert memo.language == spoken
    fallback = spoken == "en" and not wanted.startswith("en")
    assert (f"You asked for {wanted}" in memo.text) is fallback


def test_suspension_tells_when_the_block_would_follow(
    account_outside: Account, detector: Client, policy: PolicyVersion
) -> None:
    suspended(account_outside, detector)
    answer_mail()
    memo = Memo.objects.get(kind="suspension")
    assert memo.told_due_at == told_by(memo)
    assert f"from {wording.moment(memo.told_due_at, 'en')}" in memo.text


def told_by(memo: Memo) -> datetime:
    exact = memo.rendered_at + 30 * DAY
    return exact.replace(second=0, microsecond=0) + timedelta(minutes=1)
