"""Several files go as albums that Telegram takes: of kinds that may be mixed, ten at most, with one caption."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from telegram_lab import OLGA

from connectors.sending import ChatFile, ChatLetter, Part, SendFailedError, SendLaterError, Sent
from connectors.telegram.channel import TelegramPoll
from doubles.telegram import TelegramDouble


def picture(number: int, size: int = 5) -> ChatFile:
    return ChatFile(name=f"{number}.png", content_type="image/png", size=size, sha256="0" * 64)


def document(number: int, size: int = 5) -> ChatFile:
    return ChatFile(name=f"{number}.pdf", content_type="application/pdf", size=size, sha256="0" * 64)


def parts(bot: TelegramPoll, text: str, *files: ChatFile, answers: str = "") -> Sequence[Part]:
    return bot.split(ChatLetter(number=1, to=str(OLGA), text=text, files=files, answers=answers))


async def say(bot: TelegramPoll, made: Sequence[Part]) -> list[Sent]:
    found = []
    for part in made:
        if part.album:
            contents = [f"bytes of {file.name}".encode() for file in part.album]
            found.append(await bot.send_album(part, contents=contents))
        else:
            found.append(await bot.send(part, content=b"bytes" if part.file else None, link=""))
    return found


async def test_pictures_go_in_one_album_with_the_text_under_it(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    made = parts(bot, "Two boxes", picture(1), picture(2), answers="3099")
    (sent,) = await say(bot, made)
    ((method, data, files),) = telegram.sent
    assert (method, set(files.values())) == ("sendMediaGroup", {b"bytes of 1.png", b"bytes of 2.png"})
    media = json.loads(data["media"])
    assert [(one["type"], one.get("caption")) for one in media] == [("photo", "Two boxes"), ("photo", None)]
    assert "caption" not in data
    assert json.loads(data["reply_parameters"])["message_id"] == 3099
    ids = [str(message["message_id"]) for message in telegram.world.messages]
    assert [sent.platform_id, *sent.also] == ids
    assert len({message["media_group_id"] for message in telegram.world.messages}) == 1


async def test_a_long_text_goes_before_the_album(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    await say(bot, parts(bot, "x" * 1025, picture(1), picture(2)))
    assert [method for method, _, _ in telegram.sent] == ["sendMessage", "sendMediaGroup"]
    assert "caption" not in telegram.sent[1][1]["media"]


async def test_documents_and_pictures_are_not_mixed_and_keep_their_order(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    await say(bot, parts(bot, "", picture(1), picture(2), document(3), document(4), picture(5)))
    assert [method for method, _, _ in telegram.sent] == ["sendMediaGroup", "sendMediaGroup", "sendPhoto"]
    assert [one["type"] for one in json.loads(telegram.sent[1][1]["media"])] == ["document", "document"]


@pytest.mark.parametrize(("count", "sizes"), [(10, [10]), (11, [10, 1]), (23, [10, 10, 3])])
async def test_an_album_has_ten_files_at_most(
    telegram: TelegramDouble, bot: TelegramPoll, count: int, sizes: list[int]
) -> None:
    made = parts(bot, "", *map(picture, range(count)))
    assert [len(part.album) or 1 for part in made] == sizes
    await say(bot, made)
    assert len(telegram.world.messages) == count


def test_an_album_is_no_larger_than_one_file_may_be(bot: TelegramPoll) -> None:
    made = parts(bot, "", *(document(number, 20 << 20) for number in range(5)))
    assert [len(part.album) or 1 for part in made] == [2, 2, 1]


async def test_pictures_that_telegram_takes_for_none_go_as_documents(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals.append((400, "Bad Request: PHOTO_INVALID_DIMENSIONS", None))
    (sent,) = await say(bot, parts(bot, "", picture(1), picture(2)))
    assert [one["type"] for one in json.loads(telegram.sent[0][1]["media"])] == ["document", "document"]
    assert len(sent.also) == 1


async def test_a_group_that_moved_gets_the_album_where_it_is_now(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.world.group(-1007, "Wholesale")
    telegram.world.state[OLGA] = "moved:-1007"
    (sent,) = await say(bot, parts(bot, "", picture(1), picture(2)))
    assert (sent.moved_to, len(sent.also)) == ("-1007", 1)


WRONG = (400, "Bad Request: wrong file identifier", None)
WAIT = (429, "Too Many Requests: retry after 1", {"retry_after": 1})
NO_WAIT = (429, "Too Many Requests: retry after 0", {"retry_after": 0})
LONG_WAIT = (429, "Too Many Requests: retry after 300", {"retry_after": 300})


async def test_of_an_album_with_a_refused_file_the_others_arrive_with_the_text(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG, WRONG]  # the album, then its first file
    (sent,) = await say(bot, parts(bot, "See", document(1), document(2), document(3)))
    assert [message.get("caption") for message in telegram.world.messages] == ["See", None]
    assert [refused.partition(":")[0] for refused in sent.refused] == ["1.pdf"]
    assert len(sent.also) == 1


@pytest.mark.parametrize("files", [1, 2])
async def test_where_every_file_is_refused_the_text_arrives_alone(
    telegram: TelegramDouble, bot: TelegramPoll, files: int
) -> None:
    telegram.refusals += [WRONG] * (files + (files > 1))
    (sent,) = await say(bot, parts(bot, "See", *map(document, range(files))))
    assert [message.get("text") for message in telegram.world.messages] == ["See"]
    assert len(sent.refused) == files


async def test_files_without_a_text_that_are_all_refused_are_failed(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG] * 3
    with pytest.raises(SendFailedError):
        await say(bot, parts(bot, "", document(1), document(2)))
    assert telegram.world.messages == []


async def test_a_short_pause_in_the_middle_of_single_files_is_waited_for_and_all_arrive_once(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG, None, WAIT]
    (sent,) = await say(bot, parts(bot, "See", document(1), document(2)))
    assert (sent.refused, sent.pause, len(sent.also)) == ((), None, 1)
    assert len(telegram.world.messages) == 2


async def test_after_a_long_pause_in_the_middle_what_did_not_go_is_named_and_what_arrived_is_known(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG, None, LONG_WAIT]
    (sent,) = await say(bot, parts(bot, "See", *map(document, range(4))))
    assert [refused.partition(":")[0] for refused in sent.refused] == ["1.pdf", "2.pdf", "3.pdf"]
    assert sent.pause == timedelta(seconds=300)
    (arrived,) = telegram.world.messages
    assert sent.platform_id == str(arrived["message_id"])


async def test_a_pause_of_nothing_is_no_reason_to_call_without_end(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.refusals += [WRONG, None, *[NO_WAIT] * 50]
    (sent,) = await say(bot, parts(bot, "See", document(1), document(2)))
    assert [refused.partition(":")[0] for refused in sent.refused] == ["2.pdf"]
    assert 40 < len(telegram.refusals) < 50


async def test_where_nobody_knows_of_the_first_file_it_is_named_and_nothing_is_sent_behind_it(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG]
    telegram.swallow = 1
    with pytest.raises(SendLaterError, match=r"1\.pdf may have arrived.*behind it none was sent") as raised:
        await say(bot, parts(bot, "See", document(1), document(2)))
    assert raised.value.unsure
    assert len(telegram.world.messages) == 1


async def test_a_pause_before_anything_arrived_is_left_to_the_next_attempt(
    telegram: TelegramDouble, bot: TelegramPoll
) -> None:
    telegram.refusals += [WRONG, WAIT]
    with pytest.raises(SendLaterError) as raised:
        await say(bot, parts(bot, "See", document(1), document(2)))
    assert not raised.value.unsure
    assert telegram.world.messages == []
