-- The way back to conversations: pieces of what we send, paces, conversations that moved.

-- Which queue a send stands in: mail as a whole, every other account by itself. `chat` is the platform's chat id.
alter table sends add column chat text not null default '';
alter table sends
    add column lane text not null
        generated always as (case when chat = '' then channel else channel || ':' || account end) stored;
drop index sends_due;
create index sends_due on sends (lane, due_at, message_id) where state = 'queued';
create index sends_chat on sends (account, chat, created_at, message_id) where state = 'queued' and chat <> '';

-- What of a message of ours the platform has: a row a call. Rows are there before the first try; `trying` stays behind
-- when we died in the middle of a call. `echo` is our name for the part at the platform, where it takes one.
create table send_parts (
    message_id  bigint not null references sends (message_id),
    part        int not null,
    state       text not null default 'waiting' check (state in ('waiting', 'trying', 'sent', 'unsure', 'failed')),
    echo        text not null default '',
    platform_id text not null default '',
    problem     text not null default '',              -- why it is not sent (yet), for people
    tries       int not null default 0,
    tried_at    timestamptz,
    done_at     timestamptz,
    primary key (message_id, part)
);
create index send_parts_echo on send_parts (echo) where echo <> '';

-- When an account, or one conversation of it, may be sent to again; shared by all processes. `chat` '' is the account.
create table send_paces (
    account    text not null,
    chat       text not null,
    free_at    timestamptz not null,
    told_until timestamptz,                            -- until when the platform itself told us to wait
    primary key (account, chat)
);
create index send_paces_told on send_paces (account, told_until) where told_until is not null;

-- Conversations that a platform moved to another id.
create table chat_moves (
    account  text not null,
    chat     text not null,
    moved_to text not null check (moved_to <> chat),
    moved_at timestamptz not null,
    primary key (account, chat)
);
create index chat_moves_to on chat_moves (account, moved_to);

-- Files that lie at a platform and shall be fetched. `message_id` is the message whose raw names the file; the same file
-- may stand on another message too (an album's first part, an edited one). `sha256` stays, so that nothing is fetched twice.
create table media_fetches (
    message_id  bigint not null references messages (id),
    platform_id text not null,
    account     text not null,
    state       text not null default 'due' check (state in ('due', 'stored', 'refused', 'failed')),
    attempts    int not null default 0,
    due_at      timestamptz not null,
    created_at  timestamptz not null,
    done_at     timestamptz,
    sha256      bytea,
    size        bigint,
    problem     text not null default '',              -- why it is not here (yet), for people
    primary key (message_id, platform_id)
);
create index media_fetches_due on media_fetches (account, due_at, message_id, platform_id) where state = 'due';
