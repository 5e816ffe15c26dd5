"""`replay --renormalize`."""

from datetime import datetime
from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("a time is written 2026-11-22 or 2026-11-22T09:30:00+00:00") from None
    return found if found.tzinfo is not None else found.astimezone()


Since = Annotated[str | None, typer.Option(metavar="TIME", help="Received from then on.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Received before then.")]


def replay(
    *,
    renormalize: Annotated[bool, typer.Option("--renormalize", help="Parse stored mail again.")] = False,
    account: Account = None,
    since: Since = None,
    until: Until = None,
    held: Annotated[bool, typer.Option("--held", help="Held messages alone.")] = False,
    dead: Annotated[bool, typer.Option("--dead", help="Open dead letters instead of messages.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and do nothing.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Read stored mail again, after an upgrade.

    Texts and files are replaced in place; tickets stay as they are. Held messages are decided anew.
    Messages that this version has read already are left out, so it can be run again.
    """
    del config
    from daemon.errors import USAGE, UserError  # noqa: PLC0415 - see `daemon.cli`
    from daemon.replay import Choice, run_replay  # noqa: PLC0415 - see `daemon.cli`

    if not renormalize:
        raise UserError("say what to do: `switchboard replay --renormalize` parses stored mail again", code=USAGE)
    choice = Choice(account=account, since=_moment(since), until=_moment(until), held=held, dead=dead, dry_run=dry_run)
    raise typer.Exit(run_replay(choice, as_json=as_json))
