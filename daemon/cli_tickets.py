"""`tickets list|show|reply|note|close|reopen|spam|merge|move|invite|unlink|turn`."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli_options import Account, Config, Json, Limit, store_id

app = typer.Typer(
    help="See, answer, close, merge and sort tickets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The ticket's number, with or without dashes.")]


@app.command("list")
def list_(
    *,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="open, closed or spam.")] = None,
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
    """Answer the customer on the channel where they wrote.

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
    from daemon.tending import close_ticket  # noqa: PLC0415 - see `daemon.cli`

    close_ticket(number)


@app.command()
def reopen(number: Number, *, config: Config = None) -> None:
    """Open a ticket again.

    One that was merged goes on by itself from then on.
    """
    del config
    from daemon.tending import reopen_ticket  # noqa: PLC0415 - see `daemon.cli`

    reopen_ticket(number)


@app.command()
def spam(number: Number, *, config: Config = None) -> None:
    """Call a ticket spam: what answers it is held."""
    del config
    from daemon.tending import spam_ticket  # noqa: PLC0415 - see `daemon.cli`

    spam_ticket(number)


@app.command()
def merge(
    number: Number,
    *,
    into: Annotated[str, typer.Option("--into", metavar="NUMBER", help="The ticket on which it goes on.")],
    different: Annotated[
        bool,
        typer.Option("--different-requesters", help="Let the two requesters see each other's words from now on."),
    ] = False,
    config: Config = None,
) -> None:
    """Let a ticket go on as another one; `reopen` undoes it."""
    del config
    from daemon.tending import merge_tickets  # noqa: PLC0415 - see `daemon.cli`

    merge_tickets(number, into, different=different)


@app.command()
def requester(
    number: Number,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The customer's address.")],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The customer's name.")] = "",
    config: Config = None,
) -> None:
    """Name the customer of a ticket that an agent forwarded.

    `tickets show` says who may really have written. Replies go to that address from then on.
    """
    del config
    from daemon.tending import name_requester  # noqa: PLC0415 - see `daemon.cli`

    name_requester(number, address, name=name)


@app.command()
def move(
    message: Annotated[int, typer.Argument(metavar="MESSAGE", callback=store_id, help="Number of the message.")],
    *,
    to: Annotated[str | None, typer.Option("--to", metavar="NUMBER", help="To this ticket.")] = None,
    new: Annotated[bool, typer.Option("--new", help="To a ticket of its own.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Back to the held messages.")] = False,
    by: By = None,
    config: Config = None,
) -> None:
    """Move a message that stands on the wrong ticket.

    What its sender writes about the same goes there from now on.
    """
    del config
    from daemon.tending import move_message  # noqa: PLC0415 - see `daemon.cli`

    move_message(message, to=to, new=new, hold=hold, by=by)


@app.command()
def invite(
    number: Number,
    *,
    to: Annotated[str, typer.Option("--to", metavar="CHANNEL", help="Where they will bring it: telegram, viber ...")],
    hours: Annotated[float, typer.Option("--hours", metavar="N", help="How long it may be used.")] = 24,
    by: By = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Let the requester prove on another channel who they are.

    Gives a link into each account's chat and a code to type. Whoever brings one of them goes on there with this ticket.
    """
    del config
    from daemon.conversing import invite as make  # noqa: PLC0415 - see `daemon.cli`

    make(number, channel=to, hours=hours, by=by, as_json=as_json)


@app.command()
def unlink(
    number: Number,
    *,
    address: Annotated[str | None, typer.Option(metavar="ADDRESS", help="This one alone. Default: all.")] = None,
    by: By = None,
    config: Config = None,
) -> None:
    """Undo what an invitation linked.

    The next message of that conversation opens a ticket of its own.
    """
    del config
    from daemon.conversing import unlink as undo  # noqa: PLC0415 - see `daemon.cli`

    undo(number, address=address, by=by)


@app.command()
def turn(number: Number, *, config: Config = None) -> None:
    """Turn a live chat into a ticket like others."""
    del config
    from daemon.conversing import turn as turned  # noqa: PLC0415 - see `daemon.cli`

    turned(number)
