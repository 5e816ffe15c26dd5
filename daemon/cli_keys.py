"""`keys list|rotate|retire`."""

from typing import Annotated

import typer

from daemon.cli_options import Config, Json

app = typer.Typer(
    help="See, rotate and retire the keys that sign what we send.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_(*, as_json: Json = False, config: Config = None) -> None:
    """List the signing keys, the oldest first. Their secrets are never shown."""
    del config
    from daemon.keys import list_keys  # noqa: PLC0415 - see `daemon.cli`

    list_keys(as_json=as_json)


@app.command()
def rotate(*, config: Config = None) -> None:
    """Make a new key that signs from now on.

    Answers to what older keys signed go on to find their ticket.
    """
    del config
    from daemon.keys import rotate_keys  # noqa: PLC0415 - see `daemon.cli`

    rotate_keys()


@app.command()
def retire(
    key: Annotated[int, typer.Argument(metavar="KEY", min=1, max=255, help="The key's number.")],
    *,
    config: Config = None,
) -> None:
    """Refuse from now on what an old key signed.

    Answers to its mails are then found only by the other rules, or held.
    """
    del config
    from daemon.keys import retire_key  # noqa: PLC0415 - see `daemon.cli`

    retire_key(key)
