"""`run`: the daemon."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from daemon.cli_options import Config

WORKERS: Final = "Router processes; they share the partitions. More than cores or partitions make no sense."


ALL: Final = ("ingest", "route", "outbound", "webhooks", "console")


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    INGEST = "ingest"
    ROUTE = "route"
    OUTBOUND = "outbound"
    WEBHOOKS = "webhooks"
    CONSOLE = "console"


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("run")(run)


def run(
    role: Annotated[
        Role, typer.Argument(help="What this process does; one role alone is for several machines.")
    ] = Role.ALL,
    *,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help=WORKERS)] = 1,
    link: Annotated[int | None, typer.Option(hidden=True, help="Inherited socket to the supervisor.")] = None,
    name: Annotated[str | None, typer.Option(hidden=True, help="Name in logs and metrics.")] = None,
    jobs: Annotated[bool, typer.Option(hidden=True, help="Do what one router does for all.")] = True,
    config: Config = None,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C.

    It then finishes or hands back what it is doing, within ten seconds. A second signal ends it at once.
    """
    del config
    from daemon.run import run_all, run_role  # noqa: PLC0415 - see `daemon.cli`

    if role not in (Role.ALL, Role.ROUTE) and workers > 1:
        raise typer.BadParameter(
            "one process takes mail in, sends or serves the API; --workers is for routers", param_hint="--workers"
        )
    if role is Role.ALL or (role is Role.ROUTE and workers > 1):
        run_all(roles=ALL if role is Role.ALL else ("route",), workers=workers)
    else:
        run_role(role.value, name=name or role.value, link_fd=link, jobs=jobs)
