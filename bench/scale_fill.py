"""Fills a store with as many tickets as wanted, four messages each, made by the server itself in minutes.

What lies there is what routing a year of mail would have left: tickets and participants, messages with their ids, keys
and quoted ids, sends of what agents answered. Subjects, senders and threads are skewed as they are at a desk: most
threads are short and the longest has thousands of messages; most customers wrote once or twice and one wrote
thousands of times. Seven tickets of ten are closed. Ticket n was opened by message n, whose id is `m<n>@scale.example`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ticket_store.numbers import TicketNumbers

MESSAGES_A_TICKET: Final = 4
CHUNK: Final = 250_000
DOMAIN: Final = "scale.example"
Connection = psycopg.Connection[tuple[Any, ...]]
Told = Callable[[str, float], None]
"""Hears what is made at the moment, and which share of all is done."""

TABLES: Final = (
    "tickets",
    "ticket_participants",
    "messages",
    "delivery_keys",
    "thread_ids",
    "match_claims",
    "quoted_ids",
    "sends",
    "blob_refs",
)
"""Those that are filled; no statement of routing may read one of them whole."""

FAST: Final = (
    "set synchronous_commit = off",
    "set session_replication_role = replica",
    "set work_mem = '256MB'",
    "set maintenance_work_mem = '512MB'",
)
INDEXES: Final = """
    select indexname, indexdef from pg_indexes i
    where tablename = any(%s) and schemaname = 'public'
      and not exists (select from pg_constraint c where c.conindid = (quote_ident(i.indexname))::regclass)
"""
FUNCTIONS: Final = (
    """create function bench_share(n bigint) returns float8 immutable language sql
       return (n * 2654435761 %% 4294967296)::float8 / 4294967296""",
    """create function bench_customer(n bigint) returns text immutable language sql
       return 'c' || floor({customers} * bench_share(n) * bench_share(n))::bigint || '@firm.example'""",
    """create function bench_key(address text) returns bytea immutable language sql
       return sha256(convert_to('mail', 'UTF8') || '\\x00'::bytea || convert_to(address, 'UTF8'))""",
    """create function bench_digest(n bigint) returns bytea immutable language sql
       return sha256(convert_to('m' || n || '@scale.example', 'UTF8'))""",
    """create function bench_ticket(n bigint) returns bigint immutable language sql
       return case when n <= {tickets} then n
                   else 1 + floor({tickets} * bench_share(n) * bench_share(n))::bigint * 7919 %% {tickets} end""",
    """create function bench_opened(n bigint) returns timestamptz stable language sql
       return now() - interval '365 days' * (1 - (n - 1)::float8 / {tickets}) - interval '1 hour'""",
    """create function bench_subject(n bigint) returns text immutable language sql
       return case when n %% 50 = 0 then 'order' else 'order ' || n * 7919 %% 1000003 end""",
)
TICKETS: Final = """
    insert into tickets (id, number, scope, account, channel, subject, subject_base, match_key, requester_key,
                         requester_address, status, version, message_count, created_at, last_message_at, closed_at)
    select n.id, n.number, '{account}', '{account}', 'mail', bench_subject(n.id), bench_subject(n.id),
           sha256(convert_to('{account}', 'UTF8') || '\\x00'::bytea || bench_key(bench_customer(n.id)) || '\\x00'::bytea
                  || convert_to(bench_subject(n.id), 'UTF8')),
           bench_key(bench_customer(n.id)), bench_customer(n.id),
           case when n.id %% 10 < 7 then 'closed' else 'open' end, 4, 4, bench_opened(n.id),
           bench_opened(n.id) + interval '2 days',
           case when n.id %% 10 < 7 then bench_opened(n.id) + interval '3 days' end
    from bench_numbers n where n.id between %(first)s and %(last)s order by n.id
"""
PARTICIPANTS: Final = """
    insert into ticket_participants (ticket_id, address_key, address, role)
    select id, requester_key, requester_address, 'requester' from tickets where id between %(first)s and %(last)s
"""
MESSAGES: Final = """
    insert into messages (id, ticket_id, state, kind, channel, account, scope, delivery_key, fingerprint, own_digest,
                          sender_key, sender_address, sender_name, subject, body_text, received_at, sent_at,
                          normalizer_version, raw_sha256, raw_size, details, decision, direction, author)
    select n, ticket, 'ticketed', 'message', 'mail', '{account}', '{account}', sha256(bench_digest(n)),
           sha256(sha256(bench_digest(n))), bench_digest(n), bench_key(who), who, '', bench_subject(ticket),
           repeat(md5(n::text) || ' ', 12), bench_opened(ticket) + interval '1 hour' * (n / {tickets}),
           bench_opened(ticket) + interval '1 hour' * (n / {tickets}), 1, sha256(bench_digest(n) || '\\x01'), 6000,
           jsonb_build_object('to', jsonb_build_array(jsonb_build_object('address', '{desk}')), 'thread',
               jsonb_build_object('own', jsonb_build_object('digest', encode(bench_digest(n), 'hex'),
                                                            'shown', 'm' || n || '@scale.example'))),
           jsonb_build_object('rule', case when n <= {tickets} then 'new' else 'in_reply_to' end, 'outcome', 'placed'),
           case when ours then 'out' else 'in' end, case when ours then 'agent' else 'customer' end
    from (
        select n, bench_ticket(n) as ticket, n > {tickets} and n %% 3 = 0 as ours,
               case when n > {tickets} and n %% 3 = 0 then '{desk}' else bench_customer(bench_ticket(n)) end as who
        from generate_series(%(first)s::bigint, %(last)s::bigint) n
    ) made
