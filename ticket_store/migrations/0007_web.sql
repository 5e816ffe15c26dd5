-- Dialogues on pages of ours: what we said in them, in the order in which it reaches the page; links to forms.

-- One dialogue. The row is the lock: lines get their numbers under it, so that a reader who has seen a number has seen
-- all before it.
create table web_dialogues (
    digest    bytea primary key,                       -- sha256 of <channel>:<account>:<chat id>
    last_line bigint not null default 0
) with (fillfactor = 80);

-- What we said in a dialogue.
create table web_lines (
    digest  bytea not null references web_dialogues (digest),
    line    bigint not null,
    echo    text not null,                             -- our name of the piece; the same again is the same line
    body    text not null,
    files   jsonb not null default '[]',               -- {name, content_type, size, sha256}
    said_at timestamptz not null,
    primary key (digest, line),
    unique (digest, echo)
);

-- Links to forms, as a portal gives them out.
create table web_links (
    id           text primary key,
    account      text not null,
    label        text not null default '',             -- for operators: where it stands
    organisation text not null default '',             -- empty: a generic organisation
    installation text not null default '',             -- serial number
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
create index web_links_account on web_links (account, created_at);

-- What was said in a conversation, for the page on which it stands. Mail has none, and pays nothing.
create index messages_conversation on messages (conversation, id) where conversation is not null;
