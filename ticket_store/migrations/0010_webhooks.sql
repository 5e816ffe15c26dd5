-- Ticket events as webhooks: who gets them, what waits for whom, and what became of every try.
-- Order of locks: endpoints, tracks (by endpoint and ticket), dispatches.

-- Who gets events. `accounts` and `types` null mean all of them.
create table webhook_endpoints (
    id            bigint generated always as identity primary key,
    name          text not null default '',
    url           text not null,
    accounts      text[],
    types         text[],
    state         text not null default 'active' check (state in ('active', 'paused', 'disabled')),
    reason        text not null default '',        -- why it is not active, for people
    created_at    timestamptz not null,
    failures      int not null default 0,          -- tries in a row that failed
    failing_since timestamptz,
    succeeded_at  timestamptz,
    not_before    timestamptz                      -- nothing is sent before then
) with (fillfactor = 50);                          -- updated by every try

-- What signs; two at a time while receivers change over. Kept as they are, because a signature needs them.
create table webhook_secrets (
    id          bigint generated always as identity primary key,
    endpoint_id bigint not null references webhook_endpoints (id) on delete cascade,
    secret      bytea not null,
    created_at  timestamptz not null,
    retires_at  timestamptz
);
create index webhook_secrets_endpoint on webhook_secrets (endpoint_id, id);

-- Events that anybody gets, once each. `names` are the numbers of other tickets in it.
create table webhook_events (
    id     uuid primary key,
    type   text not null,
    names  text[] not null default '{}',
    event  text not null,
    fed_at timestamptz not null
);
create index webhook_events_age on webhook_events (fed_at);

-- One event for one endpoint. `ticket` is empty for a test.
create table webhook_dispatches (
    id             bigint generated always as identity primary key,
    endpoint_id    bigint not null references webhook_endpoints (id) on delete cascade,
    event_id       uuid not null references webhook_events (id),
    ticket         text not null,
    sequence       bigint not null,                -- the ticket's version: the order in which they go out
    state          text not null default 'pending' check (state in ('pending', 'delivered', 'failed', 'expired')),
    attempts       int not null default 0,
    created_at     timestamptz not null,
    first_tried_at timestamptz,
    done_at        timestamptz,
    unique (endpoint_id, event_id)
) with (fillfactor = 80);
create index webhook_dispatches_pending on webhook_dispatches (endpoint_id, ticket, sequence, id) where state = 'pending';
create index webhook_dispatches_waiting on webhook_dispatches (created_at) where state = 'pending';
create index webhook_dispatches_done on webhook_dispatches (done_at) where state <> 'pending';
create index webhook_dispatches_event on webhook_dispatches (event_id);
create index webhook_dispatches_log on webhook_dispatches (endpoint_id, id);

-- A ticket's events for one endpoint that are still to go out, one after another. `owner` has it until `due_at`.
create table webhook_tracks (
    endpoint_id bigint not null references webhook_endpoints (id) on delete cascade,
    ticket      text not null,
    due_at      timestamptz not null,
    owner       uuid,
    primary key (endpoint_id, ticket)
) with (fillfactor = 50);
create index webhook_tracks_due on webhook_tracks (endpoint_id, due_at);

-- What became of every try. `status` null: no answer came.
create table webhook_attempts (
    dispatch_id bigint not null references webhook_dispatches (id) on delete cascade,
    attempt     int not null,
    tried_at    timestamptz not null,
    took_ms     int not null,
    status      int,
    problem     text not null default '',
    answer      text not null default '',          -- how the answer's body begins
    next_at     timestamptz,
    primary key (dispatch_id, attempt)
);
