"""`form-links create|list|revoke`."""

from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json

app = typer.Typer(help="Make, see and revoke links to web forms.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def create(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The form to which it leads.")],
    *,
    organisation: Annotated[str, typer.Option(metavar="NAME", help="For one organisation.")] = "",
    installation: Annotated[str, typer.Option(metavar="SERIAL", help="For one installation.")] = "",
    label: Annotated[str, typer.Option(metavar="TEXT", help="For you: where it stands.")] = "",
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="AGE", help="After so long: 12h, 30d, 52w. Default: never.")
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Make a link and print its address.

    Without --organisation and --installation it is for anybody.
    """
    del config
    from daemon.form_links import create_form_link  # noqa: PLC0415 - see `daemon.cli`
    from daemon.spool_bulk import age  # noqa: PLC0415 - see `daemon.cli`

    create_form_link(
        account,
        organisation=organisation,
        installation=installation,
        label=label,
        lives=age(expires, option="--expires"),
        as_json=as_json,
    )


@app.command("list")
def list_(*, account: Account = None, as_json: Json = False, config: Config = None) -> None:
    """List the links with their addresses, the oldest first."""
    del config
    from daemon.form_links import list_form_links  # noqa: PLC0415 - see `daemon.cli`

    list_form_links(account=account, as_json=as_json)


@app.command()
def revoke(
    link: Annotated[str, typer.Argument(metavar="LINK", help="Its id, or its whole address.")],
    *,
    config: Config = None,
) -> None:
    """End a link at once. Dialogues that it began go on."""
    del config
    from daemon.form_links import revoke_form_link  # noqa: PLC0415 - see `daemon.cli`

    revoke_form_link(link)
