"""VK from end to end, by callback and by long poll: a conversation, answers that come back as echoes, an outage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from running_daemon import RunningDaemon, running_daemon
from way_back import messages

from doubles.ports import free_port
from doubles.vk import VkDouble, vk_double

pytestmark = [pytest.mark.postgres]

TOKEN, SECRET, GROUP = "vk1.a.invented-token-of-nobody", "aaQ13axAPQEcczQa", 20629724
ANNA, BORIS = 14887001, 14887002

Desk = tuple[RunningDaemon, VkDouble]


@contextmanager
def vk_desk(intake: str) -> Iterator[Desk]:
    port = free_port()
    with vk_double(token=TOKEN, group_id=GROUP, secret="" if intake == "longpoll" else SECRET) as vk:
        account = {"CHANNEL": "vk", "TOKEN": TOKEN, "GROUP_ID": str(GROUP), "INTAKE": intake, "BASE_URL": vk.base_url}
        if intake == "callback":
            account["SECRET"] = SECRET
        settings = {
            "SWITCHBOARD_INTAKE__PORT": str(port),
            "SWITCHBOARD_INTAKE__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "5",
            **{f"SWITCHBOARD_ACCOUNTS__CLUB__{name}": value for name, value in account.items()},
        }
        with running_daemon(settings) as daemon:
            if intake == "callback":
                daemon.wait_until(lambda: bool(vk.community.wanted), seconds=30, what="registered at VK")
            yield daemon, vk


@pytest.fixture(scope="module", params=["callback", "longpoll"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with vk_desk(request.param) as found:
        yield found


def ticket_of(daemon: RunningDaemon, user: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = daemon.json("tickets", "list", "--requester", str(user))
        return bool(found)

    daemon.wait_until(there, seconds=60, what=f"a ticket of {user}", every=0.3)
    return found[0]


def test_an_answer_reaches_the_conversation_and_its_echo_is_no_message(desk: Desk) -> None:
    daemon, vk = desk
    vk.happen("message_new", vk.community.write(ANNA, "Когда откроется студия?"))
    ticket = ticket_of(daemon, ANNA)
    daemon.cli("tickets", "reply", ticket["number"], "--text", "Завтра в девять")
    history = vk.community.history[str(ANNA)]
    daemon.wait_until(lambda: len(history) == 2, seconds=30, what="an answer at VK")
    assert history[1]["text"] == "Завтра в девять"
    (echo,) = [event for event in vk.community.since(100) if event["type"] == "message_reply"]
    if vk.community.callback_url:
        assert vk.deliver(echo)
    vk.happen("message_new", vk.community.write(ANNA, "Спасибо"))
    found = messages(daemon, ticket["number"], 3)
    assert [one["text"] for one in found] == ["Когда откроется студия?", "Завтра в девять", "Спасибо"]


def test_an_answer_written_in_vk_itself_stands_on_the_ticket_and_is_not_sent(desk: Desk) -> None:
    daemon, vk = desk
    vk.happen("message_new", vk.community.write(BORIS, "Сколько стоит?"))
    ticket = ticket_of(daemon, BORIS)
    vk.happen("message_reply", vk.community.message(-GROUP, "Сто", peer=BORIS, admin_author_id=ANNA))
    found = messages(daemon, ticket["number"], 2)
    assert [(one["text"], one["author"]) for one in found] == [("Сколько стоит?", "customer"), ("Сто", "agent")]
    assert len(vk.community.history[str(BORIS)]) == 2


def test_a_changed_message_is_shown_as_it_is_now(desk: Desk) -> None:
    daemon, vk = desk
    person = 14887003
    written = vk.community.write(person, "дом 11")
    vk.happen("message_new", written)
    ticket = ticket_of(daemon, person)
    vk.happen("message_edit", {**written["message"], "text": "дом 12", "update_time": written["message"]["date"] + 5})
    daemon.wait_until(
        lambda: daemon.json("tickets", "show", ticket["number"])["messages"][0]["text"] == "дом 12",
        seconds=30,
        what="changed",
        every=0.3,
    )


def test_the_token_and_the_secret_are_in_no_log_and_no_store(desk: Desk) -> None:
    daemon, _ = desk
    assert TOKEN not in daemon.log
    assert SECRET not in daemon.log
    blobs = b"".join(path.read_bytes() for path in (daemon.folder / "var" / "blobs").rglob("*") if path.is_file())
    assert "Сколько стоит?".encode() in blobs
    assert SECRET.encode() not in blobs
