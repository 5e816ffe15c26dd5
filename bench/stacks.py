"""Where the processors' time goes, by sampling: py-spy watches every Python process of the daemon while mail comes in.

It looks 100 times a second and costs the daemon a little, so a profiled run gives shares and no rates.
"""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = tuple(sorted(path.parent.name for path in ROOT.glob("*/__init__.py")))
WAITING: Final = ("concurrent/futures/thread.py", "threading.py", "selectors.py", "daemon/run.py")
"""Files whose innermost frame means that a thread or an event loop has nothing to do; py-spy cannot always tell."""
PY_SPY: Final = Path(sys.executable).with_name("py-spy")


@contextmanager
def sampled(pid: int, out: Path) -> Iterator[None]:
    """Sample a process and its children until the block ends; the stacks are in the file afterwards."""
    out.parent.mkdir(parents=True, exist_ok=True)
    command = [str(PY_SPY), "record", "--subprocesses", "--pid", str(pid), "--rate", "100", "--format", "raw"]
    with subprocess.Popen(
        [*command, "--output", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as spy:
        try:
            yield
        finally:
            spy.send_signal(signal.SIGINT)
            spy.wait(timeout=30)


def shares(stacks: str) -> dict[str, float]:
    """Give each place's share of the samples at work: the innermost function of ours, or else the library."""
    counted: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if count.isdigit() and not _file(frames[-1]).endswith(WAITING):
            counted[place(frames)] += int(count)
    whole = counted.total() or 1
    return {name: value / whole for name, value in counted.most_common()}


def place(frames: Sequence[str]) -> str:
    """Name the innermost frame of a room, as `file: function`, and outside of rooms the file of the innermost frame.

    A frame of py-spy reads `function (path/file.py:line)`.
    """
    for frame in reversed(frames):
        function, _, where = frame.partition(" (")
        path = where.rpartition(":")[0] or where.rstrip(")")
        if any(f"{room}/" in f"/{path}" and "site-packages" not in path for room in ROOMS):
            return f"{_inside(path)}: {function}"
    return _file(frames[-1]) if frames else "?"


def _inside(path: str) -> str:
    parts = Path(path).parts
    first = next(index for index, part in enumerate(parts) if part in ROOMS)
    return "/".join(parts[first:])


def _file(frame: str) -> str:
    where = frame.partition(" (")[2].rstrip(")")
    return where.rpartition(":")[0] or where or frame
