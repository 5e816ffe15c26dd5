import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from daemon import logs

SECRET = "my card number is 4111"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    out = io.StringIO()
    logs.configure(level="debug", format_="json", process="test", stream=out)
    yield out
    root.handlers[:], root.level = before
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_level_time_and_process(stream: io.StringIO) -> None:
    structlog.get_logger("daemon.x").info("stored", records=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "stored", "level": "info", "process": "test", "records": 3}


def test_addresses_lose_their_local_part_wherever_they_stand(stream: io.StringIO) -> None:
    structlog.get_logger("daemon.x").warning(
        "from ana.silva@example.org", ids=["<CAF+1=x@mail.example>"], nested={"to": ("Bob <bob@example.org>",)}
    )
    said = stream.getvalue()
    assert "***@example.org" in said
    assert not any(local in said for local in ("ana", "CAF", "bob@"))


def test_values_that_hold_message_text_or_secrets_never_stand_in_the_log(stream: io.StringIO) -> None:
    structlog.get_logger("daemon.x").info("stored", text=SECRET, Subject=SECRET, details={"token": SECRET})
    assert SECRET not in stream.getvalue()


def test_a_long_value_is_cut(stream: io.StringIO) -> None:
    structlog.get_logger("daemon.x").info("stored", reason="x" * 10_000)
    assert lines(stream)[0]["reason"] == "x" * logs.MAX_VALUE + "... (10000 characters)"


def test_an_exception_is_its_type_and_places_without_its_text(stream: io.StringIO) -> None:
    try:
        raise psycopg.errors.CheckViolation(SECRET)
    except psycopg.Error:
        structlog.get_logger("daemon.x").exception("failed")
    (line,) = lines(stream)
    assert line["error"] == "CheckViolation[23514]"
    assert "test_logs.py" in line["places"][0]
    assert SECRET not in stream.getvalue()


def test_an_exception_given_as_a_value_is_logged_without_its_text(stream: io.StringIO) -> None:
    structlog.get_logger("daemon.x").warning("failed", error=ValueError(SECRET))
    assert lines(stream)[0]["error"] == "ValueError"


@pytest.mark.parametrize(
    "name", ["mail.log", "aiosmtpd", "aiokafka", "aiokafka.conn", "psycopg.pool", "uvicorn.access"]
)
def test_debug_and_info_of_libraries_are_never_heard(stream: io.StringIO, name: str) -> None:
    logging.getLogger(name).debug("DATA %s", SECRET)
    logging.getLogger(name).info("DATA %s", SECRET)
    assert stream.getvalue() == ""


def test_warnings_of_libraries_are_heard_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.conn").warning("node %s of ana@example.org is down", 1)
    (line,) = lines(stream)
    assert (line["event"], line["level"]) == ("node 1 of ***@example.org is down", "warning")


async def test_a_lost_exception_of_a_task_does_not_bring_its_text(stream: io.StringIO) -> None:
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": "lost", "exception": ValueError(SECRET), "future": repr(SECRET)})
    assert lines(stream)[0]["event"] == "lost"
    assert SECRET not in stream.getvalue()


@given(
    st.recursive(
        st.text(max_size=20) | st.binary(max_size=20) | st.floats(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_value_can_be_made_safe(value: object) -> None:
    json.dumps(logs.safe(value))
