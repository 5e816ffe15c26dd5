"""Mail to a running daemon, over several sessions at once, and how long each took."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from raw_sender import sending


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One mail's answer, and the seconds until it came."""

    answer: str
    seconds: float


async def send_over(port: int, mails: Sequence[bytes], *, sessions: int) -> list[Answered]:
    """Send all; give the answers in the order of the mails."""
    answers: dict[int, Answered] = {}

    async def session(first: int) -> None:
        async with sending("127.0.0.1", port) as sender:
            for number in range(first, len(mails), sessions):
                began = time.monotonic()
                answer = await sender.mail(mails[number])
                answers[number] = Answered(answer=answer, seconds=time.monotonic() - began)

    await asyncio.gather(*map(session, range(sessions)))
    return [answers[number] for number in range(len(mails))]
