"""Hostile mails on the whole road in one process: each is ticketed or held for a reason, and no other mail suffers."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hostile_mails import bomb, large_html, slow_texts, small_mails, with_file
from mail_samples import mail
from raw_sender import sending
from road import Road, key_of, open_road

from schemas.message import Kind
from ticket_store.ledger import Outcomes

HELD = {
    "10000 references": "undecodable",  # a header of 280 KB
    "10000 references in a line": "unmatched_reply",
    "10000 in-reply-to": "unmatched_reply",
    "one reference 10000 times": "unmatched_reply",
    "empty ids": "unmatched_reply",
    "10000 recipients": "undecodable",
    "header over 256 kb": "undecodable",
    "51 levels": "undecodable",
    "1200 parts": "undecodable",
}
"""What is not ticketed, and why."""

PROBLEMS = "select distinct details->>'problem' as problem from messages where kind = 'undecodable' order by 1"
SLOW_BYTES = 4_300_000
"""Enough to be read in a child."""

PATIENCE = 20.0
"""Seconds that a mail may take beside bombs, on a machine that does other things too."""


@pytest.fixture
async def road(database: str, tmp_path: Path) -> AsyncIterator[Road]:
    async with open_road(database, tmp_path) as road:
        yield road


def plain(number: int) -> bytes:
    """A mail like any other, of a customer of its own."""
    raw = mail(b"Message-ID: <plain%d@home.example>" % number, b"Subject: Order %d" % number)
    return raw.replace(b"ann@home.example", b"customer%d@home.example" % number)


def as_sent(raw: bytes) -> bytes:
    """A mail as DATA gives it: its last line is ended."""
    return raw if raw.endswith(b"\r\n") or not raw else raw + b"\r\n"


async def outcomes(road: Road, answers: Sequence[str]) -> list[str]:
    """What became of the mails with these answers."""
    found = {row["key"][:16]: f"{row['outcome']} {row['reason']}".strip() for row in await road.outcomes()}
    return [found[key_of(answer)] for answer in answers]


async def test_every_hostile_mail_is_kept_and_ticketed_or_held_for_its_reason(road: Road) -> None:
    mails = small_mails()
    answers = await road.send_all(list(mails.values()))
    ledger = await road.settled()
    expected = {name: f"held {HELD[name]}" if name in HELD else "ticketed" for name in mails}
    assert dict(zip(mails, await outcomes(road, answers), strict=True)) == expected
    assert (ledger.balanced, ledger.accepted) == (True, len(mails))
    assert road.tally.parser_failures == road.tally.later_count == 0
    assert road.watch.troubles == {}
    problems = [row["problem"] for row in await road.rows(PROBLEMS)]
    assert [problem.partition(":")[0] for problem in problems] == ["structure"] * 3
    for raw in map(as_sent, mails.values()):
        assert await road.blobs.get(sha256(raw).hexdigest()) == raw


async def test_no_two_hostile_mails_share_a_ticket_and_none_is_stored_twice(road: Road) -> None:
    mails = list(small_mails().values())
    await road.send_all(mails)
    first = await road.settled()
    await road.send_all(mails[::-1])
    second = await road.settled()
    tickets = await road.rows("select count(distinct ticket_id) as count from messages where state = 'ticketed'")
    assert tickets == [{"count": len(mails) - len(HELD)}]
    assert first.outcomes == Outcomes(ticketed=len(mails) - len(HELD), held=len(HELD))
    assert second.outcomes == Outcomes(ticketed=len(mails) - len(HELD), held=len(HELD), duplicates=len(mails))
    assert second.balanced


async def test_bombs_are_held_and_other_mail_flows_meanwhile(road: Road) -> None:
    slowest = 0.0

    async def customers(first: int) -> list[str]:
        nonlocal slowest
        answers = []
        async with sending(*road.smtp.address) as sender:
            for number in range(first, first + 25):
                began = time.monotonic()
                answers.append(await sender.mail(plain(number)))
                slowest = max(slowest, time.monotonic() - began)
        return answers

    bombs = [bomb().replace(b"bomb@", b"bomb%d@" % number) for number in range(4)]
    sent = await asyncio.gather(customers(0), customers(25), road.send_all(bombs))
    ledger = await road.settled()
    assert Counter(await outcomes(road, [*sent[0], *sent[1]])) == {"ticketed": 50}
    assert Counter(await outcomes(road, sent[2])) == {"held undecodable": 4}
    assert slowest < PATIENCE
    assert ledger.balanced


async def test_texts_that_take_long_to_read_delay_no_other_mail(road: Road) -> None:
    texts = list(slow_texts(SLOW_BYTES).values())
    slow = asyncio.create_task(road.send_all(texts, sessions=len(texts)))
    slowest, number = 0.0, 0
    while not slow.done():
        began, number = time.monotonic(), number + 1
        await road.send(plain(number))
        slowest = max(slowest, time.monotonic() - began)
    ledger = await road.settled()
    assert set(await outcomes(road, await slow)) <= {"ticketed", "held undecodable"}
    assert slowest < PATIENCE
    assert (ledger.balanced, ledger.accepted) == (True, number + len(texts))


async def test_a_5_mb_html_part_is_ticketed_and_kept_whole(road: Road) -> None:
    raw = large_html()
    answer = await road.send(raw)
    await road.settled()
    assert await road.outcome_of(answer) == "ticketed"
    [row] = await road.rows("select body_html, details->'html'->'overflow'->>'sha256' as whole from messages")
    html = raw.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n")
    assert await road.blobs.get(row["whole"]) == html
    assert html.startswith(row["body_html"].encode())
    assert len(row["body_html"]) == 128 * 1024


async def test_a_file_of_25_mb_is_refused_with_a_mark_and_its_text_is_ticketed(road: Road) -> None:
    size = 25_000_000
    answer = await road.send(with_file(size))
    await road.settled()
    assert await road.outcome_of(answer) == "ticketed"
    [row] = await road.rows("select body_text, details->'files' as files from messages")
    assert row["body_text"] == "kept text"
    [file] = row["files"]
    assert (file["state"], file["size"]) == ("refused", size)
    assert file["reason"] == "refused: large.zip, 25000000 bytes (limit 20971520)"
    assert not await road.blobs.exists(sha256(bytes(size)).hexdigest())


async def test_a_mail_over_64_mib_is_refused_with_552_and_the_session_goes_on(road: Road) -> None:
    limit = 64 * 1024 * 1024
    async with sending(*road.smtp.address) as sender:
        assert (await sender.ask(b"MAIL FROM:<ann@home.example> SIZE=%d" % (limit + 1))).startswith("552 5.3.4")
        assert (await sender.mail(b"x" * limit + b"\r\n")).startswith("552 5.3.4")
        assert (await sender.mail(plain(1))).startswith("250")
    ledger = await road.settled()
    assert (ledger.accepted, ledger.outcomes.ticketed, ledger.balanced) == (1, 1, True)


@pytest.mark.parametrize(
    ("raw", "outcome"), [(plain(1), "ticketed"), (bomb(), "held undecodable")], ids=["mail", "bomb"]
)
async def test_one_data_for_three_accounts_is_a_record_each_and_one_raw(road: Road, raw: bytes, outcome: str) -> None:
    recipients = ("support@any.example", "billing@shop.example", "support@other.example", "returns@shop.example")
    assert (await road.send(raw, *recipients)).startswith("250")
    ledger = await road.settled()
    found = [(row["account"], f"{row['outcome']} {row['reason']}".strip()) for row in await road.outcomes()]
    assert sorted(found) == [("billing", outcome), ("returns", outcome), ("support", outcome)]
    raws = await road.rows("select distinct encode(raw_sha256, 'hex') as digest from messages")
    assert raws == [{"digest": sha256(raw).hexdigest()}]
    assert (ledger.balanced, ledger.accepted) == (True, 3)
    assert road.tally.kinds == {Kind.MESSAGE if outcome == "ticketed" else Kind.UNDECODABLE: 3}
