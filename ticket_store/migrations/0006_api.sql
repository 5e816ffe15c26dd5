-- The HTTP API: tokens, requests that may come twice, uploaded files, the feed of events.

-- Who may ask. The secret itself is nowhere; `prefix` is its public part, `accounts` null means all of them.
create table api_tokens (
    id           bigint generated always as identity primary key,
    prefix       text not null unique,
    digest       bytea not null check (length(digest) = 32),
    name         text not null,
    scopes       text[] not null,
    accounts     text[],
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

-- Requests with an idempotency key. `status` is null while the first one is at work, until `lease_until` at most.
create table api_requests (
    token_id     bigint not null references api_tokens (id),
    key          text not null,
    request_hash bytea not null,
    lease_until  timestamptz not null,
    status       int,
    content_type text not null default '',
    body         bytea not null default '',
    created_at   timestamptz not null,
    primary key (token_id, key)
);
create index api_requests_age on api_requests (created_at);

-- Files that a reply or note may name; the bytes lie in the blob store, which `blob_refs` keeps from being collected.
create sequence api_upload_ids;
create table api_uploads (
    id           bigint primary key default nextval('api_upload_ids'),
    token_id     bigint not null references api_tokens (id),
    name         text not null,
    content_type text not null,
    size         bigint not null,
    sha256       bytea not null,
    created_at   timestamptz not null
);
create index api_uploads_age on api_uploads (created_at);

-- Ticket events as readers of the API get them: taken from the topic, numbered without gaps, each event once.
-- The one row of `api_feed` is the lock that makes the numbers rise in the order of commits.
create table api_feed (
    only_one boolean primary key default true check (only_one),
    position bigint not null
);
insert into api_feed (position) values (0);
create table api_events (
    position bigint primary key,
    event_id uuid not null unique,
    ticket   text not null,
    account  text not null,
    type     text not null,
    event    text not null,
    fed_at   timestamptz not null
);
create index api_events_age on api_events (fed_at);
