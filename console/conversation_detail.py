"""Conversations of a ticket as text for the terminal: where it is talked, and who was proven to be whom."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.moments import moment
from console.safe_text import plain

Plain = Mapping[str, Any]


def conversation_lines(found: Plain) -> Iterator[str]:
    """Show each conversation with what its platform told of it, then each link between people."""
    for one in found["conversations"]:
        marks = [mark for mark, is_so in (("group", one["is_group"]), ("goes on here", one["goes_on_here"])) if is_so]
        contact = f"{one['contact']} since {moment(one['contact_since'])}" if one["contact"] else ""
        said = "; ".join([*marks, *([contact] if contact else [])])
        yield f"  conversation: {plain(one['conversation'] or '?', limit=200)}" + (f" ({said})" if said else "")
    for link in found["links"]:
        name = f" {plain(link['name'], limit=100)}" if link["name"] else ""
        who = f"{link['channel']} {plain(link['address'], limit=100)}{name}"
        undone = f", undone {moment(link['undone_at'])} by {plain(link['undone_by'])}" if link["undone_at"] else ""
        how = f"invited by {plain(link['made_by'])}, {moment(link['linked_at'])}{undone}"
        yield f"  proven to be the requester: {who} ({how})"


def earlier_lines(found: Plain) -> Iterator[str]:
    """Show what a message said before it was changed."""
    for one in found["earlier"]:
        files = f" with {', '.join(plain(name, limit=80) for name in one['files'])}" if one["files"] else ""
        yield f"   until {moment(one['said_until'])} it said{files}: {plain(one['text'], limit=500)}"
