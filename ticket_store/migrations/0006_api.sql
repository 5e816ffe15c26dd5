-- The HTTP API: tokens, requests that may come twice, uploaded files, the feed of events, webhooks.

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
create function api_events_wake() returns trigger language plpgsql as $$
begin
    notify switchboard_events;
    return null;
end $$;
create trigger api_events_wake after insert on api_events for each statement execute function api_events_wake();

-- Where events are sent. `secrets` is a list of {secret, until}: all that are not over sign, so that they can be rotated.
create table webhook_endpoints (
    id            bigint generated always as identity primary key,
    token_id      bigint references api_tokens (id),   -- who made it; null: an operator
    name          text not null,
    url           text not null,
    secrets       jsonb not null,
    types         text[],                              -- null: every type of event
    accounts      text[],                              -- null: every account
    state         text not null default 'enabled' check (state in ('enabled', 'disabled')),
    problem       text not null default '',            -- why it is disabled, or what the last attempt met
    failures      int not null default 0,              -- attempts in a row that failed
    failing_since timestamptz,
    quiet_until   timestamptz not null default '-infinity',
    created_at    timestamptz not null,
    removed_at    timestamptz
);

-- One event for one endpoint. An endpoint gets a ticket's events in their order: the later waits for the earlier.
create table webhook_deliveries (
    id          bigint generated always as identity primary key,
    endpoint_id bigint not null references webhook_endpoints (id),
    event_id    uuid not null,
    ticket      text not null,
    type        text not null,
    event       text not null,
    state       text not null default 'queued' check (state in ('queued', 'delivered', 'failed')),
    attempts    int not null default 0,
    due_at      timestamptz not null,
    created_at  timestamptz not null,
    done_at     timestamptz,
    unique (endpoint_id, event_id)
);
create index webhook_deliveries_due on webhook_deliveries (due_at, id) where state = 'queued';
create index webhook_deliveries_order on webhook_deliveries (endpoint_id, ticket, id) where state = 'queued';
create index webhook_deliveries_age on webhook_deliveries (created_at) where state <> 'queued';
create table webhook_attempts (
    id          bigint generated always as identity primary key,
    delivery_id bigint not null references webhook_deliveries (id) on delete cascade,
    at          timestamptz not null,
    status      int,                                   -- null: no answer came
    problem     text not null default '',
    took_ms     int not null
);
create index webhook_attempts_delivery on webhook_attempts (delivery_id, id);
