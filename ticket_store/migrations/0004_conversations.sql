-- Conversations: chats, their albums and edits, proven links between people, contacts, live chats.

-- A chat at a platform. The row is the lock: nobody decides about a message of a conversation without it.
create table conversations (
    digest       bytea primary key,                    -- sha256 of <channel>:<account>:<chat id>
    scope        text not null,
    channel      text not null,
    account      text not null,
    person_key   bytea,                                -- whose chat it is; null: a group, or nobody proven has written yet
    is_group     boolean not null default false,
    ticket_id    bigint references tickets (id),       -- where the next message goes, if nothing bars it
    wrong_proofs int not null default 0,               -- since `wrong_since`: too many, and none is looked at
    wrong_since  timestamptz
) with (fillfactor = 80);
create index conversations_ticket on conversations (ticket_id) where ticket_id is not null;

alter table messages
    add column conversation bytea,                     -- digest of the chat in which it was written
    add column part_of bigint;                         -- the message with which it is one: an album's first part
create index messages_parts on messages (part_of) where part_of is not null;

-- What a message said before it was changed, and the files that it had. `said_until` is when it stopped to.
create table earlier_texts (
    id         bigint generated always as identity primary key,
    message_id bigint not null references messages (id),
    said_until timestamptz not null,
    body_text  text not null,
    body_html  text,
    files      jsonb not null default '[]'
);
create index earlier_texts_message on earlier_texts (message_id, said_until, id);

-- Whether a conversation may be written to, told by its platform. The address is the chat's id there.
create table contacts (
    account     text not null,
    address_key bytea not null,
    channel     text not null,
    address     text not null,
    state       text not null,                         -- joined, left, blocked, unblocked, subscribed, unsubscribed, denied, allowed, gone
    since       timestamptz not null,
    primary key (account, address_key)
);

-- A chat that somebody waits in. `live_until` is when it becomes a ticket like others, unless an agent answers.
alter table tickets
    add column conversation bytea,                     -- the chat in which it was opened; null: by mail, or by a person
    add column live boolean not null default false,
    add column live_until timestamptz;
create index tickets_live on tickets (live_until) where live and live_until is not null;

-- Proofs that we gave out: whoever brings one is the requester of that ticket. Kept as digests alone.
create table identity_proofs (
    digest       bytea primary key,
    ticket_id    bigint not null references tickets (id),
    scope        text not null,
    channel      text not null,                        -- where it may be brought
    made_by      text not null,
    made_at      timestamptz not null,
    expires_at   timestamptz not null,
    twin         bytea not null,                       -- one invitation's link and code: one use takes both
    used_at      timestamptz,
    conversation bytea
);
create index identity_proofs_ticket on identity_proofs (ticket_id);
create index identity_proofs_twin on identity_proofs (twin);

-- Who was proven to be a ticket's requester on another channel.
create table identity_links (
    id            bigint generated always as identity primary key,
    ticket_id     bigint not null references tickets (id),
    requester_key bytea not null,
    person_key    bytea not null,
    channel       text not null,
    account       text not null,
    address       text not null,
    name          text not null default '',
    conversation  bytea not null,
    message_id    bigint not null,                     -- the message that brought the proof
    made_by       text not null,                       -- who gave the proof out
    linked_at     timestamptz not null,
    undone_at     timestamptz,
    undone_by     text not null default ''
);
create index identity_links_ticket on identity_links (ticket_id);

-- Receipts about messages whose ids the platform has not told us yet: its receipt overtook its answer.
create table early_receipts (
    scope   text not null,
    digest  bytea not null,
    state   text not null,                             -- delivered, seen, failed
    reason  text not null default '',
    said_at timestamptz not null,
    kept_at timestamptz not null,
    primary key (scope, digest)
);
create index early_receipts_age on early_receipts (kept_at);
