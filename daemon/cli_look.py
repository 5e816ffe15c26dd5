"""`check`, `migrate`, `ledger`, `status` and `channels`."""

import typer

from daemon.cli_options import Config, Json


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (check, migrate, ledger, status, channels):
        app.command()(command)


def check(*, as_json: Json = False, config: Config = None) -> None:
    """Read the settings and report every mistake at once.

    Exit 1 when there is any.
    """
    del config
    from daemon.look import check_settings  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(check_settings(as_json=as_json))


def migrate(config: Config = None) -> None:
    """Bring the store's schema up to this version, under a lock."""
    del config
    from daemon.look import migrate_store  # noqa: PLC0415 - see `daemon.cli`

    migrate_store()


def ledger(*, as_json: Json = False, config: Config = None) -> None:
    """Show that nothing was lost: accepted = what became of it.

    Exit 1 when it does not balance.
    """
    del config
    from daemon.look import show_ledger  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(show_ledger(as_json=as_json))


def status(*, as_json: Json = False, config: Config = None) -> None:
    """Say how the daemon is and how much waits."""
    del config
    from daemon.look import show_status  # noqa: PLC0415 - see `daemon.cli`

    raise typer.Exit(show_status(as_json=as_json))


def channels(*, as_json: Json = False, config: Config = None) -> None:
    """Show each account's state, and how far channels are."""
    del config
    from daemon.look_channels import show_channels  # noqa: PLC0415 - see `daemon.cli`

    show_channels(as_json=as_json)
