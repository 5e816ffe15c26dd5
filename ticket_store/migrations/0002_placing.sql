-- Placing mail: tokens, what we send, merged tickets, the legacy desk, notices.

-- Keys that sign tokens (`schemas/tokens.py`). The newest one that is not retired signs; retired ones are refused.
create table signing_keys (
    id         smallint primary key check (id between 1 and 255),
    secret     bytea not null check (length(secret) = 32),
    created_at timestamptz not null default now(),
    retired_at timestamptz
);

alter table tickets
    add column merged_into_id bigint references tickets (id) check (merged_into_id <> id),
    add column merged_at timestamptz;
-- The latest of many that follow the same ticket.
drop index tickets_open_successors;
create index tickets_open_successors on tickets (continues_id, id) where closed_at is null and continues_id is not null;
create index tickets_merged on tickets (merged_into_id) where merged_into_id is not null;
create index tickets_subject on tickets (scope, md5(subject_base), last_message_at desc);
create index ticket_participants_address on ticket_participants (address_key, ticket_id);

-- A message of ours has no raw bytes until it is sent for the first time.
alter table messages
    alter column raw_sha256 drop not null,
    alter column raw_size drop not null,
    add column author text not null default 'customer' check (author in ('customer', 'agent', 'system')),
    add column visibility text not null default 'public' check (visibility in ('public', 'internal', 'unverified')),
    add column revised_at timestamptz,
    add constraint messages_raw_in check (direction = 'out' or (raw_sha256 is not null and raw_size is not null));
create index messages_held_sender on messages (sender_key) where state = 'held';

-- An operator moved the message: what its sender quoted belongs with it, whoever else's ids these are.
alter table quoted_ids add column taught boolean not null default false;
alter table thread_ids add column taught boolean not null default false;   -- somebody's row in quoted_ids is

-- Later evidence came: somebody shall decide about this held message anew.
alter table spool add column look_again_at timestamptz;
create index spool_look_again on spool (look_again_at, message_id) where look_again_at is not null;

alter table duplicates drop constraint duplicates_kind_check;
alter table duplicates add constraint duplicates_kind_check
    check (kind in ('duplicate', 'copy', 'also_received', 'revision'));

-- What we send, and how far it has come. One row a message; `recipients` is a list of {address, state, code, reason, at}
-- whose states are queued, sent, delayed, delivered, failed, bounced.
create table sends (
    message_id bigint primary key references messages (id),
    ticket_id  bigint references tickets (id),         -- null: no ticket's matter (a held message forwarded)
    account    text not null,
    channel    text not null,
    kind       text not null check (kind in ('reply', 'note', 'notice', 'forward')),
    state      text not null default 'queued' check (state in ('queued', 'sent', 'failed')),
    recipients jsonb not null,
    attempts   int not null default 0,
    due_at     timestamptz not null,
    created_at timestamptz not null,
    sent_at    timestamptz,
    problem    text not null default ''                -- why it is not sent (yet), for people
);
create index sends_due on sends (due_at, message_id) where state = 'queued';
create index sends_ticket on sends (ticket_id, message_id) where state = 'queued';

-- Notices that a message calls for; whoever writes them keeps to the limits.
create table notices (
    id              bigint generated always as identity primary key,
    message_id      bigint not null references messages (id),
    ticket_id       bigint references tickets (id),
    account         text not null,
    channel         text not null,
    reason          text not null check (reason in ('refused_file', 'receipt', 'held')),
    address         text not null,
    address_key     bytea not null,
    state           text not null default 'due' check (state in ('due', 'sent', 'suppressed')),
    why             text not null default '',          -- why it was suppressed
    send_message_id bigint references messages (id),
    created_at      timestamptz not null,
    done_at         timestamptz,
    unique (message_id, reason)
);
create index notices_due on notices (id) where state = 'due';
create index notices_sent on notices (address_key, done_at) where state = 'sent';

-- Tickets of help desks that were used before, and where each goes on.
create table legacy_tickets (
    id                bigint generated always as identity primary key,
    desk              text not null,
    number            text not null,
    requester_key     bytea,
    requester_address text not null default '',
    requester_name    text not null default '',
    subject           text not null default '',
    status            text not null default '',
    opened_at         timestamptz,
    history           jsonb not null default '[]',     -- the last messages: {at, from, text}
    imported_at       timestamptz,                     -- null: only seen in mail
    choice            text check (choice in ('ticket', 'forward')),
    ticket_id         bigint references tickets (id),  -- where it goes on, when the choice is a ticket
    chosen_by         text not null default '',
    chosen_at         timestamptz,
    unique (desk, number),
    check ((choice is not distinct from 'ticket') = (ticket_id is not null))
);
create index legacy_tickets_requester on legacy_tickets (requester_key) where requester_key is not null;
create index legacy_tickets_ticket on legacy_tickets (ticket_id) where ticket_id is not null;

-- Message-IDs of a legacy desk's mails.
create table legacy_ids (
    digest    bytea not null,
    legacy_id bigint not null references legacy_tickets (id),
    primary key (digest, legacy_id)
);
