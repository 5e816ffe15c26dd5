"""Random cells of the fault matrix for some minutes, `make soak MINUTES=n`: what no one has listed may still meet.

Cells are drawn with a seed that is printed, and each is played on a stage of its bus. The first one that finds
something ends the run, with exit code 1.
"""

import argparse
import random
import time
from contextlib import ExitStack
from secrets import randbits
from typing import Final

from fault_cells import CELLS, Cell
from fault_play import SHORT_STOP, Played, Stages
from fault_stage import kafka_stage, stage
from kafka_broker import KafkaUnavailableError, resolve_jars
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

LONGEST: Final = 20.0
"""Seconds of the longest stop that is drawn."""


def soak(minutes: float, seed: int, console: Console) -> bool:
    """Play until the time is over; say whether nothing was found."""
    draw = random.Random(seed)  # noqa: S311 - to be drawn again by the same seed
    until = time.monotonic() + minutes * 60
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with ExitStack() as stack, Progress(*columns, console=console) as progress:
        stages = _stages(stack, console)
        cells = [cell for cell in CELLS if cell.bus in stages]
        task = progress.add_task("starting", total=minutes * 60)
        number = 0
        while (left := until - time.monotonic()) > 0:
            cell, number = draw.choice(cells), number + 1
            progress.update(task, completed=minutes * 60 - left, description=f"{number}: {cell}")
            played = stages[cell.bus].play(cell, stop_seconds=draw.uniform(SHORT_STOP, LONGEST))
            _tell(played, console)
            if played.findings or not played.hits:
                return False
        return True


def _stages(stack: ExitStack, console: Console) -> dict[str, Stages]:
    found = {"embedded": Stages(lambda small: stage(small=small))}
    try:
        jars = resolve_jars()
    except KafkaUnavailableError as error:
        console.print(f"without Kafka: {error}")
    else:
        found["kafka"] = Stages(lambda small: kafka_stage(jars, small=small))
    for stages in found.values():
        stack.callback(stages.close)
    return found


def _tell(played: Played, console: Console) -> None:
    what = "; ".join(f"{finding.kind}: {finding.what}" for finding in played.findings) or "nothing found"
    cell: Cell = played.cell
    console.print(f"{cell}: {played.hits} hit, {played.accepted} accepted, {played.seconds:.0f} s: {what}")


def main() -> None:
    """Read the command line, and soak."""
    parser = argparse.ArgumentParser(description="random cells of the fault matrix")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = randbits(32) if given.seed is None else given.seed
    console = Console()
    console.print(f"seed {seed}")
    raise SystemExit(0 if soak(given.minutes, seed, console) else 1)


if __name__ == "__main__":
    main()
