-- name: add_endpoint
-- Makes an endpoint, unless there are as many as may be.
insert into webhook_endpoints (name, url, accounts, types, token_id, created_at)
select :name, :url, :accounts, :types, (:token_id)::bigint, :now
where (select count(*) from webhook_endpoints) < :most
  and (select count(*) from webhook_endpoints where token_id = (:token_id)::bigint) < :most_of_token
returning id;

-- name: lock_endpoint_list!
-- Lets one endpoint be made at a time.
lock table webhook_endpoints in share row exclusive mode;

-- name: add_secret!
-- Gives an endpoint a secret.
insert into webhook_secrets (endpoint_id, secret, created_at) values (:endpoint_id, :secret, :now);

-- name: retire_secrets!
-- Lets the newest secret sign until a moment, and forgets the others.
with newest as (
    select id from webhook_secrets where endpoint_id = :endpoint_id order by id desc limit 1
), forgotten as (
    delete from webhook_secrets where endpoint_id = :endpoint_id and id not in (select id from newest)
)
update webhook_secrets set retires_at = :retires_at where id in (select id from newest);

-- name: forget_secrets!
-- Forgets secrets that sign no more.
delete from webhook_secrets where retires_at <= :now;

-- name: endpoints
-- Gives endpoints, all or one, that may be seen: those of no other accounts.
select e.id, e.name, e.url, e.accounts, e.types, e.state, e.reason, e.created_at, e.failures, e.failing_since,
       e.succeeded_at, e.not_before, waiting.pending, waiting.oldest as oldest_pending_at,
       (select count(*)::int from webhook_secrets s
        where s.endpoint_id = e.id and coalesce(s.retires_at > :now, true)) as secrets
from webhook_endpoints e
cross join lateral (
    select count(*)::int as pending, min(created_at) as oldest
    from webhook_dispatches d where d.endpoint_id = e.id and d.state = 'pending'
) waiting
where ((:endpoint_id)::bigint is null or e.id = :endpoint_id)
  and ((:seen)::text[] is null or coalesce(e.accounts <@ (:seen)::text[], false))
order by e.id;

-- name: set_state
-- Pauses an endpoint, or lets it go on as if nothing had failed.
update webhook_endpoints
set state = :state, reason = :reason, failures = 0, failing_since = null, not_before = null
where id = :endpoint_id
returning id;

-- name: take_over!
-- Makes an endpoint an operator's.
update webhook_endpoints set token_id = null where id = :endpoint_id;

-- name: remove_endpoint
-- Removes an endpoint with its secrets, what waits for it, and its log.
delete from webhook_endpoints where id = :endpoint_id returning id;

-- name: add_test
-- Lets a test go to an endpoint that is active.
with event as (
    insert into webhook_events (id, type, event, fed_at) values (:event_id, :type, :event, :now) returning id
), added as (
    insert into webhook_dispatches (endpoint_id, event_id, ticket, sequence, created_at)
    select :endpoint_id, id, '', 0, :now from event
    returning id
), track as (
    insert into webhook_tracks (endpoint_id, ticket, due_at) values (:endpoint_id, '', :now)
    on conflict (endpoint_id, ticket) do update set due_at = least(webhook_tracks.due_at, excluded.due_at)
)
select id from added;

-- name: send_again
-- Lets a dispatch that is over go out once more.
with again as (
    update webhook_dispatches set state = 'pending', first_tried_at = null, done_at = null, created_at = :now
    where id = :id and endpoint_id = :endpoint_id and state <> 'pending'
    returning endpoint_id, ticket
), track as (
    insert into webhook_tracks (endpoint_id, ticket, due_at) select endpoint_id, ticket, :now from again
    on conflict (endpoint_id, ticket) do update set due_at = webhook_tracks.due_at
)
select 1 from again;

-- name: send_now!
-- Lets the first try of a track be now, unless somebody has it in hand.
update webhook_tracks l set due_at = :now
from webhook_dispatches d
where d.id = :id and l.endpoint_id = d.endpoint_id and l.ticket = d.ticket and l.owner is null;

-- name: dispatches
-- Gives dispatches of an endpoint, the newest first, with what became of the last try.
select d.id, d.endpoint_id, d.event_id, v.type, d.ticket, d.sequence, d.state, d.attempts, d.created_at, d.done_at,
       case when d.state = 'pending' then last.next_at end as next_at, last.status, coalesce(last.problem, '') as problem
from webhook_dispatches d
join webhook_events v on v.id = d.event_id
left join lateral (
    select a.next_at, a.status, a.problem from webhook_attempts a where a.dispatch_id = d.id order by a.attempt desc limit 1
) last on true
where d.endpoint_id = :endpoint_id
  and ((:id)::bigint is null or d.id = :id)
  and ((:state)::text is null or d.state = :state)
  and ((:before)::bigint is null or d.id < :before)
order by d.id desc
limit :limit;

-- name: attempts
-- Gives the tries of a dispatch in their order.
select attempt, tried_at, took_ms, status, problem, answer, next_at
from webhook_attempts where dispatch_id = :id order by attempt;

-- name: waiting
-- Gives what waits for every endpoint, counted up to a limit, and since when.
select e.id as endpoint_id, e.name, e.state, e.reason, waiting.pending, waiting.oldest_at
from webhook_endpoints e
cross join lateral (
    select count(*)::int as pending, min(first.created_at) as oldest_at
    from (select d.created_at from webhook_dispatches d where d.endpoint_id = e.id and d.state = 'pending'
          order by d.created_at limit :most) first
) waiting
order by e.id;
