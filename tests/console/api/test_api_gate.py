"""The gate reads a body whole or not at all."""

from typing import Any

import pytest

from console.api import bodies
from console.api.problems import ProblemError

SCOPE: dict[str, Any] = {"type": "http", "headers": [(b"content-length", b"10")]}


async def test_a_body_that_is_cut_off_is_no_body() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    with pytest.raises(ProblemError, match="nothing was done"):
        await bodies.read(dict(SCOPE), receive, 1000)
