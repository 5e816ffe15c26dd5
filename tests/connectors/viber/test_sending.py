"""What we say arrives at Viber whole and in order, and what Viber answers becomes what operators are told."""

import logging
import socket
import traceback
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from viberbot.api.messages import FileMessage, PictureMessage, TextMessage

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
)
from connectors.viber.channel import ViberChannel, connect
from connectors.viber.client import encoded
from connectors.viber.letters import split
from connectors.viber.settings import ViberAccountSettings
from doubles.viber import MAX_CALL, MAX_TEXT, ViberDouble

PDF = ChatFile(name="Счёт 12.pdf", content_type="application/pdf", size=11, sha256="0" * 64)
PICTURE = ChatFile(name="a.png", content_type="image/png", size=900, sha256="1" * 64)
LARGE_PICTURE = ChatFile(name="b.png", content_type="image/png", size=2_000_000, sha256="2" * 64)


def letter(text: str = "Здравствуйте", *files: ChatFile, to: str = "olga==") -> ChatLetter:
    return ChatLetter(number=88, to=to, text=text, files=files)


def parts(*given: ChatLetter) -> list[Part]:
    return [part for one in given for part in split(one, sender_name="Example Store")]


async def test_a_text_reaches_the_person_with_the_bots_name(bot: ViberChannel, viber: ViberDouble) -> None:
    olga = viber.person("Olga")
    (part,) = bot.split(letter(to=olga.id))
    sent = await bot.send(part, content=None, link="")
    assert sent.platform_id == str(viber.got[0].token)
    assert (viber.got[0].body["text"], viber.got[0].body["sender"]) == ("Здравствуйте", {"name": "Example Store"})


async def test_a_file_goes_as_a_link_from_which_viber_fetches_it(bot: ViberChannel, viber: ViberDouble) -> None:
    olga = viber.person("Olga")
    link = viber.upload(b"invoice 12\n", "x.pdf")
    text, file = bot.split(letter("Вот счёт", PDF, to=olga.id))
    await bot.send(text, content=None, link="")
    await bot.send(file, content=b"invoice 12\n", link=link)
    assert [(got.body["type"], got.content) for got in viber.got] == [("text", b""), ("file", b"invoice 12\n")]
    assert (viber.got[1].body["file_name"], viber.got[1].body["size"]) == ("Счёт 12.pdf", 11)


async def test_a_file_without_a_public_address_says_which_setting_is_missing(bot: ViberChannel) -> None:
    (file,) = bot.split(letter("", PDF))
    with pytest.raises(SendFailedError, match=r"set intake\.public_url"):
        await bot.send(file, content=b"x", link="")


@pytest.mark.parametrize(
    ("file", "kind"), [(PICTURE, "picture"), (LARGE_PICTURE, "file"), (PDF, "file")], ids=["small", "large", "pdf"]
)
def test_only_small_pictures_go_as_pictures(file: ChatFile, kind: str) -> None:
    assert parts(letter("", file))[0].payload["type"] == kind


def test_a_file_that_viber_never_takes_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(CannotSendError, match="52,428,801 bytes; Viber takes 52,428,800"):
        parts(letter("", ChatFile(name="z.iso", content_type="x/y", size=52_428_801, sha256="0" * 64)))


def test_nothing_to_say_is_no_message() -> None:
    with pytest.raises(CannotSendError):
        parts(letter(" \n"))


WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400), max_size=60)


@given(WORDS, st.sampled_from(["Я", "😕", '"', "\n", "字", "a"]), st.integers(0, 16_000))
def test_every_piece_fits_and_no_word_is_lost(words: list[str], letter_: str, times: int) -> None:
    text = " ".join(words) + letter_ * times
    found = parts(letter("x" + text))
    assert all(utf16(str(part.payload["text"])) <= MAX_TEXT for part in found)
    assert all(len(encoded(part.payload)) <= MAX_CALL for part in found)
    said = "".join("".join(str(part.payload["text"]).split()) for part in found)
    assert said == "".join(("x" + text).split())


def test_vibers_own_library_reads_what_we_write() -> None:
    made = parts(letter("Привет", PICTURE, PDF))
    for part, of, needs in zip(
        made, (TextMessage, PictureMessage, FileMessage), ("text", "media", "media"), strict=True
    ):
        message = of().from_dict(
            {**part.payload, "media": "https://desk.example.org/out/x", "type": part.payload["type"]}
        )
        assert getattr(message, needs)
        assert message.validate()


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (5, GoneError, "no longer registered"),
        (6, GoneError, "left us"),
        (2, ChannelDownError, "does not accept the token"),
        (24, ChannelDownError, "no balance"),
        (11, SendFailedError, "no device"),
        (99, SendFailedError, "status 99"),
    ],
)
async def test_each_status_becomes_what_people_can_act_on(
    bot: ViberChannel, viber: ViberDouble, status: int, error: type[SendError], said: str
) -> None:
    viber.forced.append(status)
    (part,) = bot.split(letter(to=viber.person("Olga").id))
    with pytest.raises(error, match=said) as found:
        await bot.send(part, content=None, link="")
    assert type(found.value) is error


async def test_who_left_and_who_is_unknown_are_told_apart(bot: ViberChannel, viber: ViberDouble) -> None:
    gone = viber.person("Rui", subscribed=False)
    for to, state in ((gone.id, "unsubscribed"), ("nobody==", "gone")):
        with pytest.raises(GoneError) as found:
            await bot.send(bot.split(letter(to=to))[0], content=None, link="")
        assert found.value.state == state


async def test_the_hundred_and_first_message_without_an_answer_waits_an_hour(
    bot: ViberChannel, viber: ViberDouble
) -> None:
    viber.person("Olga", id_="olga==").unanswered = 100
    with pytest.raises(SendLaterError) as found:
        await bot.send(parts(letter())[0], content=None, link="")
    assert (found.value.after, found.value.unsure) == (timedelta(hours=1), False)


async def test_an_outage_stops_the_bot_and_a_lost_answer_is_unsure(bot: ViberChannel, viber: ViberDouble) -> None:
    part = bot.split(letter(to=viber.person("Olga").id))[0]
    viber.outage = True
    with pytest.raises(ChannelDownError, match="503"):
        await bot.send(part, content=None, link="")
    viber.outage, viber.swallow = False, 1
    with pytest.raises(SendLaterError) as found:
        await bot.send(part, content=None, link="")
    assert found.value.unsure
    assert len(viber.got) == 1


async def test_nobody_at_the_other_end_is_an_outage() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings = ViberAccountSettings.model_validate({"token": "12345678-invented", "base_url": url})
        bot = connect(account=Account(name="a", channel="viber", scope="a"), settings=settings)
        with pytest.raises(ChannelDownError, match="cannot be reached"):
            await bot.send(parts(letter())[0], content=None, link="")
        await bot.close()


async def test_the_token_stands_in_no_log_and_no_exception(
    bot: ViberChannel, viber: ViberDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    viber.outage = True
    (part,) = parts(letter("слова"))
    with pytest.raises(ChannelDownError) as found:
        await bot.send(part, content=None, link="")
    told = "".join(traceback.format_exception(found.value)) + caplog.text + repr(bot) + repr(found.value.__dict__)
    assert viber.token not in told
    assert "слова" not in told
