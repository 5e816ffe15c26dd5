"""Callbacks are Viber's or refused, and media is where the callback says, for no other purpose."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from viberbot import Api, BotConfiguration

from connectors.base import Delivery, LaterError, RefusedError
from connectors.sending import SendFailedError
from connectors.viber.channel import SIGNATURE, ViberChannel
from doubles.viber import ViberDouble

NOW = datetime(2026, 11, 21, 13, 20, 1, tzinfo=UTC)
BODY = '{"event":"message","timestamp":1795267200000,"message_token":1,"sender":{"id":"a=="},"message":{"type":"text"}}'


def delivery(bot: ViberChannel, body: str = BODY, **more: Any) -> Delivery:
    return Delivery(account=bot.account, raw=body.encode(), received_at=NOW, intake="webhook", **more)


def test_our_signature_is_the_one_of_vibers_own_library(bot: ViberChannel, viber: ViberDouble) -> None:
    theirs = Api(BotConfiguration(name="x", avatar="", auth_token=viber.token))
    signed = bot.sign(delivery(bot))
    assert theirs.verify_signature(signed.raw, signed.headers[SIGNATURE])
    bot.authenticate(signed)


@pytest.mark.parametrize("signature", ["", "0" * 64, "ä" * 64, "é\udcff", "A" * 100_000])
def test_another_signature_is_refused_whatever_it_holds(bot: ViberChannel, signature: str) -> None:
    with pytest.raises(RefusedError):
        bot.authenticate(delivery(bot, headers={SIGNATURE: signature}))


def test_a_changed_letter_is_refused(bot: ViberChannel) -> None:
    signed = bot.sign(delivery(bot))
    with pytest.raises(RefusedError):
        bot.authenticate(replace(signed, raw=signed.raw.replace(b'"a=="', b'"b=="')))


@pytest.mark.parametrize("shift", [timedelta(hours=25), timedelta(hours=-2)])
def test_a_callback_of_another_day_is_refused(bot: ViberChannel, shift: timedelta) -> None:
    with pytest.raises(RefusedError, match="long ago"):
        bot.authenticate(replace(bot.sign(delivery(bot)), received_at=NOW + shift))


def test_a_recording_of_long_ago_is_signed_as_if_it_were_made_now_and_stays_the_same_message(bot: ViberChannel) -> None:
    old = delivery(bot, BODY.replace("1795267200000", "1700000000000"))
    signed = bot.sign(old)
    bot.authenticate(signed)
    before, after = bot.normalize(old).message, bot.normalize(signed).message
    assert after.sent_at == NOW
    assert after.delivery_key == before.delivery_key
    assert bot.sign(delivery(bot)).raw == BODY.encode(), "what is fresh keeps its bytes"


def test_a_try_of_an_hour_later_is_taken(bot: ViberChannel) -> None:
    bot.authenticate(replace(bot.sign(delivery(bot)), received_at=NOW + timedelta(minutes=59)))


async def test_a_file_lies_where_the_callback_says(bot: ViberChannel, viber: ViberDouble) -> None:
    raw = b'{"message":{"type":"picture","media":"https://dl-media.viber.com/x.jpg?sig=secret"}}'
    found = await bot.locate(raw, "media")
    assert (found.url, found.base_url) == ("https://dl-media.viber.com/x.jpg?sig=secret", viber.base_url)
    assert "secret" not in repr(found)


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"\xff", b'{"message":{"media":{}}}'])
async def test_a_file_without_an_address_is_never_to_be_had(bot: ViberChannel, raw: bytes) -> None:
    with pytest.raises(SendFailedError):
        await bot.locate(raw, "media")


async def test_viber_is_told_where_to_call_and_says_why_not(bot: ViberChannel, viber: ViberDouble) -> None:
    with pytest.raises(RefusedError, match="cannot use the address"):
        await bot.register("http://127.0.0.1:9/in/viber/store-viber")
    assert viber.webhook.endswith("/in/viber/store-viber")
    viber.outage = True
    with pytest.raises(LaterError, match="503"):
        await bot.register("http://127.0.0.1:9/in/viber/store-viber")
