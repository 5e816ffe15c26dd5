"""How many files and sockets this process, and what it starts, may have open."""

import resource
from typing import Final

ENOUGH: Final = 131_072
"""More than any listener of ours takes; where the system allows less, as many as it allows."""


def raise_file_limit() -> None:
    """Raise the soft limit. Systems begin with 1,024, and every open chat is a file of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
