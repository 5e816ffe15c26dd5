"""`tickets list|show|reply|note|close|reopen`."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit

app = typer.Typer(
    help="See, answer, close and reopen tickets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's number, with or without dashes.")]


@app.command("list")
def list_(
    *,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open or closed.")] = None,
    account: Account = None,
    requester: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of this requester alone.")] = None,
    limit: Limit = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List tickets, the one with the newest message first."""
    del config
    from daemon.tickets import list_tickets  # noqa: PLC0415 - see `daemon.cli`

    list_tickets(status=status, account=account, requester=requester, limit=limit, as_json=as_json)


@app.command()
def show(number: Number, *, as_json: Json = False, config: Config = None) -> None:
    """Show one ticket, its messages, and why each is there."""
    del config
    from daemon.tickets import show_ticket  # noqa: PLC0415 - see `daemon.cli`

    show_ticket(number, as_json=as_json)


Words = Annotated[
    str | None, typer.Option("--text", "-t", metavar="TEXT", help="What to say. Default: standard input.")
]
TextFile = Annotated[Path | None, typer.Option("--file", metavar="PATH", help="A file with what to say, in UTF-8.")]
Attached = Annotated[
    list[Path] | None, typer.Option("--attach", metavar="PATH", help="Send this file along; may be repeated.")
]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says it. Default: your login name.")]
Request = Annotated[
    str | None, typer.Option("--request-key", metavar="KEY", help="The same key twice makes one message.")
]


@app.command()
def reply(
    number: Number,
    *,
    text: Words = None,
    file: TextFile = None,
    cc: Annotated[
        list[str] | None,
        typer.Option("--cc", metavar="ADDRESS", help="Copy, who takes part from now on; may be repeated."),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Copy to those participants whom customers copied, too.")
    ] = False,
    attach: Attached = None,
    close: Annotated[bool, typer.Option("--close", help="Close the ticket afterwards.")] = False,
    by: By = None,
    request_key: Request = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Answer the customer by mail.

    A closed ticket stays closed; what the customer answers opens it again.
    """
    del config
    from daemon.answering import Words as Message  # noqa: PLC0415 - see `daemon.cli`
    from daemon.answering import reply_ticket  # noqa: PLC0415 - see `daemon.cli`

    said = Message(text=text, file=file, attach=tuple(attach or ()), by=by, request_key=request_key or "")
    reply_ticket(number, said, cc=tuple(cc or ()), everyone=everyone, close=close, as_json=as_json)


@app.command()
def note(
    number: Number,
    *,
    text: Words = None,
    file: TextFile = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="ADDRESS", help="Send it to somebody who is no customer. Repeatable."),
    ] = None,
    attach: Attached = None,
    by: By = None,
    request_key: Request = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Write what customers never see.

    Those whom it is sent to take part internally: what they answer stays internal, too.
    """
    del config
    from daemon.answering import Words as Message  # noqa: PLC0415 - see `daemon.cli`
    from daemon.answering import note_ticket  # noqa: PLC0415 - see `daemon.cli`

    said = Message(text=text, file=file, attach=tuple(attach or ()), by=by, request_key=request_key or "")
    note_ticket(number, said, to=tuple(to or ()), as_json=as_json)


@app.command()
def close(number: Number, *, config: Config = None) -> None:
    """Close a ticket."""
    del config
    from daemon.tickets import move_ticket  # noqa: PLC0415 - see `daemon.cli`

    move_ticket(number, "closed")


@app.command()
def reopen(number: Number, *, config: Config = None) -> None:
    """Open a closed ticket again."""
    del config
    from daemon.tickets import move_ticket  # noqa: PLC0415 - see `daemon.cli`

    move_ticket(number, "open")
