"""`spool list|show|link|open|forward|discard|release`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit, store_id

app = typer.Typer(help="See and place messages that wait for a person.", no_args_is_help=True, rich_markup_mode=None)
Id = Annotated[int, typer.Argument(metavar="ID", callback=store_id, help="Number of the held message.")]


def _ids(values: list[int] | None) -> list[int] | None:
    return None if values is None else [store_id(value) for value in values]


Ids = Annotated[list[int], typer.Argument(metavar="ID...", callback=_ids, help="Numbers of held messages.")]
SomeIds = Annotated[list[int] | None, typer.Argument(metavar="[ID...]", callback=_ids, help="Held messages.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decided. Default: who is logged in.")]
Reason = Annotated[str | None, typer.Option(metavar="REASON", help="Held for this reason alone.")]
OlderThan = Annotated[str | None, typer.Option("--older-than", metavar="AGE", help="Held so long: 12h, 30d, 2w.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command("list")
def list_(
    *,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Held for this reason alone, such as stranger.")
    ] = None,
    account: Account = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List held messages, the oldest first."""
    del config
    from daemon.spool import list_held  # noqa: PLC0415 - see `daemon.cli`

    list_held(reason=reason, account=account, limit=limit, as_json=as_json)


@app.command()
def show(
    message: Id,
    *,
    raw: Annotated[
        str | None, typer.Option("--raw", metavar="FILE", help="Write the mail as it came into a file; - for a pipe.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show one held message and why it waits.

    Also which tickets it might belong to, the likeliest first.
    """
    del config
    from daemon.spool import save_raw, show_held  # noqa: PLC0415 - see `daemon.cli`

    if raw is None:
        show_held(message, as_json=as_json)
    else:
        save_raw(message, raw)


@app.command()
def link(
    messages: Ids,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's number, with or without dashes.")],
    *,
    by: By = None,
    config: Config = None,
) -> None:
    """Put held messages on a ticket."""
    del config
    from daemon.spool import link_held  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(link_held(messages, number, by=by))


@app.command("open")
def open_(messages: Ids, *, by: By = None, config: Config = None) -> None:
    """Make a ticket of each held message."""
    del config
    from daemon.spool import open_held  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(open_held(messages, by=by))


@app.command()
def forward(messages: Ids, *, by: By = None, config: Config = None) -> None:
    """Send held messages on to the old desk whose mail they are.

    So is what comes about the same old ticket from now on.
    """
    del config
    from daemon.spool import forward_held  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(forward_held(messages, by=by))


@app.command()
def discard(
    messages: SomeIds = None,
    *,
    reason: Reason = None,
    account: Account = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    by: By = None,
    config: Config = None,
) -> None:
    """Take held messages out of the spool; they are kept and counted.

    Machines' mail can be chosen by reason, account and age; people's messages by their ids alone.
    """
    del config
    from daemon.spool import discard_held  # noqa: PLC0415 - see `daemon.cli`
    from daemon.spool_bulk import Which, age  # noqa: PLC0415 - see `daemon.cli`

    which = Which(ids=messages or (), reason=reason, account=account, held_longer_than=age(older_than))
    raise typer.Exit(discard_held(which, by=by, dry_run=dry_run))


@app.command()
def release(
    messages: SomeIds = None,
    *,
    reason: Reason = None,
    account: Account = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    by: By = None,
    config: Config = None,
) -> None:
    """Let the rules decide anew about held messages.

    After an import from an old desk or a change of the settings, say. What the rules leave open stays held.
    """
    del config
    from daemon.spool import release_held  # noqa: PLC0415 - see `daemon.cli`
    from daemon.spool_bulk import Which, age  # noqa: PLC0415 - see `daemon.cli`

    which = Which(ids=messages or (), reason=reason, account=account, held_longer_than=age(older_than))
    raise typer.Exit(release_held(which, by=by, dry_run=dry_run))
