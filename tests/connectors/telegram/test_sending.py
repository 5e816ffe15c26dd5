"""What we say arrives in pieces that Telegram takes, and what it answers is understood."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from telegram_lab import GROUP, OLGA

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
from connectors.telegram.channel import TelegramConnector, TelegramPoll
from doubles.telegram import TelegramDouble

PDF = ChatFile(name="Акт приёмки.pdf", content_type="application/pdf", size=5, sha256="0" * 64)
PNG = ChatFile(name="box.png", content_type="image/png", size=5, sha256="0" * 64)


def letter(text: str = "Добрый день", to: str = str(OLGA), **more: Any) -> ChatLetter:
    return ChatLetter(number=1, to=to, text=text, **more)


async def say(bot: TelegramConnector, what: ChatLetter) -> list[Sent]:
    return [await bot.send(part, content=b"bytes" if part.file else None, link="") for part in bot.split(what)]


async def failure(bot: TelegramConnector, to: str = str(OLGA)) -> SendError:
    with pytest.raises(SendError) as caught:
        await say(bot, letter(to=to))
    return caught.value


async def test_a_text_arrives_and_answers_what_it_answers(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    [sent] = await say(bot, letter(answers="3099"))
    method, data, _ = telegram.sent[0]
    assert (method, data["chat_id"], data["text"]) == ("sendMessage", str(OLGA), "Добрый день")
    assert data["reply_parameters"] == '{"message_id": 3099, "allow_sending_without_reply": true}'
    assert sent.platform_id == str(telegram.world.messages[-1]["message_id"])
    assert sent.at is not None


@pytest.mark.parametrize("text", ["слово " * 2000, "😀" * 5000, "a" * 4096 + "😀"])
async def test_a_long_text_is_cut_by_utf16_units(telegram: TelegramDouble, bot: TelegramPoll, text: str) -> None:
    await say(bot, letter(text))
    said = [data["text"] for _, data, _ in telegram.sent]
    assert len(said) > 1
    assert all(utf16(piece) <= 4096 for piece in said)
    assert "".join("".join(said).split()) == "".join(text.split())


async def test_a_file_carries_a_short_text_and_follows_a_long_one(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    await say(bot, letter("см. акт", files=[PDF, PNG]))
    await say(bot, letter("x" * 1025, files=[PDF]))
    assert [method for method, _, _ in telegram.sent] == ["sendDocument", "sendPhoto", "sendMessage", "sendDocument"]
    first, second = telegram.sent[0], telegram.sent[1]
    assert (first[1]["caption"], first[2]) == ("см. акт", {"document": b"bytes"})
    assert "caption" not in second[1]


async def test_a_picture_that_telegram_takes_for_none_goes_as_a_document(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals.append((400, "Bad Request: PHOTO_INVALID_DIMENSIONS", None))
    [sent] = await say(bot, letter("", files=[PNG]))
    assert [method for method, _, _ in telegram.sent] == ["sendDocument"]
    assert sent.platform_id


async def test_a_files_name_ends_no_header_of_an_upload(bot: TelegramPoll, telegram: TelegramDouble) -> None:
    evil = 'a"\r\nX-Evil: 1\r\n\r\nforged'
    file = ChatFile(name=evil, content_type="application/pdf", size=5, sha256="0" * 64)
    await say(bot, letter("", files=[file]))
    _, data, files = telegram.sent[-1]
    assert set(files.values()) == {b"bytes"}
    assert not any("evil" in name.lower() for name in data)
    assert "\n" not in data["filename"]


@pytest.mark.parametrize(
    "what",
    [
        letter(""),
        letter(to="somebody"),
        letter(files=[ChatFile(name="a", content_type="video/mp4", size=51 << 20, sha256="0" * 64)]),
    ],
)
def test_what_can_never_go_is_said_so(bot: TelegramPoll, what: ChatLetter) -> None:
    with pytest.raises(CannotSendError):
        bot.split(what)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("-1007788990011/17", {"chat_id": "-1007788990011", "message_thread_id": "17"}),
        ("-1003300330033/dm55", {"chat_id": "-1003300330033", "direct_messages_topic_id": "55"}),
        ("AbC-9/729004518", {"chat_id": "729004518", "business_connection_id": "AbC-9"}),
    ],
)
async def test_topics_and_business_chats_are_answered_where_they_are(
    telegram: TelegramDouble, bot: TelegramPoll, to: str, expected: Mapping[str, str]
) -> None:
    telegram.world.group(int(expected["chat_id"]), "Any")
    await say(bot, letter(to=to))
    assert {key: telegram.sent[0][1].get(key) for key in expected} == expected


async def test_a_group_that_moved_is_followed(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.world.state[-4455] = f"moved:{GROUP}"
    [sent] = await say(bot, letter(to="-4455"))
    assert sent.moved_to == str(GROUP)
    assert telegram.sent[0][1]["chat_id"] == str(GROUP)


@pytest.mark.parametrize(("state", "expected"), [("blocked", "blocked"), ("deactivated", "gone")])
async def test_somebody_who_cannot_be_reached_is_told_as_such(
    telegram: TelegramDouble, bot: TelegramPoll, state: str, expected: str
) -> None:
    telegram.world.state[OLGA] = state
    error = await failure(bot)
    assert isinstance(error, GoneError)
    assert (error.state, error.code) == (expected, "403")


async def test_a_chat_that_is_not_there_is_gone(bot: TelegramPoll) -> None:
    error = await failure(bot, to="42")
    assert isinstance(error, GoneError)
    assert error.state == "gone"


async def test_a_wish_to_wait_is_kept(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.floods.append(17)
    error = await failure(bot)
    assert isinstance(error, SendLaterError)
    assert (error.after, error.unsure) == (timedelta(seconds=17), False)


async def test_an_answer_that_never_comes_leaves_it_unsure(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.swallow = 1
    error = await failure(bot)
    assert isinstance(error, SendLaterError)
    assert error.unsure
    assert len(telegram.sent) == 1


async def test_an_outage_a_wrong_token_and_a_dead_server_are_the_channels_trouble(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.outage = True
    assert isinstance(await failure(bot), ChannelDownError)
    telegram.outage, telegram.token = False, "1:another"
    assert isinstance(await failure(bot), ChannelDownError)
    telegram.stop()
    assert isinstance(await failure(bot), ChannelDownError)


async def test_a_refusal_for_good_is_told_without_what_was_written(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.refusals.append((400, "Bad Request: can't parse entities near «Добрый день»", None))
    error = await failure(bot)
    assert type(error) is SendFailedError
    assert "Добрый" not in str(error)


async def test_a_message_that_went_is_sent_whatever_telegram_says_of_it(bot: TelegramPoll) -> None:
    part = Part(index=0, to=str(OLGA), payload={"method": "getMe", "text": "an answer that is no message"})
    assert await bot.send(part, content=None, link="") == Sent()
