"""On a store of a million messages every statement of placing reads a few rows through indexes, whoever asks for what.

Run for real (EXPLAIN ANALYZE), before the server has ever analyzed its tables and after: no table is read whole, and
what is read is bounded by the size of the batch, also for what thousands of rows have in common.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, Final

import million
import psycopg
import pytest
from million import BIG, NOW, arguments, key, much_asked
from postgres_server import PostgresServer

from schemas.suggestion_rows import ClueKind
from ticket_store.statements import statement, statements

Arguments = dict[str, Any]
SIZES: Final = (1, 500)
QUEUES: Final = ("notices_due", "spool_look_again", "sends_due", "tickets_live")
"""Indexes of what is due alone, read from their beginning until there is enough."""
SLACK: Final = 50
"""Rows that a statement may read beside what its limit says."""
SMALL: Final = {
    "settings",
    "stored_positions",
    "move_offsets",
    "next_ticket_ids",
    "next_message_ids",
    "dead_letter",
    "bury",
    "revive",
    "failed_again",
}
"""Statements about tables that hold a few rows, or none at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A statement; `each` is how many rows it may read for one of a batch, `most` beside them."""

    file: str
    name: str
    columns: tuple[str, ...] = ()
    each: int = 4
    most: int = 0
    more: Arguments = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.file}.{self.name}"


def routing(name: str, *columns: str, each: int = 4) -> Asked:
    return Asked(file="routing", name=name, columns=columns, each=each)


def written(name: str, *columns: str, each: int = 4) -> Asked:
    return Asked(file="routing_write", name=name, columns=columns, each=each)


def talk(name: str, *columns: str, each: int = 4) -> Asked:
    return Asked(file="conversations", name=name, columns=columns, each=each)


def one(file: str, name: str, most: int, **more: Any) -> Asked:
    return Asked(file=file, name=name, each=0, most=most, more=more)


TICKET_CHANGE: Final = (
    *("ids", "statuses", "versions", "message_counts", "last_message_ats", "closed_ats", "lives", "live_untils"),
)
BATCHES: Final = (
    routing("claim_deliveries", "keys", "message_ids"),
    routing("taken_deliveries", "keys"),
    routing("insert_ids", "scopes", "digests"),
    routing("lock_ids", "scopes", "digests"),
    routing("insert_matches", "match_keys"),
    routing("lock_matches", "match_keys"),
    routing("reached_held", "scopes", "digests", each=1_300),
    routing("lock_held", "message_ids"),
    routing("known_messages", "message_ids"),
    routing("revisable", "message_ids"),
    routing("lock_revisable", "message_ids"),
    routing("quoted_ids", "scopes", "digests", "address_keys"),
    routing("open_matches", "match_keys", each=12),
    routing("followers", "ticket_ids", each=30),
    routing("tickets_by_numbers", "numbers"),
    routing("lock_sends", "message_ids"),
    routing("spoken_on", "ticket_ids", each=40),
    routing("old_ids", "digests", each=8),
    routing("old_tickets", "desks", "numbers"),
    routing("lock_tickets", "ticket_ids", each=6),
    routing("participants", "ticket_ids", each=6),
    written("change_tickets", *TICKET_CHANGE),
    written("own_ids", "scopes", "digests", "known_message_ids", "reuseds"),
    written("index_quoted", "scopes", "digests", "address_keys", "message_ids"),
    written("take_own_ids", "scopes", "digests", "known_message_ids", "reuseds"),
    written("teach_quoted", "scopes", "digests", "address_keys", "message_ids"),
    written("change_sends", "message_ids", "recipients"),
    written("place_held", "ids", "ticket_ids", "states", "decisions", "authors", "visibilities"),
    written("empty_spool", "ids"),
    written("forget_held_ids", "ids", each=6),
    written("wake_newcomers", "scopes", "address_keys", "ats", each=700),
    written("forget_blobs", "ids", each=8),
    written("decide_revised", "ids", "at", each=8),
    written(
        "revise_messages",
        *("ids", "kinds", "sender_keys", "sender_addresses", "sender_names", "subjects", "body_texts"),
        *("body_htmls", "automatics", "sent_ats", "normalizer_versions", "details", "revised_ats"),
        each=6,
    ),
    Asked(
        file="legacy", name="bind", columns=("desks", "numbers", "choices", "ticket_ids", "chosen_bys", "chosen_ats")
    ),
    *(
        talk("insert_conversations", "digests", "scopes", "channels", "accounts"),
        talk("lock_conversations", "digests"),
        talk("own_parts", "accounts", "echoes"),
        talk("parts_under_way", "accounts", "chats", each=30),
        talk("keep_early", "scopes", "digests", "states", "reasons", "said_ats", "kept_ats", each=6),
        talk("lock_proofs", "digests"),
        talk("use_proofs", "twins", "used_ats", "conversations", each=6),
        talk("lock_amendable", "message_ids"),
        talk("amend_messages", "ids", "body_texts", "body_htmls", "details", each=6),
        talk("contacts_of", "accounts", "address_keys"),
        talk("change_contacts", "accounts", "address_keys", "channels", "addresses", "states", "sinces", each=6),
        talk("sends_up_to", "message_ids", each=220),
        talk(
            "change_conversations", "digests", "person_keys", "is_groups", "ticket_ids", "wrong_proofs", "wrong_sinces"
        ),
    ),
    Asked(file="suggestions", name="held_messages", columns=("message_ids",)),
    Asked(
        file="notices",
        name="settle_notices",
        columns=("ids", "states", "whys", "send_message_ids", "now"),
        more={"states": ["sent"] * 500},
    ),
    Asked(file="notices", name="notice_facts", columns=("ids",), each=8),
    Asked(file="notices", name="spent_notices", columns=("address_keys",), more={"since": NOW}),
)
SINGLE: Final = (
    one("routing", "held_message", 2, id=50_009),
    one("routing", "whereabouts", 4, id=50_009),
    one("routing", "ticket_by_number", 2, number="0000050009"),
    one("routing", "to_look_at", 200, now=NOW.replace(year=2100), limit=100),
    one("conversations", "due_live", 200, now=NOW.replace(year=2100), limit=100),
    one("conversations", "waiting_since", 100, ticket_id=50_010),
    one("conversations", "links_of", 10, ticket_id=50_010),
    one("conversations", "undo_link", 4, id=50_010, by="x", now=NOW),
    one("routing_write", "looked_at", 4, id=50_009),
    one("routing_write", "look_later", 4, id=50_009, at=NOW),
    one(
        "routing_write",
        "hold_anew",
        8,
        message_id=50_009,
        reason="stranger",
        explanation="x",
        suggestions="[]",
        decision="{}",
        scope="support",
        digests=[bytes(32)],
    ),
    one("sends", "hold_again", 8, message_id=50_009, explanation="x", now=NOW),
    one("outbound", "dismiss_brought", 40, ticket_id=50_009, address_keys=[bytes(32)], than=50_009),
    one("sends", "claim", 1_500, lanes=["mail"], limits=[100], now=NOW.replace(year=2100), until=NOW),
    one("notices", "take_notices", 500, limit=100),
)


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Give the store, made once for all tests of this file."""
    name = postgres_server.create(template=postgres_template)
    million.fill(postgres_server.url(name))
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture(scope="module", params=["never analyzed", "analyzed"])
def store(request: pytest.FixtureRequest, filled: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(filled, autocommit=True) as connection:
        if request.param == "analyzed":
            connection.execute("analyze")
        yield connection


def plan_of(store: psycopg.Connection[Any], asked: Asked, values: Arguments) -> dict[str, Any]:
    """Run a statement for real, give what it did, and undo it."""
    text = f"explain (analyze, format json) {statement(asked.file, asked.name)}"
    with store.transaction(force_rollback=True):
        store.execute(statement("routing", "settings"))
        row = store.execute(text.encode(), values).fetchone()
    assert row is not None
    plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def scanned(plan: dict[str, Any]) -> list[str]:
    """Name big tables that are read whole: in sequence, or through an index without a condition."""
    whole = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan" or _all_of_an_index(node)]
    return [node["Relation Name"] for node in whole if node["Relation Name"] in BIG]


def _all_of_an_index(node: dict[str, Any]) -> bool:
    in_order = node.get("Index Name") in QUEUES
    return "Relation Name" in node and "Index Name" in node and "Index Cond" not in node and not in_order


def read(plan: dict[str, Any]) -> int:
    """Count the rows of tables that were looked at, those that were left aside as well."""
    tables = [node for node in nodes(plan) if node.get("Relation Name") in BIG and "Scan" in node["Node Type"]]
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]) for node in tables
    )


