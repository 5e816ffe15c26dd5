"""Changed mails and noise on the whole road: whatever the bytes, each has one outcome and the next mail is served."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hostile_mails import small_mails
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mail_mutations import PIECES, mutated
from mail_samples import CORPUS, mail, recorded
from raw_sender import sending
from road import Road, key_of, open_road

from ticket_store.ledger import Ledger

SAMPLES = [path.read_bytes() for path in recorded()] + [raw for raw in small_mails().values() if len(raw) < 5000]
CORPUS_MAILS = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml")) if path.stat().st_size < 50_000]
FAULTS_OF_OURS = """
    select details->>'problem' as problem from messages
    where details->>'problem' = 'parser failed' or details->>'problem' like 'normalize:%%'
"""
PLAIN = count()

many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

Check = Callable[[Callable[[Road], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def on_road(database: str, tmp_path: Path) -> Iterator[Check]:
    """Give what runs a check on one road that lasts for all examples."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        road = runner.run(stack.enter_async_context(open_road(database, tmp_path, max_errors=5, command_seconds=30)))
        yield lambda check: runner.run(check(road))
        runner.run(stack.aclose())


async def still_serves(road: Road, before: Ledger, sent: int) -> None:
    """Check that a mail like any other is ticketed, and that nothing else came in than what was sent."""
    raw = mail(b"Message-ID: <plain%d@home.example>" % next(PLAIN), b"Subject: An order")
    answer = await road.send(raw)
    ledger = await road.settled()
    assert await road.outcome_of(answer) == "ticketed"
    assert ledger.accepted == before.accepted + sent + 1
    assert ledger.balanced, ledger.diagnosis
    assert ledger.outcomes.dead_lettered == 0
    assert road.watch.troubles == {}


async def crosses(road: Road, mails: list[bytes]) -> None:
    """Check that all of these are accepted, and that each has an outcome; a parser's own fault would be none."""
    before = await road.ledger()
    answers = await road.send_all(mails)
    keys = {key_of(answer) for answer in answers}
    await still_serves(road, before, len(mails))
    found = {row["key"][:16] for row in await road.outcomes()}
    assert keys <= found
    assert road.tally.parser_failures == road.tally.later_count == 0
    assert await road.rows(FAULTS_OF_OURS) == []


def test_changed_recorded_mails_have_one_outcome_each(on_road: Check) -> None:
    @many
    @given(mails=st.lists(mutated(SAMPLES), min_size=1, max_size=20))
    def holds(mails: list[bytes]) -> None:
        on_road(lambda road: crosses(road, mails))

    holds()


@pytest.mark.skipif(not CORPUS_MAILS, reason="the corpus of real-world mail is not beside this checkout")
def test_changed_real_world_mails_have_one_outcome_each(on_road: Check) -> None:
    @many
    @given(mails=st.lists(mutated(CORPUS_MAILS), min_size=1, max_size=20))
    def holds(mails: list[bytes]) -> None:
        on_road(lambda road: crosses(road, mails))

    holds()


def test_noise_as_a_mail_has_one_outcome_each(on_road: Check) -> None:
    noise = st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))

    @many
    @given(mails=st.lists(noise, min_size=1, max_size=20))
    def holds(mails: list[bytes]) -> None:
        on_road(lambda road: crosses(road, mails))

    holds()


SAID = (
    b"EHLO x\r\n",
    b"HELO\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SIZE=9 BODY=8BITMIME SMTPUTF8\r\n",
    b"MAIL FROM:<\xff\x00>\r\n",
    b"RCPT TO:<support@x.example>\r\n",
    b"RCPT TO:<nobody@nowhere>\r\n",
    b"RCPT TO:" + b"<" * 3000,
    b"DATA\r\n",
    b"DATA\r\n\r\n.\r\n",
    b"BDAT 5 LAST\r\n",
    b"RSET\r\n",
    b"NOOP \x00\r\n",
    b"VRFY a\r\n",
    b"AUTH PLAIN =\r\n",
    b"STARTTLS\r\n",
    b"QUIT\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00" * 50,
    b"\xff\xfb\x01",
    b"GET / HTTP/1.1\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"Subject: x\r\n\r\nbody\r\n",
    b"a" * 5000,
)


def test_noise_as_a_session_stops_no_other_session(on_road: Check) -> None:
    async def talks(road: Road, said: list[bytes]) -> None:
        before = await road.ledger()
        async with sending(*road.smtp.address) as sender:
            await sender.write(b"".join(said))
            answers = await sender.rest()
        stored = sum(answer.startswith("250 2.0.0 Ok: stored as") for answer in answers)
        await still_serves(road, before, stored)

    @many
    @given(said=st.lists(st.one_of(st.sampled_from(SAID), st.binary(max_size=80)), max_size=25))
    def holds(said: list[bytes]) -> None:
        on_road(lambda road: talks(road, said))

    holds()
