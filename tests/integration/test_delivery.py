"""Real SMTP conversations: accepted, put off, refused, cut off, and what is recorded of each."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection

from benchmarks.unguarded import unguarded
from devservices.service import free_port
from enforcement.services import clock
from notifications import delivery, relay
from notifications.models import Message
from notifications.outbox import Draft, cancel, enqueue
from notifications.relay import Relay
from tests.integration.mail_server import mail_server

pytestmark = pytest.mark.django_db(transaction=True)


class Server:
    """A mail server that does as it is told, by recipient."""

    def __init__(self) -> None:
        self.behaviour: dict[str, str] = {}
        self.accepted: list[tuple[str, bytes]] = []
        self.connections = 0
        self.lock = threading.Lock()

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, name: str, replies: list[str]):
        session.host_name = name
        with self.lock:
            self.connections += 1
        return replies

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):
        answer = self.behaviour.get(address, "")
        if answer.startswith("rcpt "):
            return answer.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        address = envelope.rcpt_tos[0]
        answer = self.behaviour.get(address, "")
        if answer.startswith("data "):
            return answer.removeprefix("data ")
        with self.lock:
            self.accepted.append((address, envelope.original_content or b""))
        if answer == "hang up":
            server.transport.close()
        if answer == "slow":
            await asyncio.sleep(1.5)  # what a slow server does, not what the test waits for
        return "250 2.0.0 queued"


@pytest.fixture
def server(settings) -> Iterator[Server]:
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{controller.port}"
    yield handler
    controller.stop()


def queue(*recipients: str) -> list[Message]:
    drafts = [Draft(each, f"To {each}", "words", "<p>words</p>", "en") for each in recipients]
    return enqueue(drafts, now=clock.now())


def deliver() -> delivery.Delivered:
    return delivery.deliver(clock=clock.now)


def state_of(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.reply.split()[0]


def test_an_acceptance_is_recorded_after_the_final_dot_with_the_servers_words(server: Server) -> None:
    (message,) = queue("a@x.test")
    before = clock.now()
    assert deliver().accepted == 1
    message.refresh_from_db()
    assert before < message.accepted_at < clock.now()
    assert (message.state, message.reply, message.attempts) == ("accepted", "250 2.0.0 queued", 1)
    assert (message.lease_token, message.next_attempt_at) == (None, None)


def test_many_mails_take_one_connection(server: Server) -> None:
    queue(*(f"a{number}@x.test" for number in range(120)))
    assert deliver().accepted == 120
    assert len(server.accepted) == 120
    assert server.connections == 1


def test_senders_at_work_at_once_send_each_message_once(server: Server) -> None:
    messages = queue(*(f"a{number}@x.test" for number in range(300)))

    def run() -> int:
        try:
            return deliver().accepted
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as senders:
        accepted = [senders.submit(run) for _ in range(4)]
    assert sum(each.result() for each in accepted) == 300
    assert sorted(address for address, _ in server.accepted) == sorted(message.recipient for message in messages)
    assert set(Message.objects.values_list("state", "attempts")) == {("accepted", 1)}


@pytest.mark.parametrize("answer", ["rcpt 450 4.2.0 greylisted", "data 452 4.3.1 no room"])
def test_who_is_put_off_is_tried_again_later_and_keeps_nobody_waiting(server: Server, answer: str) -> None:
    server.behaviour["late@x.test"] = answer
    late, *prompt = queue("late@x.test", *(f"prompt{number}@x.test" for number in range(10)))
    done = deliver()
    assert (done.accepted, done.deferred) == (10, 1)
    assert {state_of(message) for message in prompt} == {("accepted", "250")}
    assert state_of(late) == ("queued", answer.split()[1])
    assert late.next_attempt_at >= clock.now() + timedelta(seconds=50)
    assert deliver().accepted == 0
    server.behaviour.clear()
    clock.advance(timedelta(minutes=2))
    assert deliver().accepted == 1
    assert state_of(late) == ("accepted", "250")


@pytest.mark.parametrize("answer", ["rcpt 550 5.1.1 no such user", "data 554 5.7.1 not wanted"])
def test_who_is_refused_for_good_is_not_tried_again(server: Server, answer: str) -> None:
    server.behaviour["gone@x.test"] = answer
    gone, _ = queue("gone@x.test", "prompt@x.test")
    done = deliver()
    assert (done.accepted, done.failed) == (1, 1)
    assert state_of(gone) == ("failed", answer.split()[1])
    assert gone.reply.endswith(" ".join(answer.split()[2:]))
    clock.advance(timedelta(days=2))
    assert deliver() == delivery.Delivered()


def test_a_goodbye_from_the_server_costs_a_new_connection_and_no_message(server: Server) -> None:
    server.behaviour["b@x.test"] = "data 421 4.3.2 shutting down"
    queue("a@x.test", "b@x.test", "c@x.test")
    done = deliver()
    assert (done.accepted, done.deferred) == (2, 1)
    assert server.connections == 2


def test_an_acceptance_that_we_did_not_hear_sends_the_same_bytes_again(server: Server) -> None:
    server.behaviour["a@x.test"] = "hang up"
    (message,) = queue("a@x.test")
    assert deliver().deferred == 1
    server.behaviour.clear()
    clock.advance(timedelta(minutes=2))
    assert deliver().accepted == 1
    (_, first), (_, second) = server.accepted
    assert first == second
    assert message.message_id.encode() in first
    message.refresh_from_db()
    assert message.attempts == 2


def test_a_server_that_is_away_does_not_use_up_the_attempts_of_the_others(server: Server, settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    messages = queue("a@x.test", "b@x.test", "c@x.test")
    done = deliver()
    assert (done.deferred, done.given_back) == (1, 2)
    for message in messages:
        message.refresh_from_db()
    assert [message.attempts for message in messages] == [1, 0, 0]
    assert messages[0].reply.startswith("ConnectionRefusedError")


@pytest.mark.parametrize("words", ["421 4.3.2 too busy", "554 5.7.1 not from your address"])
def test_a_server_that_wants_nothing_of_us_refuses_nobody(words: str, settings) -> None:
    with mail_server() as strict:
        settings.EMAIL_URL = strict.url
        strict.says["connect"] = [words]
        first, _ = queue("a@x.test", "b@x.test")
        done = deliver()
        assert (done.deferred, done.given_back, done.failed) == (1, 1, 0)
        first.refresh_from_db()
        assert (first.state, first.reply) == ("queued", words)
        clock.advance(timedelta(minutes=2))
        assert deliver().accepted == 2
        assert len(strict.accepted) == 2


def test_when_the_time_is_up_the_rest_of_the_batch_is_given_back(server: Server, monkeypatch) -> None:
    queue("a@x.test", "b@x.test", "c@x.test")
    seconds = [0.0]
    offer = delivery._offer

    def slow(relay: Relay, mail: Message):
        seconds[0] += 5
        return offer(relay, mail)

    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(delivery, "_offer", slow)
    done = delivery.deliver(clock=clock.now, time_box=4)
    assert (done.accepted, done.given_back) == (1, 2)
    assert set(Message.objects.filter(state="queued").values_list("attempts", "lease_token")) == {(0, None)}


def test_a_sender_that_dies_after_the_acceptance_leads_to_one_more_copy_and_one_recorded_acceptance(
    server: Server, monkeypatch
) -> None:
    (message,) = queue("a@x.test")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(delivery, "_record", die)
    with pytest.raises(KeyboardInterrupt):
        deliver()
    monkeypatch.undo()
    assert deliver().accepted == 0  # the lease of the dead sender runs
    Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    assert deliver().accepted == 1
    assert [content for _, content in server.accepted] == [server.accepted[0][1]] * 2
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("accepted", 2)


def test_a_sender_that_comes_back_after_its_lease_changes_nothing(server: Server, monkeypatch) -> None:
    (message,) = queue("a@x.test")
    offer = delivery._offer

    def slow(line: Relay, mail: Message):
        reply = offer(line, mail)
        monkeypatch.setattr(delivery, "_offer", offer)
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
        assert deliver().accepted == 1
        return reply

    monkeypatch.setattr(delivery, "_offer", slow)
    assert deliver().fenced == 1
    message.refresh_from_db()
    assert message.state == "accepted"


def test_a_sender_that_comes_back_does_not_speak_for_the_one_that_took_over(server: Server, monkeypatch) -> None:
    (message,) = queue("a@x.test")
    offer = delivery._offer

    def slow(line: Relay, mail: Message):
        reply = offer(line, mail)
        monkeypatch.setattr(delivery, "_offer", offer)
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
        server.behaviour["a@x.test"] = "rcpt 450 4.2.0 later"
        assert deliver().deferred == 1
        return reply

    monkeypatch.setattr(delivery, "_offer", slow)
    assert deliver().fenced == 1
    assert state_of(message) == ("queued", "450")


def test_a_server_may_take_its_time_over_the_final_dot(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(relay, "_TIMEOUT", 0.5)
    server.behaviour["a@x.test"] = "slow"
    queue("a@x.test")
    assert deliver().accepted == 1
    assert len(server.accepted) == 1


def test_what_somebody_else_has_taken_over_is_not_sent_twice(server: Server, monkeypatch) -> None:
    """A sender that was frozen in the middle of its batch finds the rest of it sent."""
    queue("a@x.test", "b@x.test", "c@x.test")
    offer = delivery._offer

    def frozen(relay: Relay, mail: Message):
        monkeypatch.setattr(delivery, "_offer", offer)
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
        assert deliver().accepted == 3
        return offer(relay, mail)

    monkeypatch.setattr(delivery, "_offer", frozen)
    assert deliver() == delivery.Delivered(fenced=1)
    assert sorted(address for address, _ in server.accepted) == ["a@x.test", "a@x.test", "b@x.test", "c@x.test"]


def test_a_message_that_kills_its_sender_is_counted_and_stands_behind_the_others(server: Server, monkeypatch) -> None:
    killer, fine = queue("killer@x.test", "fine@x.test")
    offer = delivery._offer

    def die(relay: Relay, mail: Message):
        if mail.pk == killer.pk:
            raise KeyboardInterrupt
        return offer(relay, mail)

    monkeypatch.setattr(delivery, "_offer", die)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            deliver()
        Message.objects.update(lease_until=clock.real_now() - timedelta(seconds=1))
    killer.refresh_from_db()
    assert (killer.attempts, killer.state) == (2, "queued")
    assert state_of(fine) == ("accepted", "250")


def test_a_message_that_never_lets_its_sender_finish_is_given_up(server: Server) -> None:
    (message,) = queue("killer@x.test")
    Message.objects.update(attempts=delivery.GIVE_UP_AFTER)
    assert deliver().failed == 1
    message.refresh_from_db()
    assert (message.state, message.reply) == ("failed", "given up: no attempt came to its end")
    assert server.accepted == []


def test_a_lease_is_renewed_while_its_sender_lives(server: Server, monkeypatch) -> None:
    monkeypatch.setattr(delivery, "_LEASE", timedelta(seconds=0.6))
    queue("a@x.test")
    renewed = threading.Event()
    offer = delivery._offer

    def wait_for_renewal(line: Relay, mail: Message):
        leased = Message.objects.get().lease_until
        for _ in range(100):
            if Message.objects.get().lease_until > leased:
                renewed.set()
                break
            threading.Event().wait(0.05)
        return offer(line, mail)

    monkeypatch.setattr(delivery, "_offer", wait_for_renewal)
    assert deliver().accepted == 1
    assert renewed.is_set()


def test_a_message_that_cannot_be_composed_steps_aside(server: Server) -> None:
    poison, _ = queue("poison@x.test", "fine@x.test")
    with unguarded("notifications_message"):
        Message.objects.filter(pk=poison.pk).update(recipient="no address\r\nBcc: b@x.test")
    done = deliver()
    assert (done.accepted, done.deferred) == (1, 1)
    assert [address for address, _ in server.accepted] == ["fine@x.test"]


def test_who_was_put_off_often_enough_is_left_to_a_person(server: Server) -> None:
    server.behaviour["late@x.test"] = "rcpt 450 4.2.0 later"
    (message,) = queue("late@x.test")
    for _ in range(delivery.GIVE_UP_AFTER):
        deliver()
        clock.advance(timedelta(hours=6))
    assert state_of(message) == ("failed", "450")
    assert message.attempts == delivery.GIVE_UP_AFTER


def test_what_was_taken_back_goes_out_no_more(server: Server) -> None:
    server.behaviour["late@x.test"] = "rcpt 450 4.2.0 later"
    offered, fresh = queue("late@x.test", "fresh@x.test")
    Message.objects.filter(pk=fresh.pk).update(next_attempt_at=clock.now() + timedelta(hours=1))
    deliver()
    cancel([offered.pk, fresh.pk])
    server.behaviour.clear()
    clock.advance(timedelta(days=1))
    assert deliver() == delivery.Delivered()
    assert server.accepted == []
    assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}


def test_taking_back_finds_at_most_one_message_on_the_wire_and_its_acceptance_is_recorded(
    server: Server, monkeypatch
) -> None:
    on_the_wire, claimed = queue("a@x.test", "b@x.test")
    offer = delivery._offer

    def taken_back_meanwhile(relay: Relay, mail: Message):
        cancel([on_the_wire.pk, claimed.pk])
        return offer(relay, mail)

    monkeypatch.setattr(delivery, "_offer", taken_back_meanwhile)
    assert deliver() == delivery.Delivered(accepted=1)
    assert state_of(on_the_wire) == ("accepted", "250")
    claimed.refresh_from_db()
    assert (claimed.state, claimed.attempts) == ("cancelled", 0)
    assert [address for address, _ in server.accepted] == ["a@x.test"]


@pytest.mark.parametrize("answer", ["rcpt 450 4.2.0 later", "rcpt 550 5.1.1 nobody"])
def test_what_was_taken_back_on_the_wire_and_not_accepted_stays_taken_back(
    answer: str, server: Server, monkeypatch
) -> None:
    server.behaviour["a@x.test"] = answer
    (message,) = queue("a@x.test")
    offer = delivery._offer

    def taken_back_meanwhile(relay: Relay, mail: Message):
        cancel([message.pk])
        return offer(relay, mail)

    monkeypatch.setattr(delivery, "_offer", taken_back_meanwhile)
    deliver()
    assert state_of(message) == ("cancelled", answer.split()[1])
    assert (message.next_attempt_at, message.lease_token) == (None, None)


def test_tls_that_was_asked_for_is_never_given_up(server: Server, settings) -> None:
    settings.EMAIL_URL = settings.EMAIL_URL.replace("smtp://", "smtp+tls://")
    (message,) = queue("a@x.test")
    assert deliver().deferred == 1
    assert server.accepted == []
    assert state_of(message)[0] == "queued"