def check(store: psycopg.Connection[Any], asked: Asked, values: Arguments, size: int) -> None:
    plan = plan_of(store, asked, {**{name: values[name] for name in asked.columns}, **asked.more})
    assert scanned(plan) == [], f"{asked} with {size} rows reads a table whole"
    assert read(plan) <= asked.each * size + asked.most + SLACK, f"{asked} with {size} rows reads too much"


@pytest.mark.slow
@pytest.mark.parametrize("asked", BATCHES, ids=str)
def test_a_batch_reads_a_few_rows_for_each_of_its_messages(store: psycopg.Connection[Any], asked: Asked) -> None:
    for size in SIZES:
        check(store, asked, arguments(size), size)


@pytest.mark.slow
@pytest.mark.parametrize("asked", BATCHES, ids=str)
def test_what_thousands_have_in_common_costs_no_more(store: psycopg.Connection[Any], asked: Asked) -> None:
    check(store, asked, much_asked(), 1)


@pytest.mark.slow
@pytest.mark.parametrize("asked", SINGLE, ids=str)
def test_what_is_taken_one_by_one_reads_as_much_as_it_takes(store: psycopg.Connection[Any], asked: Asked) -> None:
    check(store, asked, {}, 1)


@pytest.mark.slow
def test_waking_what_waits_for_an_old_ticket_reads_what_waits(store: psycopg.Connection[Any]) -> None:
    asked = Asked(file="legacy", name="wake_held", columns=("scopes", "digests", "now"))
    for size in SIZES:
        check(store, asked, arguments(size), size)


