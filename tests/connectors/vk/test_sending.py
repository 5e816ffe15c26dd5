"""What we say arrives at VK whole, in order and once, and what VK answers becomes what operators are told."""

import json
import logging
import socket
import traceback
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Account
from connectors.pieces import utf16
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
    Sent,
)
from connectors.vk.channel import VkCallback, connect
from connectors.vk.letters import split
from connectors.vk.settings import VkAccountSettings
from doubles.vk import VkDouble
from doubles.vk_community import MAX_TEXT

ACCOUNT = Account(name="photo-club", channel="vk", scope="photo-club")
PDF = ChatFile(name="Счёт 12.pdf", content_type="application/pdf", size=11, sha256="0" * 64)
PICTURE = ChatFile(name="a.png", content_type="image/png", size=9, sha256="1" * 64)
ANNA = "14887"


def letter(text: str = "Здравствуйте", *files: ChatFile, answers: str = "") -> ChatLetter:
    return ChatLetter(number=88, to=ANNA, text=text, files=files, answers=answers)


async def send(bot: VkCallback, part: Part, content: bytes | None = None) -> Sent:
    return await bot.send(part, content=content, link="")


async def test_a_text_reaches_its_conversation_and_its_echo_has_our_number(callback: VkCallback, vk: VkDouble) -> None:
    (part,) = callback.split(letter())
    sent = await send(callback, part)
    (got,) = vk.community.history[ANNA]
    assert (got["text"], sent.platform_id) == ("Здравствуйте", str(got["conversation_message_id"]))
    (echo,) = vk.community.since(100)
    assert str(echo["object"]["random_id"]) == part.echo


async def test_the_same_part_twice_arrives_once(callback: VkCallback, vk: VkDouble) -> None:
    (part,) = callback.split(letter())
    assert await send(callback, part) == await send(callback, part)
    assert len(vk.community.history[ANNA]) == 1


async def test_an_answer_names_the_message_that_it_answers(callback: VkCallback, vk: VkDouble) -> None:
    asked = vk.community.message(int(ANNA), "Где заказ?")
    first, second = callback.split(letter("Едет " * 1000, answers=str(asked["conversation_message_id"])))
    for part in (first, second):
        await send(callback, part)
    sent = [message["sent"] for message in vk.community.history[ANNA][1:]]
    named = {"peer_id": int(ANNA), "conversation_message_ids": [1], "is_reply": True}
    assert [json.loads(one["forward"]) if "forward" in one else None for one in sent] == [named, None]


async def test_files_are_uploaded_first_and_named_in_a_message(callback: VkCallback, vk: VkDouble) -> None:
    text, picture = callback.split(letter("Вот", PICTURE))
    (document,) = callback.split(replace(letter("", PDF), number=89))
    await send(callback, text)
    await send(callback, picture, b"\x89PNG\r\n\x1a\n-")
    await send(callback, document, b"invoice\r\n12")
    sent = [message["sent"].get("attachment", "")[:4] for message in vk.community.history[ANNA]]
    assert sent == ["", "phot", "doc-"]
    assert (vk.community.files["a.png"], vk.community.files["Счёт 12.pdf"]) == (b"\x89PNG\r\n\x1a\n-", b"invoice\r\n12")


async def test_a_files_name_ends_no_header_of_an_upload(callback: VkCallback, vk: VkDouble) -> None:
    evil = 'a"\r\nX-Evil: 1\r\n\r\nforged'
    (document,) = callback.split(letter("", replace(PDF, name=evil, size=5)))
    await send(callback, document, b"bytes")
    assert set(vk.community.files.values()) == {b"bytes"}
    assert not any("\n" in name for name in vk.community.files)


async def test_files_go_nowhere_but_to_vk(callback: VkCallback, vk: VkDouble) -> None:
    vk.community.base_url = "https://files.example.org"
    (document,) = callback.split(letter("", PDF))
    with pytest.raises(SendFailedError, match="not VK's"):
        await send(callback, document, b"invoice\r\n12")


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (900, GoneError, "blacklist"),
        (901, GoneError, "has not allowed"),
        (18, GoneError, "deleted or blocked"),
        (5, ChannelDownError, "does not accept the token"),
        (27, ChannelDownError, "does not accept"),
        (6, SendLaterError, "fewer calls"),
        (9, SendLaterError, "flood"),
        (10, SendLaterError, "error of its own"),
        (914, SendFailedError, "too long"),
        (9999, SendFailedError, "error 9999"),
    ],
)
async def test_each_error_becomes_what_people_can_act_on(
    callback: VkCallback, vk: VkDouble, code: int, error: type[SendError], said: str
) -> None:
    vk.community.forced.append(code)
    (part,) = callback.split(letter())
    with pytest.raises(error, match=said) as found:
        await send(callback, part)
    assert type(found.value) is error
    assert not getattr(found.value, "unsure", False)


async def test_too_fast_waits_a_second_and_a_captcha_an_hour(callback: VkCallback, vk: VkDouble) -> None:
    pauses = []
    for code in (6, 14):
        vk.community.forced.append(code)
        with pytest.raises(SendLaterError) as found:
            await send(callback, callback.split(letter())[0])
        pauses.append(found.value.after)
    assert pauses == [timedelta(seconds=1), timedelta(hours=1)]


async def test_an_outage_stops_the_whole_community(callback: VkCallback, vk: VkDouble) -> None:
    vk.outage = True
    with pytest.raises(ChannelDownError, match="503"):
        await send(callback, callback.split(letter())[0])


async def test_nobody_at_the_other_end_is_an_outage() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        given = {"token": "12345678", "group_id": 1, "intake": "longpoll", "base_url": url}
        bot = connect(account=ACCOUNT, settings=VkAccountSettings.model_validate(given))
        with pytest.raises(ChannelDownError, match="cannot be reached"):
            await bot.send(bot.split(letter())[0], content=None, link="")
        await bot.close()


def test_nothing_to_say_is_no_message_and_a_giant_is_refused() -> None:
    giant = ChatFile(name="z.iso", content_type="x/y", size=300_000_000, sha256="0" * 64)
    for one, said in ((letter(" "), "nothing"), (letter("", giant), "VK takes")):
        with pytest.raises(CannotSendError, match=said):
            split(one, ACCOUNT)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300), min_size=1, max_size=40))
def test_every_piece_fits_and_no_word_is_lost(words: Sequence[str]) -> None:
    text = "x" + " ".join(words) + "😕" * 3000
    found = [str(part.payload["message"]) for part in split(letter(text), ACCOUNT)]
    assert all(utf16(piece) <= MAX_TEXT for piece in found)
    assert "".join("".join(piece.split()) for piece in found) == "".join(text.split())


async def test_the_token_stands_in_no_log_and_no_exception(
    callback: VkCallback, vk: VkDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vk.community.forced.append(100)
    (part,) = callback.split(letter("слова"))
    with pytest.raises(SendFailedError) as found:
        await send(callback, part)
    told = "".join(traceback.format_exception(found.value)) + caplog.text + repr(callback) + repr(found.value.__dict__)
    assert vk.community.token not in told
    assert "слова" not in told
