"""`dead-letters list|show|retry|drop`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit, store_id

app = typer.Typer(
    help="See, retry or drop records that the router failed on.", no_args_is_help=True, rich_markup_mode=None
)
Id = Annotated[int, typer.Argument(metavar="ID", callback=store_id, help="Number of the dead letter.")]


@app.command("list")
def list_(
    *,
    every: Annotated[bool, typer.Option("--all", help="Dropped ones too.")] = False,
    account: Account = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List dead letters, the oldest first."""
    del config
    from daemon.dead_letters import list_letters  # noqa: PLC0415 - see `daemon.cli`

    list_letters(state=None if every else "open", account=account, limit=limit, as_json=as_json)


@app.command()
def show(letter: Id, *, as_json: Json = False, config: Config = None) -> None:
    """Show one dead letter.

    With --json also its record, which holds the message.
    """
    del config
    from daemon.dead_letters import show_letter  # noqa: PLC0415 - see `daemon.cli`

    show_letter(letter, as_json=as_json)


@app.command()
def retry(letter: Id, *, config: Config = None) -> None:
    """Route a dead letter again; exit 1 when it fails again."""
    del config
    from daemon.dead_letters import retry_letter  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(retry_letter(letter))


@app.command()
def drop(letter: Id, *, config: Config = None) -> None:
    """Give a dead letter up: it counts as discarded."""
    del config
    from daemon.dead_letters import drop_letter  # noqa: PLC0415 - see `daemon.cli`

    drop_letter(letter)