@pytest.mark.slow
@pytest.mark.parametrize("much", [False, True], ids=["usual", "much asked for"])
def test_suggestions_follow_every_clue_not_far(store: psycopg.Connection[Any], *, much: bool) -> None:
    asked = Asked(file="suggestions", name="proposed_tickets", each=400)
    for size in (1, 100):
        clues = clues_of(size, much=much)
        check(store, Asked(file=asked.file, name=asked.name, each=400, more=clues), {}, size * len(ClueKind))


def clues_of(size: int, *, much: bool) -> Arguments:
    """Give one clue of every kind for each held message."""
    rows = []
    for place in range(size):
        number, subject = (0, "much") if much else (50_000 + 1_730 * place, str(50_000 + 1_730 * place))
        rows += [_clue(50_009 + place, kind, number, subject) for kind in ClueKind]
    names = ("held_ids", "kinds", "places", "scopes", "keys", "texts", "numbers")
    columns: Arguments = {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return columns


def _clue(held: int, kind: ClueKind, number: int, subject: str) -> tuple[object, ...]:
    if kind is ClueKind.OLD_NUMBER:
        return held, kind, 0, "s", b"%010d" % number, "old", 0
    text = md5(subject.encode(), usedforsecurity=False).hexdigest() if kind is ClueKind.SUBJECT else f"{number:010}"
    return held, kind, 0, "s", key(number), text, number


def test_every_statement_of_placing_is_looked_at() -> None:
    known = {(asked.file, asked.name) for asked in (*BATCHES, *SINGLE)}
    for file in ("routing", "routing_write", "conversations"):
        names = {name for name in statements(file) if not name.startswith("copy_")}
        assert names - SMALL == {name for where, name in known if where == file}
