"""`webhooks add|list|show|log|pause|resume|rotate|remove|resend|test`."""

from typing import Annotated

import typer

from daemon.cli_options import Config, Json, Limit, store_id

app = typer.Typer(help="Send ticket events to other systems' servers.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[int, typer.Argument(metavar="ID", callback=store_id, help="Of the endpoint, as the list shows it.")]
Dispatch = Annotated[int, typer.Argument(metavar="DISPATCH", callback=store_id, help="Its number in the log.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://... of the receiver.")],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Whose it is, for people.")] = "",
    account: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="NAME", help="Of this account alone; may be repeated. Default: all."),
    ] = None,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Such as ticket.created; may be repeated. Default: all."),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Send events to a server from now on.

    The secret that signs them is shown once.
    """
    del config
    from daemon.webhook_commands import add_webhook  # noqa: PLC0415 - see `daemon.cli`

    add_webhook(url, name=name, accounts=account or None, types=type_ or None, as_json=as_json)


@app.command("list")
def list_(*, as_json: Json = False, config: Config = None) -> None:
    """List the endpoints, the oldest first. Their secrets are not shown."""
    del config
    from daemon.webhook_commands import list_webhooks  # noqa: PLC0415 - see `daemon.cli`

    list_webhooks(as_json=as_json)


@app.command()
def show(which: Id, *, as_json: Json = False, config: Config = None) -> None:
    """Show what an endpoint gets, how it does, and what waits for it."""
    del config
    from daemon.webhook_commands import show_webhook  # noqa: PLC0415 - see `daemon.cli`

    show_webhook(which, as_json=as_json)


@app.command()
def log(
    which: Id,
    *,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="pending, delivered, failed or expired.")] = None,
    dispatch: Annotated[
        int | None, typer.Option(metavar="DISPATCH", min=1, help="The tries of this dispatch alone.")
    ] = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List what was sent and what was answered, the newest first."""
    del config
    from daemon.webhook_commands import list_dispatches, list_tries  # noqa: PLC0415 - see `daemon.cli`

    if dispatch is None:
        list_dispatches(which, state=state, limit=limit, as_json=as_json)
    else:
        list_tries(which, dispatch, as_json=as_json)


@app.command()
def pause(which: Id, *, config: Config = None) -> None:
    """Send an endpoint nothing for a while; events wait for it."""
    del config
    from daemon.webhook_commands import pause_webhook  # noqa: PLC0415 - see `daemon.cli`

    pause_webhook(which)


@app.command()
def resume(which: Id, *, config: Config = None) -> None:
    """Let an endpoint go on that was paused or disabled.

    It gets the events that waited.
    """
    del config
    from daemon.webhook_commands import resume_webhook  # noqa: PLC0415 - see `daemon.cli`

    resume_webhook(which)


@app.command()
def rotate(
    which: Id,
    *,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="AGE", help="The secret before signs, too, for so long: 12h, 7d, 0h.")
    ] = "24h",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Make a new secret for an endpoint and show it, once."""
    del config
    from daemon.webhook_commands import rotate_secret  # noqa: PLC0415 - see `daemon.cli`

    rotate_secret(which, overlap=overlap, as_json=as_json)


@app.command()
def remove(which: Id, *, config: Config = None) -> None:
    """Remove an endpoint with all that is kept for it.

    Its secrets, the events that wait for it, and its log.
    """
    del config
    from daemon.webhook_commands import remove_webhook  # noqa: PLC0415 - see `daemon.cli`

    remove_webhook(which)


@app.command()
def resend(which: Id, dispatch: Dispatch, *, config: Config = None) -> None:
    """Send an event again under its id.

    One that waits for its next try is sent now.
    """
    del config
    from daemon.webhook_commands import resend_dispatch  # noqa: PLC0415 - see `daemon.cli`

    resend_dispatch(which, dispatch)


@app.command("test")
def try_out(
    which: Id,
    *,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, max=300, help="For the answer.")] = 20.0,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Send an event that is about nothing, and show the answer.

    The role `webhooks` sends it: the daemon must run.
    """
    del config
    from daemon.webhook_commands import try_webhook  # noqa: PLC0415 - see `daemon.cli`

    try_webhook(which, wait=wait, as_json=as_json)
