"""Viber from end to end: what people write becomes a ticket, answers and files go back, receipts are seen."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from running_daemon import RunningDaemon
from viber_desk import tickets, viber_desk
from way_back import messages

from doubles.viber import ViberDouble

pytestmark = [pytest.mark.postgres]

Desk = tuple[RunningDaemon, ViberDouble]


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with viber_desk() as found:
        yield found


def ticket_of(daemon: RunningDaemon, user: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = daemon.json("tickets", "list", "--requester", user)
        return bool(found)

    daemon.wait_until(there, seconds=60, what=f"a ticket of {user}", every=0.3)
    return found[0]


def test_a_conversation_is_one_ticket_and_the_answer_reaches_the_person(desk: Desk) -> None:
    daemon, viber = desk
    olga = viber.person("Olga")
    viber.write(olga, {"type": "text", "text": "Заказ 4417 не пришёл"})
    viber.write(olga, {"type": "text", "text": "И телефон не отвечает"})
    ticket = ticket_of(daemon, olga.id)
    assert len(messages(daemon, ticket["number"], 2)) == 2
    daemon.cli("tickets", "reply", ticket["number"], "--text", "Он едет")
    daemon.wait_until(lambda: bool(viber.got), seconds=30, what="an answer at Viber")
    assert (viber.got[0].receiver, viber.got[0].body["text"]) == (olga.id, "Он едет")
    viber.receipt("seen", viber.got[0])
    daemon.wait_until(
        lambda: "seen" in str(daemon.json("tickets", "show", ticket["number"])), seconds=30, what="seen", every=0.3
    )


def test_a_picture_is_fetched_and_a_file_of_ours_is_fetched_by_viber(desk: Desk) -> None:
    daemon, viber = desk
    rui = viber.person("Rui")
    picture = b"\xff\xd8\xff\xe0 a picture of a printer"
    viber.write(rui, {"type": "picture", "media": viber.upload(picture, "a.jpg"), "text": "a impressora"})
    ticket = ticket_of(daemon, rui.id)

    def fetched() -> bool:
        return "stored" in str(daemon.json("tickets", "show", ticket["number"])["messages"][0]["files"])

    daemon.wait_until(fetched, seconds=60, what="a fetched picture", every=0.3)
    invoice = daemon.folder / "fatura.pdf"
    invoice.write_bytes(b"%PDF-1.7 invoice")
    daemon.cli("tickets", "reply", ticket["number"], "--text", "A fatura", "--attach", str(invoice))
    daemon.wait_until(lambda: any(got.content for got in viber.got), seconds=30, what="a file at Viber")
    assert [got.content for got in viber.got if got.receiver == rui.id] == [b"", b"%PDF-1.7 invoice"]


def test_a_callback_that_is_tried_again_is_one_message(desk: Desk) -> None:
    daemon, viber = desk
    eva = viber.person("Eva")
    token = viber.write(eva, {"type": "text", "text": "uma vez"})
    sender = {"id": eva.id, "name": "Eva"}
    viber.callback({"event": "message", "sender": sender, "message": {"type": "text", "text": "uma vez"}}, token=token)
    ticket = ticket_of(daemon, eva.id)
    assert len(messages(daemon, ticket["number"], 1)) == 1
    assert set(viber.answers[token]) == {200}


def test_who_left_is_marked_and_is_sent_nothing(desk: Desk) -> None:
    daemon, viber = desk
    ana = viber.person("Ana")
    viber.write(ana, {"type": "text", "text": "olá"})
    ticket = ticket_of(daemon, ana.id)
    ana.subscribed = False
    viber.callback({"event": "unsubscribed", "user_id": ana.id})
    daemon.cli("tickets", "reply", ticket["number"], "--text", "Bom dia")
    daemon.wait_until(
        lambda: "failed" in str(daemon.json("tickets", "show", ticket["number"])), seconds=30, what="failed", every=0.3
    )
    assert not [got for got in viber.got if got.receiver == ana.id]


def test_what_is_written_while_the_intake_is_killed_is_kept_once(desk: Desk) -> None:
    daemon, viber = desk
    ivo, texts = viber.person("Ivo"), [f"part {number}" for number in range(24)]

    def write() -> None:
        for text in texts:
            viber.write(ivo, {"type": "text", "text": text})

    writing = threading.Thread(target=write)
    writing.start()
    for _ in range(3):
        time.sleep(0.4)
        daemon.kill_child("ingest")
    writing.join(120)
    ticket = ticket_of(daemon, ivo.id)
    found = messages(daemon, ticket["number"], len(texts))
    assert sorted(one["text"] for one in found) == sorted(texts)
    assert any(status != 200 for answers in viber.answers.values() for status in answers)


def test_a_forged_callback_is_refused_and_stores_nothing(desk: Desk) -> None:
    daemon, viber = desk
    before = daemon.json("ledger")["accepted"]
    raw = b'{"event":"message","message_token":1,"sender":{"id":"x=="},"message":{"type":"text","text":"x"}}'
    assert viber.deliver(raw, signature="0" * 64) in (401, 403)
    assert daemon.json("ledger")["accepted"] == before


def test_the_token_is_never_in_the_log(desk: Desk) -> None:
    daemon, viber = desk
    assert viber.token not in daemon.log
    assert tickets(daemon, 1)
