"""Answers to another system: signed, once however often they are tried, and true to what its server says."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook
from webhook_lab import Receiver, answer, receiver

from connectors.api.callback import MOST_BROKEN, Breaking
from connectors.api.channel import ApiCallback, connect
from connectors.api.letters import MOST_LETTERS
from connectors.api.settings import PREFIX, ApiAccountSettings
from connectors.base import Account
from connectors.posting import Poster
from connectors.posting_guard import Reach
from connectors.sending import (
    CannotSendError,
    ChannelDownError,
    ChatFile,
    ChatLetter,
    GoneError,
    Part,
    SendError,
    SendFailedError,
    SendLaterError,
)

SECRET, FORMER = (PREFIX + base64.b64encode(bytes(range(start, start + 32))).decode() for start in (0, 32))
HERE = "0d3b1c52-7a1e-4f5e-9d54-0a3f5f6f7c11"
PDF = ChatFile(name="waybill.pdf", content_type="application/pdf", size=11, sha256="0" * 64)


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    async with receiver() as found:
        yield found


def now() -> datetime:
    return datetime.now(UTC)


def system(
    port: int, *, seconds: float = 5, allowed: bool = True, path: str = "/answers", instance: str = HERE
) -> ApiCallback:
    made = connect(
        account=Account(name="erp", channel="api", scope="erp"),
        settings=ApiAccountSettings.model_validate(
            {
                "channel": "api",
                "secret": SECRET,
                "old_secret": FORMER,
                "callback_url": f"http://127.0.0.1:{port}{path}",
            }
        ),
    )
    assert isinstance(made, ApiCallback)
    reach = Reach.of([f"http://127.0.0.1:{port}"] if allowed else [], [])
    made.use_poster(Poster(reach=reach, clock=now, seconds=seconds), now, instance=instance)
    return made


def letter(text: str = "It comes tomorrow.", *files: ChatFile) -> ChatLetter:
    return ChatLetter(number=4711, to="order-55102", text=text, files=files)


def first(erp: ApiCallback, given: ChatLetter) -> Part:
    return erp.split(given)[0]


async def test_an_answer_is_posted_signed_with_every_secret_that_is_valid(there: Receiver) -> None:
    erp = system(there.port)
    sent = await erp.send(first(erp, letter()), content=None, link="")
    (asked,) = there.asked
    for secret in (SECRET, FORMER):
        body = Webhook(secret).verify(asked.body, asked.headers)
        assert (body["conversation"], body["text"], body["file"]) == ("order-55102", "It comes tomorrow.", None)
    assert (asked.path, sent.platform_id, body["id"]) == ("/answers", "4711.0", "4711.0")
    assert asked.id.startswith(f"{HERE}.4711.0.")
    assert asked.headers["content-type"] == "application/json"


async def test_a_part_that_is_tried_again_has_the_same_id_and_body(there: Receiver) -> None:
    erp = system(there.port, seconds=0.5)
    there.answers["/answers"] = b""
    with pytest.raises(SendLaterError) as found:
        await erp.send(first(erp, letter()), content=None, link="")
    assert found.value.unsure
    there.answers.clear()
    await erp.send(first(erp, letter()), content=None, link="")
    before, after = there.asked
    assert (before.id, before.body) == (after.id, after.body)


async def test_another_installation_and_another_answer_of_the_same_number_have_other_ids(there: Receiver) -> None:
    """Numbers come again in another installation, and in this one after a backup was restored."""
    erp, elsewhere = system(there.port), system(there.port, instance="b7a0c0de-0000-4000-8000-000000000000")
    for sender, text in ((erp, "It comes."), (elsewhere, "It comes."), (erp, "It is lost."), (erp, "It comes.")):
        await sender.send(first(sender, letter(text)), content=None, link="")
    ids = [asked.id for asked in there.asked]
    assert (len(set(ids)), ids[0]) == (3, ids[3])


async def test_a_link_that_is_made_anew_leaves_the_id_as_it_is(there: Receiver) -> None:
    erp = system(there.port)
    _, file = erp.split(letter("See it", PDF))
    for link in ("https://desk.example.org/out/x", "https://desk.example.org/out/y"):
        await erp.send(file, content=b"waybill 12\n", link=link)
    assert len({asked.id for asked in there.asked}) == 1


async def test_a_file_is_a_part_of_its_own_with_a_link(there: Receiver) -> None:
    erp = system(there.port)
    text, file = erp.split(letter("See it", PDF))
    await erp.send(file, content=b"waybill 12\n", link="https://desk.example.org/out/x")
    told = json.loads(there.asked[0].body)
    assert told["file"] == {
        "name": "waybill.pdf",
        "content_type": "application/pdf",
        "size": 11,
        "sha256": "0" * 64,
        "url": "https://desk.example.org/out/x",
    }
    assert (text.payload["part"], told["part"], told["parts"], told["text"]) == (1, 2, 2, "")
    with pytest.raises(SendFailedError, match=r"set intake\.public_url"):
        await erp.send(file, content=b"x", link="")


def test_a_long_text_is_cut_and_an_empty_letter_is_none() -> None:
    parts = system(1).split(letter("word " * 20_000))
    assert [len(str(part.payload["text"])) <= MOST_LETTERS for part in parts] == [True, True]
    assert [part.echo for part in parts] == ["4711.0", "4711.1"]
    with pytest.raises(CannotSendError):
        system(1).split(letter(" \n"))


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (410, GoneError, "given this conversation up"),
        (400, SendFailedError, "answers 400"),
        (422, SendFailedError, "answers 422"),
        (401, ChannelDownError, "answers 401"),
        (302, ChannelDownError, "sends us elsewhere"),
        (500, ChannelDownError, "answers 500"),
        (404, SendLaterError, "answers 404"),
        (429, SendLaterError, "answers 429"),
    ],
)
async def test_what_its_server_says_becomes_what_agents_see(
    there: Receiver, status: int, error: type[SendError], said: str
) -> None:
    erp = system(there.port)
    there.answers["/answers"] = answer(status)
    with pytest.raises(error, match=said) as found:
        await erp.send(first(erp, letter()), content=None, link="")
    assert type(found.value) is error


async def said(erp: ApiCallback, part: Part) -> type[SendError] | None:
    try:
        await erp.send(part, content=None, link="")
    except SendError as error:
        return type(error)
    return None


async def test_one_part_that_its_server_breaks_at_does_not_stop_the_others_for_ever(there: Receiver) -> None:
    erp = system(there.port)
    part, other = first(erp, letter()), first(erp, replace(letter(), number=4712))
    there.answers["/answers"] = answer(500)
    found = [await said(erp, part) for _ in range(MOST_BROKEN + 2)]
    assert found == [ChannelDownError] * MOST_BROKEN + [SendLaterError] * 2
    assert await said(erp, other) is ChannelDownError
    there.answers.clear()
    assert [await said(erp, one) for one in (part, other)] == [None, None]
    there.answers["/answers"] = answer(500)
    assert await said(erp, part) is ChannelDownError


def test_parts_that_never_went_well_are_not_remembered_for_ever() -> None:
    breaking = Breaking(most=2)
    for part in ("a", "b", "c", "a"):
        assert breaking.times(part, 500) == 1
    assert [breaking.times(part, 502) for part in ("a", "c")] == [2, 2]
    assert [breaking.times("a", status) for status in (None, 500, 404, 500)] == [0, 3, 0, 1]


@pytest.mark.parametrize(
    ("after", "waits"), [("17", timedelta(seconds=17)), ("999999", timedelta(hours=6))], ids=["short", "long"]
)
async def test_a_server_may_ask_for_a_pause_of_six_hours_at_most(there: Receiver, after: str, waits: timedelta) -> None:
    erp = system(there.port)
    there.answers["/answers"] = answer(503, f"retry-after: {after}")
    with pytest.raises(SendLaterError) as found:
        await erp.send(first(erp, letter()), content=None, link="")
    assert (found.value.after, found.value.unsure) == (waits, False)


async def test_a_server_that_is_not_there_or_not_allowed_stops_the_account_and_costs_no_try(there: Receiver) -> None:
    nobody = system(1)
    with pytest.raises(ChannelDownError, match="refuses connections"):
        await nobody.send(first(nobody, letter()), content=None, link="")
    inside = system(there.port, allowed=False)
    with pytest.raises(ChannelDownError, match=r"webhooks\.allow_hosts"):
        await inside.send(first(inside, letter()), content=None, link="")
    assert there.asked == []


async def test_no_error_holds_the_url_or_the_text(there: Receiver) -> None:
    erp = system(there.port, path="/answers?key=hidden")
    there.answers["/answers?key=hidden"] = answer(400, body="hidden")
    with pytest.raises(SendError) as found:
        await erp.send(first(erp, letter("private words")), content=None, link="")
    assert not [word for word in ("hidden", "private") if word in str(found.value)]
