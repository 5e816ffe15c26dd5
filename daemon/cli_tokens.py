"""`tokens create|list|revoke`."""

from typing import Annotated

import typer

from daemon.cli_options import Config, Json

app = typer.Typer(help="Make, see and revoke tokens of the HTTP API.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, for people.")],
    *,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="Such as tickets:read; may be repeated.")
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="NAME", help="Of this account alone; may be repeated. Default: all."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="AGE", help="After so long: 12h, 30d, 52w. Default: never.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Make a token and show it, once.

    Scopes: tickets:read, tickets:write, spool:read, spool:write, attachments:read, channels:read, events:read,
    webhooks.
    """
    del config
    from daemon.spool_bulk import age  # noqa: PLC0415 - see `daemon.cli`
    from daemon.tokens import create_token  # noqa: PLC0415 - see `daemon.cli`

    lives = age(expires, option="--expires")
    create_token(name, scopes=scope or (), accounts=account or None, lives=lives, as_json=as_json)


@app.command("list")
def list_(*, as_json: Json = False, config: Config = None) -> None:
    """List the tokens, the oldest first. Their secrets are nowhere."""
    del config
    from daemon.tokens import list_tokens  # noqa: PLC0415 - see `daemon.cli`

    list_tokens(as_json=as_json)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its public part, as the list shows it.")],
    *,
    config: Config = None,
) -> None:
    """End a token at once."""
    del config
    from daemon.tokens import revoke_token  # noqa: PLC0415 - see `daemon.cli`

    revoke_token(token)
