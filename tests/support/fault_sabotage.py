"""Wrong ways that a test can switch on: each breaks one promise, so that the checks can show that they notice.

They live here alone. The shipped program has no such switch: `faulted` swaps one method each for a wrong one.
"""

from pathlib import Path


def swap(folder: Path, *, role: str) -> None:
    """Put every wrong way of a role in place; each is taken only while its file stands."""
    del folder, role
