"""What happens when a test's server is not to be had: one loud skip, or a failure where servers are required."""

import os
from typing import NoReturn

import pytest

REQUIRED_VARIABLE = "SWITCHBOARD_REQUIRE_SERVERS"


def servers_are_required() -> bool:
    """Whether a missing server fails the run (CI) instead of skipping its suites."""
    return os.environ.get(REQUIRED_VARIABLE, "") not in ("", "0")


MISSING = "SERVER MISSING"


def one_line(skip: tuple[str, int, str]) -> tuple[str, int, str]:
    """Give every skip for one missing server the same place: pytest then counts them in one line, not in dozens."""
    return (__file__, 1, skip[2]) if MISSING in skip[2] else skip


def server_missing(reason: str) -> NoReturn:
    """End the test because its server cannot be had; `reason` says what to install or set."""
    if servers_are_required():
        pytest.fail(f"{REQUIRED_VARIABLE} is set, but: {reason}", pytrace=False)
    pytest.skip(f"{MISSING}: {reason}")
