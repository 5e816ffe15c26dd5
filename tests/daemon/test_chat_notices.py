"""Notices into conversations: in the chat where the message was written, in its language, within the limits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from answering_lab import LATER
from chat_lab import Booth, chat, open_booth
from chat_platform import ChatPlatform, chat_platform
from routing_lab import KEY, OWN_ADDRESS, START

from daemon.notice_desk import NoticeDesks
from lifecycle.notice_worker import NoticeWorker
from lifecycle.notices import AccountNotices, Language, Limits
from router.notice_policy import NoticePolicy
from router.policy import AccountPolicy, Policies
from schemas.message import Party
from schemas.placement import NoticeReason
from ticket_store.instance import read_or_create
from ticket_store.notices import NoticeStore
from ticket_store.numbers import TicketNumbers

RECEIPTS = Policies(
    own_addresses=frozenset({OWN_ADDRESS}), default=AccountPolicy(notices=NoticePolicy(refused_file=True, receipt=True))
)
BIG = {"name": "plan.pdf", "state": "refused", "size": 30 * 1024 * 1024, "reason": "too big", "platform_id": "f"}


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


async def tell(booth: Booth, language: Language = Language.ENGLISH, *, no_way_out: str = "") -> None:
    """Let the notices' worker work, and what it wrote be sent."""
    async with booth.lab.pool.connection() as connection:
        instance = await read_or_create(connection)
    store = NoticeStore(pool=booth.lab.pool, numbers=TicketNumbers(key=KEY))
    account = AccountNotices(
        reasons=frozenset(NoticeReason),
        language=language,
        sharing_instructions="Use share.example.org.",
        no_way_out=no_way_out,
    )
    worker = NoticeWorker(
        desk=NoticeDesks(store=store, instance=instance),
        accounts={"bot": account},
        senders={"bot": Party(address="bot")},
        limits=Limits(),
        clock=lambda: START,
        heard=lambda _reason, _outcome, _count: None,
    )
    while await worker.turn():
        pass
    booth.now = LATER
    await booth.drain()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.ENGLISH, "could not accept"),
        (Language.PORTUGUESE, "não nos foi possível"),
        (Language.RUSSIAN, "принять удалось не всё"),
    ],
)
async def test_who_sends_a_file_that_is_too_large_is_told_in_the_chat(
    language: Language, words: str, database: str, tmp_path: Path
) -> None:
    with chat_platform() as platform:
        async with open_booth(database, tmp_path, platform) as booth:
            await booth.lab.route(chat("one", files=[BIG]))
            await tell(booth, language)
            text = "".join(platform.texts("ana"))
            assert (words in text, "plan.pdf (30" in text, "Use share.example.org." in text) == (True, True, True)
            assert "Subject" not in text


async def test_one_notice_a_day_is_enough(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        await booth.lab.route(chat("one", files=[BIG]))
        await booth.lab.route(chat("two", files=[BIG], number=2, minutes=1))
        await tell(booth)
        rows = await booth.lab.rows("select state, why from notices order by id")
        assert [row["state"] for row in rows] == ["sent", "suppressed"]
        assert len(await booth.lab.rows("select 1 from sends")) == 1


async def test_a_receipt_goes_into_the_group_where_the_message_was_written(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        await booth.lab.route(chat("one", where="-5", group=True), policies=RECEIPTS)
        await tell(booth)
        assert {got.to for got in platform.got} == {"-5"}
        assert "has arrived and has the number" in "".join(platform.texts("-5"))


@pytest.mark.parametrize(
    "more",
    [{"verdict": {"result": "none"}}, {"automatic": "auto_reply"}, {"muted": True}, {"details": {"echo": {"id": "1"}}}],
)
async def test_nobody_is_told_who_is_not_proven_or_no_person(
    more: dict[str, object], database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = chat("one", files=[BIG])
        await booth.lab.route(type(message).model_validate({**message.model_dump(), **more}), policies=RECEIPTS)
        await tell(booth)
        assert platform.got == []


async def test_an_account_that_cannot_be_answered_on_tells_nobody_that_it_did(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        await booth.lab.route(chat("one", files=[BIG]))
        await tell(booth, no_way_out="nothing can be sent on this account")
        rows = await booth.lab.rows("select state, why from notices")
        assert rows == [{"state": "suppressed", "why": "nothing can be sent on this account"}]
