"""Writes what one router transaction decided: COPY for rows that are new, arrays for rows that others may hold."""

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.changes import Changes
from schemas.routing_rows import DeadLetterRow
from ticket_store.copying import copy_rows
from ticket_store.legacy import bind_legacy
from ticket_store.statements import statement

COPIES: Final = (
    ("copy_tickets", "tickets"),
    ("copy_messages", "messages"),
    ("copy_sends", "sends"),
    ("copy_participants", "participants"),
    ("copy_held_ids", "held_ids"),
    ("copy_spool", "spool"),
    ("copy_duplicates", "duplicates"),
    ("copy_blob_refs", "blobs"),
    ("copy_notices", "notices"),
    ("copy_earlier_texts", "earlier"),
    ("copy_identity_links", "links"),
)
"""Statement and field of `Changes`, in an order that foreign keys allow."""
FILES: Final = {"copy_earlier_texts": "conversations", "copy_identity_links": "conversations"}
"""Statements that stand elsewhere."""


class Writer:
    """Writes on one connection, inside the caller's transaction and under its locks."""

    def __init__(self, *, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def write(self, changes: Changes) -> None:
        """Write all rows; the outbox last."""
        await self._revise(changes)
        for name, field in COPIES:
            await copy_rows(self._connection, FILES.get(name, "routing_write"), name, getattr(changes, field))
        await self._change(changes)
        await self._converse(changes)
        await self._place(changes)
        await bind_legacy(self._connection, changes.bound)
        await self._arrays("wake_newcomers", ("scopes", "address_keys", "ats"), changes.newcomers)
        await self._bury(changes.dead_letters)
        await copy_rows(self._connection, "routing_write", "copy_outbox", changes.outbox)

    async def _revise(self, changes: Changes) -> None:
        """Replace readings; what they name and await is written with the rest."""
        if not changes.revised:
            return
        columns = (
            *("ids", "kinds", "sender_keys", "sender_addresses", "sender_names", "subjects", "body_texts"),
            *("body_htmls", "automatics", "sent_ats", "normalizer_versions", "details", "revised_ats"),
        )
        await self._arrays("revise_messages", columns, changes.revised)
        ids = {"ids": [row.id for row in changes.revised]}
        for name in ("forget_blobs", "forget_held_ids"):
            await self._connection.execute(statement("routing_write", name), ids)
        again = {**ids, "at": changes.revised[0].revised_at}
        await self._connection.execute(statement("routing_write", "decide_revised"), again)

    async def _change(self, changes: Changes) -> None:
        await self._arrays(
            "change_tickets",
            ("ids", "statuses", "versions", "message_counts", "last_message_ats", "closed_ats", "lives", "live_untils"),
            changes.ticket_changes,
        )
        ids = ("scopes", "digests", "known_message_ids", "reuseds")
        await self._arrays("own_ids", ids, _cut(changes.threads, ids))
        await self._arrays("take_own_ids", ids, _cut(changes.own_threads, ids))
        quotes = ("scopes", "digests", "address_keys", "message_ids")
        taught = [row for row in changes.quoted if row.taught]
        await self._arrays("index_quoted", quotes, _cut([row for row in changes.quoted if not row.taught], quotes))
        await self._arrays("teach_quoted", quotes, _cut(taught, quotes))
        await self._arrays("change_sends", ("message_ids", "recipients"), changes.deliveries)

    async def _converse(self, changes: Changes) -> None:
        """Write what only conversations change."""
        talks = ("digests", "person_keys", "is_groups", "ticket_ids", "wrong_proofs", "wrong_sinces")
        await self._arrays("change_conversations", talks, changes.conversations, file="conversations")
        texts = ("ids", "body_texts", "body_htmls", "details")
        await self._arrays("amend_messages", texts, changes.amended, file="conversations")
        used = ("twins", "used_ats", "conversations")
        await self._arrays("use_proofs", used, changes.used_proofs, file="conversations")
        files = ("message_ids", "platform_ids", "accounts", "due_ats")
        await self._arrays("ask_fetches", files, changes.fetches, file="media")
        early = ("scopes", "digests", "states", "reasons", "said_ats", "kept_ats")
        await self._arrays("keep_early", early, changes.early, file="conversations")
        people = ("accounts", "address_keys", "channels", "addresses", "states", "sinces")
        await self._arrays("change_contacts", people, changes.contacts, file="conversations")

    async def _place(self, changes: Changes) -> None:
        """Move held messages to where they belong; they wait for nothing any more."""
        if not changes.placed:
            return
        columns = ("ids", "ticket_ids", "states", "decisions", "authors", "visibilities")
        await self._arrays("place_held", columns, changes.placed)
        placed = {"ids": [row.id for row in changes.placed]}
        await self._connection.execute(statement("routing_write", "empty_spool"), placed)
        await self._connection.execute(statement("routing_write", "forget_held_ids"), placed)

    async def _bury(self, rows: Sequence[DeadLetterRow]) -> None:
        for row in rows:  # rare, and mostly one
            await self._connection.execute(statement("routing_write", "bury"), row._asdict())

    async def _arrays(
        self, name: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]], *, file: str = "routing_write"
    ) -> None:
        if not rows:
            return
        parameters: Mapping[str, object] = {
            column: list(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)
        }
        await self._connection.execute(statement(file, name), parameters)


def _cut(rows: Sequence[tuple[object, ...]], columns: Sequence[str]) -> list[tuple[object, ...]]:
    """Give what is written of rows that hold more."""
    return [row[: len(columns)] for row in rows]
