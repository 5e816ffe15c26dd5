"""The command `demo`: the quickest way to see what Switchboard does."""

import os
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("demo")(demo)


def demo(
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the daemon running at the end (also: KEEP=1).")] = False,
) -> None:
    """Show every channel, and what becomes of a dozen mails.

    Starts a daemon of its own with platforms on this machine, lets customers write and an agent answer, shows what
    became of each, and leaves nothing behind.
    """
    from daemon.demo.run import run_demo  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(run_demo(keep=keep or os.environ.get("KEEP", "") not in ("", "0")))
