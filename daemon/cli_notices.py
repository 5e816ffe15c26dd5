"""`notices list|preview`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit

app = typer.Typer(
    help="See what senders are told without a person writing it.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="due, sent or suppressed.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="For this reason alone: refused_file, receipt or held.")
    ] = None,
    account: Account = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List notices, the newest first.

    Also why those that were not sent were not.
    """
    del config
    from daemon.notices import list_notices  # noqa: PLC0415 - see `daemon.cli`

    list_notices(state=state, reason=reason, account=account, limit=limit, as_json=as_json)


@app.command()
def preview(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="refused_file, receipt or held.")],
    *,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="With this account's words. Default: the first one.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="en, pt or ru. Default: the account's.")
    ] = None,
    ticket: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Number to show instead of a made-up one.")
    ] = None,
    file: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the refused file to show.")] = None,
    config: Config = None,
) -> None:
    """Print a notice as it would go out, with made-up data. Nothing is sent."""
    del config
    from daemon.notices import preview_notice  # noqa: PLC0415 - see `daemon.cli`

    preview_notice(reason, account=account, language=language, ticket=ticket, file=file)
