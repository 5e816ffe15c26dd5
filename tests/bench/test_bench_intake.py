"""The benches of webhooks and chats run against a real daemon; no figure is asserted, but every record is counted."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from house_tree import ROOT

from bench.chat_load import chat_of, framed, unframed
from bench.deliveries import Deliveries
from bench.http_load import _end
from bench.intake import parse
from bench.stored import difference
from connectors.page_tokens import Tokens
from daemon.clock import now


def ran(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.postgres
def test_a_small_bench_of_webhooks_counts_every_record() -> None:
    small = ["--deliveries", "100", "--runs", "1", "--connections", "8", "--paced", "100", "--engines", "postgres"]
    said = ran("bench/intake.py", *small)
    for name in ("straw man", "postgres at 100/s", "postgres, 99 %", "postgres: ingest", "postgres: load generator"):
        assert f"| {name} " in said


@pytest.mark.slow
@pytest.mark.postgres
def test_a_small_bench_of_chats_says_what_a_chat_holds_and_how_fast_messages_go() -> None:
    said = ran("bench/chats.py", "--quick", "--chats", "20", "--rate", "20", "--seconds", "1", "--replies", "5")
    for name in ("memory of one idle chat", "from due to ack, 99 %", "replies, 99 %", "processor a message, ingest"):
        assert f"| postgres: {name} " in said


def test_deliveries_come_from_many_recordings_and_never_twice() -> None:
    deliveries = Deliveries(port=1)
    made = deliveries.make(300)
    assert deliveries.kinds > 100
    assert len({one.key for one in made}) == 300
    assert {one.request.split(b"/")[2] for one in made} == {b"api", b"telegram", b"viber", b"vk"}


def test_a_log_with_one_record_missing_or_twice_is_no_result() -> None:
    assert difference(["a", "b"], Counter("ab")) == ""
    assert "1 are not in the log" in difference(["a", "b"], Counter("a"))
    assert "1 twice" in difference(["a", "b"], Counter("aab"))
    assert "1 strange" in difference(["a", "b"], Counter("abc"))


@pytest.mark.parametrize(
    ("heard", "end"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-le", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n", 41),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 27),
    ],
)
def test_an_answer_ends_where_its_length_says(heard: bytes, end: int | None) -> None:
    assert _end(heard) == end


def test_frames_are_read_one_after_the_other_however_they_come() -> None:
    long = b"x" * 300
    heard = b"\x81\x02hi" + b"\x81\x7e\x01\x2c" + long + b"\x81"
    first = unframed(heard)
    assert first is not None
    second = unframed(first[2])
    assert second is not None
    assert (first[:2], second) == ((1, b"hi"), (1, long, b"\x81"))
    assert unframed(b"\x81") is None


def test_a_page_writes_masked_frames() -> None:
    frame = framed({"t": "ping"})
    assert frame[:2] == bytes([0x81, 0x80 | len(json.dumps({"t": "ping"}))])


def test_the_chat_is_read_from_a_visitors_token() -> None:
    token = Tokens(secret="s" * 32, account="site").issue("visitor", {"chat": "v.abc"}, expires=now())
    assert chat_of(token) == "v.abc"


def test_a_quick_bench_is_small() -> None:
    quick = parse(["--quick"])
    assert (quick.deliveries, quick.runs) == (2_000, 1)