"""
KEYS: Final = (
    "insert into delivery_keys (key, message_id) select delivery_key, id from messages order by delivery_key",
    """insert into thread_ids (scope, digest, known_message_id)
       select '{account}', own_digest, id from messages order by own_digest""",
    "insert into match_claims select distinct match_key from tickets order by match_key",
    """insert into quoted_ids (scope, digest, address_key, message_id)
       select '{account}', digest, sender_key, min(id)
       from (select bench_digest(ticket_id) as digest, sender_key, id from messages
             where id > {tickets} and direction = 'in') quoting
       group by digest, sender_key order by digest, sender_key""",
    """insert into blob_refs (sha256, owner_kind, owner_id)
       select raw_sha256, 'message', id from messages order by raw_sha256""",
    """insert into sends (message_id, ticket_id, account, channel, kind, state, recipients, due_at, created_at, sent_at)
       select m.id, m.ticket_id, m.account, 'mail', 'reply', 'sent',
              jsonb_build_array(jsonb_build_object('address', t.requester_address, 'state', 'sent')),
              m.received_at, m.received_at, m.received_at
       from messages m join tickets t on t.id = m.ticket_id where m.direction = 'out'""",
    """update tickets t set message_count = c.count, version = c.count, last_message_at = c.last
       from (select ticket_id, count(*) as count, max(received_at) as last from messages group by ticket_id) c
       where c.ticket_id = t.id and c.count <> 4""",
    "select setval('ticket_ids', max(id)) from tickets",
    "select setval('message_ids', max(id)) from messages",
)


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What to make, and for which account of mail."""

    tickets: int
    account: str
    desk: str

    def sql(self, text: str) -> bytes:
        """Put numbers and names of this filling into a statement."""
        names = {"tickets": self.tickets, "customers": max(1, self.tickets // 5), "account": self.account}
        for name, value in {**names, "desk": self.desk}.items():
            text = text.replace("{" + name + "}", str(value))
        return text.encode()


def fill(url: str, filling: Filling, told: Told) -> None:
    """Make it in a migrated store that is empty, and let the server look at what it has got.

    Indexes that keep nothing unique are made at the end, which takes a third of the time.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for quick in FAST:
            connection.execute(quick.encode())
        indexes = list(connection.execute(INDEXES.encode(), [list(TABLES)]))
        for name, _ in indexes:
            connection.execute(f'drop index "{name}"'.encode())
        for function in FUNCTIONS:
            connection.execute(filling.sql(function.replace("%%", "%")))
        steps = list(_steps(filling, [definition for _, definition in indexes]))
        _number(connection, filling)
        for place, (words, statement, values) in enumerate(steps):
            told(words, place / len(steps))
            connection.execute(filling.sql(statement), values)
        told("filled", 1.0)


def _steps(filling: Filling, indexes: list[str]) -> Iterator[tuple[str, str, dict[str, int] | None]]:
    for part in _chunks(filling.tickets):
        yield "tickets", TICKETS, part
        yield "participants", PARTICIPANTS, part
    for part in _chunks(filling.tickets * MESSAGES_A_TICKET):
        yield "messages", MESSAGES, part
    for statement in KEYS:
        yield "ids and keys", statement, None
    for definition in indexes:
        yield "indexes", definition, None
    yield "analyze", f"vacuum (analyze) {', '.join(TABLES)}", None
    yield "checkpoint", "checkpoint", None


def _chunks(count: int) -> Iterator[dict[str, int]]:
    for first in range(1, count + 1, CHUNK):
        yield {"first": first, "last": min(count, first + CHUNK - 1)}


def _number(connection: Connection, filling: Filling) -> None:
    """Bring the public numbers, which only the installation's key gives."""
    row = connection.execute(b"select ticket_number_key from instance").fetchone()
    if row is None:
        raise LookupError("the store has no instance row: start the daemon once")
    numbers = TicketNumbers(key=bytes(row[0]))
    connection.execute(b"create temp table bench_numbers (id bigint primary key, number text not null)")
    with connection.cursor().copy(b"copy bench_numbers (id, number) from stdin") as copy:
        for ticket in range(1, filling.tickets + 1):
            copy.write_row((ticket, numbers.number(ticket)))
