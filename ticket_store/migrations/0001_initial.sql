-- The store: tickets, messages, ids, spool, outbox, ledger rows, offsets.

create table instance (
    only_one          boolean primary key default true check (only_one),
    instance_id       uuid not null default gen_random_uuid(),
    ticket_number_key bytea not null,
    created_at        timestamptz not null default now()
);

-- Where the router stands in each partition. Moved by compare-and-set in the router's own transaction.
create table consumer_offsets (
    consumer     text not null,
    topic        text not null,
    partition    int not null,
    next_offset  bigint not null,
    log_identity text not null,
    updated_at   timestamptz not null default now(),
    primary key (consumer, topic, partition)
);

create sequence ticket_ids;
create table tickets (
    id                 bigint primary key,
    number             text not null unique,
    scope              text not null,
    account            text not null,
    channel            text not null,
    subject            text not null default '',
    subject_base       text not null default '',   -- without prefixes and tags, of the first message
    match_key          bytea not null,             -- account, requester and normalized subject (rule 9)
    requester_key      bytea not null,             -- sha256 of the normalized address
    requester_address  text not null,
    requester_name     text not null default '',
    status             text not null,
    version            bigint not null default 0,  -- sequence of the last event
    message_count      int not null default 0,
    continues_id       bigint references tickets (id),
    created_at         timestamptz not null,       -- received time of the first message
    last_message_at    timestamptz not null,
    closed_at          timestamptz
);
create index tickets_open_match on tickets (match_key, last_message_at desc) where closed_at is null;
create index tickets_open_successors on tickets (continues_id) where closed_at is null and continues_id is not null;
create index tickets_recent on tickets (last_message_at desc, id desc);
create index tickets_requester on tickets (requester_key, scope);

create table ticket_participants (
    ticket_id   bigint not null references tickets (id),
    address_key bytea not null,
    address     text not null,
    role        text not null,                     -- requester, recipient, added
    primary key (ticket_id, address_key)
);

-- Every delivery that is not a duplicate: on a ticket, held, noted or discarded.
create sequence message_ids;
create table messages (
    id                 bigint primary key,
    ticket_id          bigint references tickets (id),
    state              text not null check (state in ('ticketed', 'held', 'noted', 'discarded')),
    direction          text not null default 'in' check (direction in ('in', 'out')),
    kind               text not null,
    channel            text not null,
    account            text not null,
    scope              text not null,
    delivery_key       bytea not null,
    fingerprint        bytea,
    own_digest         bytea,                      -- sha256 of its own normalized id
    sender_key         bytea not null,
    sender_address     text not null,
    sender_name        text not null default '',
    subject            text not null default '',
    body_text          text not null default '',
    body_html          text,
    automatic          text not null default 'no',
    verdict            text not null default 'none',
    received_at        timestamptz not null,
    sent_at            timestamptz,
    normalizer_version int not null,
    raw_sha256         bytea not null,
    raw_size           bigint not null,
    details            jsonb not null,             -- the rest of InboundMessage: only what is not the default
    decision           jsonb not null,             -- rule, evidence, rejected candidates
    partition          int,
    "offset"           bigint,
    stored_at          timestamptz not null default now(),
    check ((state = 'ticketed') = (ticket_id is not null))
);
create index messages_ticket on messages (ticket_id, received_at, id) where ticket_id is not null;
-- The ledger counts from this index alone, and finds offsets without a row in it.
create index messages_place on messages (partition, "offset") include (account, state) where direction = 'in';

-- Identity of every delivery ever taken; outlives erased messages as their tombstone.
create table delivery_keys (
    key        bytea primary key,
    message_id bigint,
    erased_at  timestamptz,                        -- the message is gone on purpose; the next three tell the ledger of whom
    account    text,
    partition  int,
    "offset"   bigint,
    check (erased_at is null or account is not null)
);
create index delivery_keys_erased on delivery_keys (partition, "offset") where erased_at is not null;

-- Records that were a message we already had: the same delivery again, a copy with another body, another account of the scope.
create table duplicates (
    id                  bigint primary key,        -- from message_ids: a number is used once, for either
    delivery_key        bytea not null,
    original_message_id bigint,
    kind                text not null check (kind in ('duplicate', 'copy', 'also_received')),
    account             text not null,
    raw_sha256          bytea not null,
    raw_size            bigint not null,
    received_at         timestamptz not null,
    partition           int,
    "offset"            bigint
);
create index duplicates_original on duplicates (original_message_id);

-- Every id ever seen in a scope. The row is the lock: claim it before deciding about any message that carries the id.
create table thread_ids (
    scope            text not null,
    digest           bytea not null,
    known_message_id bigint,                       -- the message whose own id this is
    reused           boolean not null default false, -- another message came with the same id: it proposes nothing
    primary key (scope, digest)
) with (fillfactor = 80);                          -- rows are locked and updated once in place

-- Who quoted an id in a message that stands on a ticket: the first such message of every sender.
create table quoted_ids (
    scope       text not null,
    digest      bytea not null,
    address_key bytea not null,
    message_id  bigint not null,
    primary key (scope, digest, address_key)
);

-- Ids quoted by messages that are still held, so that an original can release them.
create table held_ids (
    scope      text not null,
    digest     bytea not null,
    message_id bigint not null,
    primary key (scope, digest, message_id)
);
create index held_ids_message on held_ids (message_id);

create table spool (
    message_id  bigint primary key references messages (id),
    reason      text not null,
    explanation text not null,
    suggestions jsonb not null default '[]',
    held_at     timestamptz not null
);
create index spool_age on spool (held_at, message_id);

create table dead_letters (
    id           bigint generated always as identity primary key,
    topic        text not null,
    partition    int not null,
    "offset"     bigint not null,
    log_identity text not null default '',         -- which log the offset counts in
    key          bytea not null,
    value        bytea not null,
    headers      jsonb not null default '[]',      -- pairs of name and base64 of the value
    account      text not null default '',
    reason       text not null,                    -- class of the failure and what to do; never message text
    sqlstate     text not null default '',
    state        text not null default 'open' check (state in ('open', 'dropped')),
    died_at      timestamptz not null default now(),
    unique (log_identity, topic, partition, "offset")
);

create table outbox (
    id           uuid primary key default gen_random_uuid(),
    position     bigint generated always as identity,
    ticket_id    bigint not null,
    shard        smallint not null,
    sequence     bigint not null,                  -- the ticket's version
    type         text not null,
    event        text not null,                    -- the CloudEvent as it goes out
    created_at   timestamptz not null default now(),
    published_at timestamptz,
    unique (ticket_id, sequence)
);
create index outbox_unpublished on outbox (shard, position) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;

-- Wakes relays when a transaction with new events commits; a hint only, they look every second too.
create function outbox_wake() returns trigger language plpgsql as $$
begin
    notify switchboard_outbox;
    return null;
end $$;
create trigger outbox_wake after insert on outbox for each statement execute function outbox_wake();

-- Which rows name a blob, so that collection knows what it may take.
create table blob_refs (
    sha256     bytea not null,
    owner_kind text not null,                      -- message, duplicate, dead_letter
    owner_id   bigint not null,
    primary key (sha256, owner_kind, owner_id)
);
create index blob_refs_owner on blob_refs (owner_kind, owner_id);

-- What we did not accept, counted where it happens (ledger: "refused" stands beside the balance).
create table refusals (
    day     date not null,
    account text not null,
    reason  text not null,
    count   bigint not null default 0,
    primary key (day, account, reason)
);
