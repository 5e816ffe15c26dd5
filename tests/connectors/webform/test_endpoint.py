"""The endpoint of a form: what is stored, when yes is said, and what people are told instead."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from form_lab import CLIENT, FormLab

from connectors.base import LaterError
from schemas.message import FileState

pytestmark = pytest.mark.postgres


def why(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["why"]


async def test_a_request_carries_what_its_link_is_for(lab: FormLab) -> None:
    link = await lab.link(organisation="Fábrica, Lda", installation="PX-1", label="client area")
    answer = await lab.send(await lab.start(link), subject="Printer", email="marta@example.org", installation="PX-2")
    assert answer.status_code == 202
    (message,) = lab.bench.sink.messages
    assert message.subject == "Printer"
    assert message.details["form"] == {
        "link": link.id,
        "label": "client area",
        "organisation": "Fábrica, Lda",
        "installation": "PX-1",
    }
    assert message.details["contact"] == {"name": "Marta", "email": "marta@example.org", "own": True}


async def test_an_address_that_somebody_typed_is_no_sender(lab: FormLab) -> None:
    await lab.send(await lab.start(await lab.link()), email="boss@example.org")
    (message,) = lab.bench.sink.messages
    assert message.sender.address.startswith("f.")
    assert not message.reply_to


async def test_yes_is_said_after_the_store_alone(lab: FormLab) -> None:
    """C40."""
    stamp = await lab.start(await lab.link())
    lab.bench.sink.open.clear()
    asking = asyncio.create_task(lab.send(stamp))
    await lab.bench.sink.entered.wait()
    await asyncio.sleep(0.05)
    assert not asking.done()
    lab.bench.sink.open.set()
    assert (await asking).status_code == 202


async def test_while_the_bus_is_down_the_page_hears_later_and_nothing_is_stored(lab: FormLab) -> None:
    """C40."""
    stamp = await lab.start(await lab.link())
    lab.bench.sink.error = LaterError("the bus is down")
    answer = await lab.send(stamp)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    lab.bench.sink.error = None
    assert (await lab.send(stamp)).status_code == 202
    assert len(lab.bench.sink.messages) == 1


async def test_the_same_request_again_is_one_message_of_one_dialogue(lab: FormLab) -> None:
    link = await lab.link()
    first = await lab.send(await lab.start(link))
    lab.later(days=3)
    again = await lab.send(await lab.start(link))
    assert first.json()["receipt"] == again.json()["receipt"]
    one, other = lab.bench.sink.messages
    assert one.delivery_key == other.delivery_key


async def test_a_request_that_was_changed_between_two_tries_loses_no_word_and_opens_no_second_dialogue(
    lab: FormLab,
) -> None:
    stamp = await lab.start(await lab.link())
    await lab.send(stamp, text="It stops")
    await lab.send(stamp, text="It stops, and smokes")
    one, other = lab.bench.sink.messages
    assert one.delivery_key != other.delivery_key
    assert one.thread.conversation == other.thread.conversation


async def test_another_client_or_another_link_is_another_dialogue(lab: FormLab) -> None:
    link, second = await lab.link(), await lab.link()
    for which, client in ((link, CLIENT), (link, CLIENT[::-1]), (second, CLIENT)):
        await lab.send(await lab.start(which, client))
    assert len({message.sender.address for message in lab.bench.sink.messages}) == 3


async def test_who_is_faster_than_a_person_waits(lab: FormLab) -> None:
    stamp = await lab.start(await lab.link())
    lab.later(seconds=-4)
    answer = await lab.send(stamp)
    assert why(answer) == (425, "early")
    assert answer.json()["after"] == pytest.approx(2.1)
    lab.later(seconds=answer.json()["after"])
    assert (await lab.send(stamp)).status_code == 202


async def test_who_fills_in_what_nobody_sees_is_told_so_and_nothing_is_stored(lab: FormLab) -> None:
    """A browser that fills in everything is no machine: its person must hear of it."""
    stamp = await lab.start(await lab.link())
    assert why(await lab.send(stamp, website="https://spam.example")) == (422, "trap")
    assert ("contact", "trap") in lab.bench.refused
    assert (await lab.send(stamp)).status_code == 202
    assert len(lab.bench.sink.messages) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"name": " "}, {"why": "missing", "fields": ["name"]}),
        ({"email": "nobody"}, {"why": "email", "fields": ["email"]}),
        ({"text": " \n"}, {"why": "empty", "fields": ["text"]}),
        ({"text": "x" * 20_001}, {"why": "long", "most": 20_000}),
    ],
)
async def test_what_a_person_must_mend_is_named(lab: FormLab, facts: dict[str, str], said: dict[str, Any]) -> None:
    answer = await lab.send(await lab.start(await lab.link()), **facts)
    assert answer.status_code == 422
    assert answer.json() == said
    assert not lab.bench.sink.messages


async def test_what_is_not_asked_is_not_heard(lab: FormLab) -> None:
    await lab.send(await lab.start(await lab.link()), phone="+351 21 000 00 00", organisation="Somebody")
    assert lab.bench.sink.messages[0].details["contact"] == {"name": "Marta", "own": True}


async def test_files_come_before_the_request_and_one_too_large_is_only_named(lab: FormLab) -> None:
    stamp = await lab.start(await lab.link())
    handle = await lab.upload(b"line 1", token=stamp)
    assert handle.status_code == 201
    await lab.send(stamp, files=[handle.text], refused=[{"name": "video.mp4", "size": 48_211_004}])
    stored, refused = lab.bench.sink.messages[0].files
    assert (stored.name, stored.size, stored.state) == ("log.txt", 6, FileState.STORED)
    assert (refused.name, refused.state) == ("video.mp4", FileState.REFUSED)


async def test_a_file_that_waited_too_long_is_asked_for_again(lab: FormLab) -> None:
    link = await lab.link()
    handle = await lab.upload(b"line 1", token=await lab.start(link))
    lab.later(hours=25)
    assert why(await lab.send(await lab.start(link), files=[handle.text])) == (422, "file")


async def test_the_dialogue_shows_what_we_say_and_its_person_goes_on_writing(lab: FormLab) -> None:
    token = await lab.begun(await lab.link(organisation="Fábrica"))
    await lab.answer(token, "Switch it off and on")
    (line,) = (await lab.call("lines", token=token)).json()["lines"]
    assert (line["line"], line["text"]) == (1, "Switch it off and on")
    assert (await lab.call("lines?after=1", token=token)).json()["lines"] == []
    assert (await lab.call("say", {"id": "m1", "text": "It helps"}, token=token)).status_code == 202
    first, second = lab.bench.sink.messages
    assert second.text.content == "It helps"
    assert second.thread.conversation == first.thread.conversation
    assert second.details["form"]["organisation"] == "Fábrica"


async def test_a_page_that_waits_hears_a_line_as_soon_as_it_is_said(lab: FormLab) -> None:
    token = await lab.begun(await lab.link())
    hearing = asyncio.create_task(lab.dialogues.run())
    waiting = asyncio.create_task(lab.call("lines?after=0&wait=1", token=token))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await lab.answer(token, "Here we are")
    async with asyncio.timeout(10):
        assert [line["text"] for line in (await waiting).json()["lines"]] == ["Here we are"]
    hearing.cancel()


async def test_a_page_that_waits_is_told_later_when_we_stop(lab: FormLab) -> None:
    token = await lab.begun(await lab.link())
    waiting = asyncio.create_task(lab.call("lines?after=0&wait=1", token=token))
    lab.bench.door.reason = "stopping"
    async with asyncio.timeout(10):
        assert (await waiting).status_code == 503


async def test_what_was_seen_is_told_and_no_more_than_was_said(lab: FormLab) -> None:
    token = await lab.begun(await lab.link())
    await lab.answer(token, "Hello")
    assert (await lab.call("seen", {"line": 2}, token=token)).status_code == 400
    assert (await lab.call("seen", {"line": 1}, token=token)).status_code == 204
    assert lab.bench.sink.messages[-1].details == {"receipt": "seen", "up_to": True}


async def test_a_link_that_ends_while_its_form_is_open_takes_nothing_and_says_why(lab: FormLab) -> None:
    link, short = await lab.link(), await lab.link(lives=timedelta(hours=1))
    stamp, other = await lab.start(link), await lab.start(short)
    await lab.links.revoke(link.id, now=lab.now)
    lab.later(hours=1)
    assert why(await lab.send(stamp)) == (410, "revoked")
    assert why(await lab.send(other)) == (410, "expired")
    assert (await lab.upload(b"x", token=stamp)).status_code == 410
    assert not lab.bench.sink.messages


async def test_a_dialogue_goes_on_after_its_link_was_revoked(lab: FormLab) -> None:
    link = await lab.link()
    token = await lab.begun(link)
    await lab.links.revoke(link.id, now=lab.now)
    assert (await lab.call("say", {"id": "m1", "text": "still here"}, token=token)).status_code == 202
