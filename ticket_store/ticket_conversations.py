"""What people see of conversations on a ticket: where it goes on, who can be written to, who was proven to be whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.placement import address_key
from ticket_store.listing import fetch_all, fetch_rows
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A chat in which messages of a ticket were written. `goes_on_here`: its next message comes onto this ticket.

    `contact` is what its platform last told of it (blocked, subscribed ...), `contact_since` when; empty: nothing.
    """

    channel: str
    account: str
    conversation: str
    is_group: bool
    goes_on_here: bool
    last_at: datetime
    contact: str = ""
    contact_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLink:
    """Somebody who was proven to be the requester. `made_by` gave the proof out."""

    channel: str
    account: str
    address: str
    name: str
    made_by: str
    linked_at: datetime
    undone_at: datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierText:
    """What a message said until it was changed; `files` are the names of those that it had."""

    said_until: datetime
    text: str
    files: tuple[str, ...]


async def conversations_on(connection: AsyncConnection[TupleRow], number: str) -> tuple[Conversation, ...]:
    """Give the conversations of a ticket, the latest last, with what is known of each contact."""
    rows = await fetch_rows(connection, statement("tickets", "conversations_on"), {"number": number})
    keys = [(row["account"], _contact_key(row)) for row in rows]
    known = await _contacts(connection, keys) if keys else {}
    return tuple(Conversation(**row, **known.get(key, {})) for row, key in zip(rows, keys, strict=True))


async def links_on(connection: AsyncConnection[TupleRow], number: str) -> tuple[IdentityLink, ...]:
    """Give who was proven to be the requester of a ticket, undone links, too."""
    which = {"number": number}
    return tuple(await fetch_all(connection, statement("tickets", "identity_links"), which, IdentityLink))


async def earlier_texts(
    connection: AsyncConnection[TupleRow], message_ids: Sequence[int]
) -> Mapping[int, tuple[EarlierText, ...]]:
    """Give what these messages said before, by message."""
    rows = await fetch_rows(connection, statement("tickets", "earlier_texts"), {"message_ids": list(message_ids)})
    found: dict[int, tuple[EarlierText, ...]] = {}
    for row in rows:
        names = tuple(file.get("name", "") for file in row["files"])
        text = EarlierText(said_until=row["said_until"], text=row["text"], files=names)
        found[row["message_id"]] = (*found.get(row["message_id"], ()), text)
    return found


async def _contacts(
    connection: AsyncConnection[TupleRow], keys: Iterable[tuple[str, bytes]]
) -> Mapping[tuple[str, bytes], dict[str, Any]]:
    accounts, address_keys = (list(column) for column in zip(*sorted(set(keys)), strict=True))
    which = {"accounts": accounts, "address_keys": address_keys}
    rows = await fetch_rows(connection, statement("tickets", "contact_states"), which)
    return {
        (row["account"], row["address_key"]): {"contact": row["state"], "contact_since": row["since"]} for row in rows
    }


def _contact_key(row: Mapping[str, Any]) -> bytes:
    """Give the key of a chat's id, which the shown id of its conversation ends with."""
    chat = str(row["conversation"] or "").removeprefix(f"{row['channel']}:{row['account']}:")
    return address_key(row["channel"], row["account"], chat)
