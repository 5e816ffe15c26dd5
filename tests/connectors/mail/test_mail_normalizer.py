import asyncio
import sys
from pathlib import Path

import pytest
from mail_samples import delivery, mail, nested

from connectors.base import InvalidDeliveryError
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.sandbox import Limits, Sandbox

DEEP = b"Subject: deep\r\n" + nested(20) + b"\r\nhello from below\r\n"


def _children() -> set[str]:
    return set(Path("/proc/self/task").joinpath(str(_main_thread()), "children").read_text().split())


def _main_thread() -> int:
    return min(int(entry.name) for entry in Path("/proc/self/task").iterdir())


async def test_a_suspicious_mail_is_parsed_in_a_child() -> None:
    normalizer = MailNormalizer()
    normalized = await normalizer(delivery(DEEP))
    assert normalized.message.text.content == "hello from below\n"
    await normalizer.close()


async def test_a_bomb_never_reaches_a_parser_while_other_mail_flows() -> None:
    normalizer = MailNormalizer()
    results = await asyncio.gather(
        normalizer(delivery(nested(50_000))), normalizer(delivery(mail())), return_exceptions=True
    )
    assert isinstance(results[0], InvalidDeliveryError)
    assert not isinstance(results[1], BaseException)
    await normalizer.close()


@pytest.mark.parametrize(
    ("program", "seconds", "reason"),
    [
        ("import os; os.kill(os.getpid(), 11)", 20.0, "ended with -11"),
        ("import time; time.sleep(60)", 0.2, "took longer"),
        ("print('no pickle')", 20.0, "no readable answer"),
        ("raise SystemExit(3)", 20.0, "ended with 3"),
    ],
    ids=["crash", "hang", "nonsense", "failure"],
)
async def test_a_child_that_dies_makes_the_mail_undecodable(program: str, seconds: float, reason: str) -> None:
    before = _children()
    sandbox = Sandbox(limits=Limits(wall_seconds=seconds), command=(sys.executable, "-c", program))
    with pytest.raises(InvalidDeliveryError, match=reason):
        await MailNormalizer(sandbox=sandbox)(delivery(DEEP))
    assert _children() <= before


async def test_a_child_without_memory_ends_alone() -> None:
    sandbox = Sandbox(limits=Limits(memory=1))
    with pytest.raises(InvalidDeliveryError, match="ended with"):
        await sandbox.normalize(delivery(DEEP + b"x" * 3_000_000))


async def test_a_large_mail_leaves_the_loop_its_turns() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count())
    await MailNormalizer()(delivery(mail(b"Content-Type: text/html", body=b"<p>word</p>" * 50_000)))
    counter.cancel()
    assert turns > 10


async def test_closing_ends_running_children() -> None:
    sandbox = Sandbox(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    waiting = asyncio.create_task(sandbox.normalize(delivery(DEEP)))
    await asyncio.sleep(0.2)
    await sandbox.close()
    with pytest.raises(InvalidDeliveryError, match="ended with -9"):
        await waiting
