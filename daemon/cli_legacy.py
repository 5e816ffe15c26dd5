"""`legacy import|list|show|bind`."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli_options import Config, Json, Limit

app = typer.Typer(help="Tickets of help desks that were used before.", no_args_is_help=True, rich_markup_mode=None)
Desk = Annotated[str, typer.Argument(metavar="DESK", help="Name of the old desk: that of its [legacy.NAME].")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The number that the old desk gave the ticket.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The old desk's export.")],
    *,
    desk: Annotated[str, typer.Option(metavar="NAME", help="Whose it is: the name of its [legacy.NAME].")],
    format_: Annotated[
        str | None, typer.Option("--format", metavar="csv|jsonl|mbox", help="Default: what the file's name ends with.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Default: UTF-8, or what the file looks like.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is wrong with it.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Take what an old desk knows of its tickets.

    CSV and JSON lines: number, requester, name, subject, status, opened_at, messages, message_ids; only number must be
    there. Doing it again does no harm. Exit 1 when lines were bad (the others are taken).
    """
    del config
    from daemon.legacy_import import Export, run_import  # noqa: PLC0415 - see `daemon.cli`

    export = Export(file=file, desk=desk, format_=format_, encoding=encoding)
    raise typer.Exit(run_import(export, dry_run=dry_run, as_json=as_json))


@app.command("list")
def list_(
    *,
    desk: Annotated[str | None, typer.Option(metavar="NAME", help="Of this desk alone.")] = None,
    requester: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of this requester alone.")] = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List old tickets, and where each goes on."""
    del config
    from daemon.legacy import list_old  # noqa: PLC0415 - see `daemon.cli`

    list_old(desk=desk, requester=requester, limit=limit, as_json=as_json)


@app.command()
def show(desk: Desk, number: Number, *, as_json: Json = False, config: Config = None) -> None:
    """Show what is known of one old ticket."""
    del config
    from daemon.legacy import show_old  # noqa: PLC0415 - see `daemon.cli`

    show_old(desk, number, as_json=as_json)


@app.command()
def bind(
    desk: Desk,
    number: Number,
    *,
    ticket: Annotated[str | None, typer.Option(metavar="NUMBER", help="Let it go on in this ticket of ours.")] = None,
    forward: Annotated[bool, typer.Option("--forward", help="Send its mail on to the old desk.")] = False,
    unbind: Annotated[bool, typer.Option("--unbind", help="Forget what was chosen.")] = False,
    config: Config = None,
) -> None:
    """Say where mail about an old ticket goes on.

    Held messages about it are looked at again.
    """
    del config
    from daemon.legacy import bind_old  # noqa: PLC0415 - see `daemon.cli`

    bind_old(desk, number, ticket=ticket, forward=forward, unbind=unbind)
