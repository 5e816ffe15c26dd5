"""Rows put straight into the store, for tests of what reads them."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from schemas.events import shard_of
from ticket_store.numbers import TicketNumbers

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBERS = TicketNumbers(key=bytes(32))


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


class StoreRows:
    """One autocommit connection that inserts rows with sensible defaults; `minute` moves their times."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def run(self, text: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(text, parameters or None)
        return cursor.fetchall() if cursor.description else []

    def ticket(self, ticket_id: int, *, minute: int = 0, **columns: object) -> str:
        """Insert an open ticket and give its number."""
        number = NUMBERS.number(ticket_id)
        when = START + timedelta(minutes=minute)
        defaults = {
            "id": ticket_id,
            "number": number,
            "scope": "support",
            "account": "support",
            "channel": "mail",
            "subject": f"Subject {ticket_id}",
            "match_key": digest(f"match {ticket_id}"),
            "requester_key": digest("ana"),
            "requester_address": "ana@example.org",
            "requester_name": "Ana",
            "status": "open",
            "version": 1,
            "message_count": 1,
            "created_at": when,
            "last_message_at": when,
        }
        self._insert("tickets", {**defaults, **columns})
        return number

    def message(self, message_id: int, *, minute: int = 0, **columns: object) -> int:
        """Insert an inbound message, with its delivery key; held unless columns say otherwise."""
        defaults = {
            "id": message_id,
            "state": "ticketed" if columns.get("ticket_id") else "held",
            "kind": "message",
            "channel": "mail",
            "account": "support",
            "scope": "support",
            "delivery_key": digest(f"delivery {message_id}"),
            "sender_key": digest("ana"),
            "sender_address": "ana@example.org",
            "sender_name": "Ana",
            "subject": f"Subject {message_id}",
            "body_text": f"Text {message_id}",
            "received_at": START + timedelta(minutes=minute),
            "normalizer_version": 1,
            "raw_sha256": digest(f"raw {message_id}"),
            "raw_size": 1000,
            "details": {},
            "decision": {"rule": "new", "outcome": "opened", "explanation": "no other rule fits"},
        }
        row = {**defaults, **columns}
        self._insert("messages", row)
        self._insert("delivery_keys", {"key": row["delivery_key"], "message_id": message_id})
        return message_id

    def held(self, message_id: int, *, minute: int = 0, reason: str = "unmatched_reply", **columns: object) -> int:
        """Insert a held message with its spool row."""
        self.message(message_id, minute=minute, **columns)
        held_at = START + timedelta(minutes=minute)
        self._insert("spool", {"message_id": message_id, "reason": reason, "explanation": "Why", "held_at": held_at})
        return message_id

    def duplicate(self, duplicate_id: int, **columns: object) -> None:
        defaults = {
            "id": duplicate_id,
            "delivery_key": digest(f"duplicate {duplicate_id}"),
            "kind": "duplicate",
            "account": "support",
            "raw_sha256": digest(f"raw {duplicate_id}"),
            "raw_size": 10,
            "received_at": START,
        }
        self._insert("duplicates", {**defaults, **columns})

    def dead_letter(self, offset: int, *, partition: int = 0, **columns: object) -> int:
        """Insert a dead letter and give its id."""
        defaults = {
            "topic": "switchboard.inbound",
            "partition": partition,
            "offset": offset,
            "key": b"key",
            "value": b"{}",
            "account": "support",
            "reason": "data exception: look at the record",
            "sqlstate": "22P05",
            "died_at": START,
        }
        self._insert("dead_letters", {**defaults, **columns})
        ((found,),) = self.run("select max(id) from dead_letters")
        return int(found)

    def tombstone(self, name: str, **columns: object) -> None:
        """Insert what is left of an erased delivery."""
        self._insert("delivery_keys", {"key": digest(name), "erased_at": START, "account": "support", **columns})

    def event(self, ticket_id: int, sequence: int, **columns: object) -> None:
        """Insert an unpublished event whose text names ticket and sequence."""
        defaults = {
            "id": uuid4(),
            "ticket_id": ticket_id,
            "shard": shard_of(ticket_id),
            "sequence": sequence,
            "type": "ticket.created",
            "event": json.dumps({"ticket": ticket_id, "sequence": sequence}),
        }
        self._insert("outbox", {**defaults, **columns})

    def offset(self, next_offset: int, *, partition: int = 0, consumer: str = "router") -> None:
        """Store where the consumer stands on the inbound topic."""
        self.run(
            "insert into consumer_offsets (consumer, topic, partition, next_offset, log_identity)"
            " values (%s, 'switchboard.inbound', %s, %s, 'log')"
            " on conflict (consumer, topic, partition) do update set next_offset = excluded.next_offset",
            consumer,
            partition,
            next_offset,
        )

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        query = sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
        )
        self._connection.execute(query, [Jsonb(v) if isinstance(v, dict | list) else v for v in columns.values()])
