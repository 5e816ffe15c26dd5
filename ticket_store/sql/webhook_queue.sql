-- name: lock_endpoints
-- Keeps every endpoint from being removed until the transaction ends.
select id from webhook_endpoints order by id for key share;

-- name: add_dispatches!
-- Lets events go to the endpoints that want them: each once, and its track wakes up if it slept.
with given as materialized (
    select * from unnest(:ids::uuid[], :tickets::text[], :accounts::text[], :types::text[], :sequences::bigint[],
                         :moments::timestamptz[], :names::text[], :events::text[])
        with ordinality as g (event_id, ticket, account, type, sequence, happened_at, names, event, place)
), wanted as materialized (
    select e.id as endpoint_id, g.*
    from given g
    join webhook_endpoints e on (e.accounts is null or g.account = any(e.accounts))
        and (e.types is null or g.type = any(e.types))
        and g.happened_at >= e.created_at - interval '5 minutes'
    where e.id = any(:endpoints::bigint[])
), kept as (
    insert into webhook_events (id, type, names, event, fed_at)
    select distinct on (event_id) event_id, type, string_to_array(names, ' '), event, :now from wanted order by event_id
    on conflict (id) do nothing
), added as (
    insert into webhook_dispatches (endpoint_id, event_id, ticket, sequence, created_at)
    select endpoint_id, event_id, ticket, sequence, :now from wanted order by endpoint_id, place
    on conflict (endpoint_id, event_id) do nothing
    returning endpoint_id, ticket
)
insert into webhook_tracks (endpoint_id, ticket, due_at)
select distinct endpoint_id, ticket, (:now)::timestamptz from added order by endpoint_id, ticket
on conflict (endpoint_id, ticket) do update set due_at = webhook_tracks.due_at;

-- name: claim_tracks
-- Takes tracks that are due, some of each endpoint, and gives the first event of each. An endpoint that fails has one place.
with due as materialized (
    select track.endpoint_id, track.ticket
    from webhook_endpoints e
    left join unnest(:busy::bigint[], :places::int[]) as b (endpoint_id, taken) on b.endpoint_id = e.id
    cross join lateral (
        select l.endpoint_id, l.ticket, l.due_at
        from webhook_tracks l
        where l.endpoint_id = e.id and l.due_at <= :now
        order by l.due_at, l.ticket
        limit greatest(0, case when e.failures > 0 then 1 else :most end - coalesce(b.taken, 0))
        for update of l skip locked
    ) track
    where e.state = 'active' and (e.failures > 0) = :failing and coalesce(e.not_before <= :now, true)
      and not exists (select from api_tokens t where t.id = e.token_id and (t.revoked_at is not null or t.expires_at <= :now))
    order by track.due_at
    limit :room
), taken as (
    update webhook_tracks l set due_at = :until, owner = :owner
    from due where l.endpoint_id = due.endpoint_id and l.ticket = due.ticket
    returning l.endpoint_id, l.ticket
), first as materialized (
    select d.id from taken
    cross join lateral (
        select id from webhook_dispatches d
        where d.endpoint_id = taken.endpoint_id and d.ticket = taken.ticket and d.state = 'pending'
        order by d.sequence, d.id
        limit 1
    ) d
), tried as (
    update webhook_dispatches d
    set attempts = d.attempts + 1, first_tried_at = coalesce(d.first_tried_at, :now)
    from first where d.id = first.id
    returning d.*
)
select d.id, d.endpoint_id, d.ticket, d.event_id, v.type, d.attempts as attempt, d.first_tried_at, v.event, e.url,
       array(select s.secret from webhook_secrets s
             where s.endpoint_id = e.id and coalesce(s.retires_at > :now, true) order by s.id desc) as secrets,
       array(select n.number from unnest(v.names) as n (number) left join tickets t on t.number = n.number
             where e.accounts is not null and not coalesce(t.account = any(e.accounts), false)) as hidden
from tried d
join webhook_events v on v.id = d.event_id
join webhook_endpoints e on e.id = d.endpoint_id
order by d.id;

-- name: lock_endpoint
-- Gives how an endpoint does, and keeps it so.
select state, reason, failures, failing_since, succeeded_at, not_before
from webhook_endpoints where id = :endpoint_id for no key update;

-- name: lock_track
-- Gives whether a track is still ours, and keeps it so.
select 1 from webhook_tracks where endpoint_id = :endpoint_id and ticket = :ticket and owner = :owner for update;

-- name: settle_dispatch
-- Says what became of a try, if it is the one that was begun.
update webhook_dispatches set state = :state, done_at = :done_at
where id = :id and attempts = :attempt and state = 'pending'
returning id;

-- name: add_attempt!
-- Writes a try into the log.
insert into webhook_attempts (dispatch_id, attempt, tried_at, took_ms, status, problem, answer, next_at)
values (:id, :attempt, :tried_at, :took_ms, :status, :problem, :answer, :next_at);

-- name: free_track!
-- Lets a track go on then.
update webhook_tracks set due_at = :due_at, owner = null where endpoint_id = :endpoint_id and ticket = :ticket;

-- name: drop_empty_track!
-- Forgets a track, locked before, in which nothing waits.
delete from webhook_tracks l
where l.endpoint_id = :endpoint_id and l.ticket = :ticket
  and not exists (select from webhook_dispatches d
                  where d.endpoint_id = l.endpoint_id and d.ticket = l.ticket and d.state = 'pending');

-- name: set_health!
-- Says how an endpoint does.
update webhook_endpoints
set state = :state, reason = :reason, failures = :failures, failing_since = :failing_since,
    succeeded_at = :succeeded_at, not_before = :not_before
where id = :endpoint_id;

-- name: disable_orphans
-- Disables endpoints whose token has ended.
update webhook_endpoints e
set state = 'disabled',
    reason = 'the token that made it ' || case when t.revoked_at is not null then 'was revoked' else 'has expired' end
             || '; `switchboard webhooks resume ' || e.id || '` takes it over'
from api_tokens t
where t.id = e.token_id and e.state <> 'disabled' and (t.revoked_at is not null or t.expires_at <= :now)
returning e.id, e.reason;

-- name: hurry_tracks!
-- Lets tracks that wait for their next try have it now; those that are locked have it anyway.
update webhook_tracks l set due_at = :now
from (select endpoint_id, ticket from webhook_tracks
      where endpoint_id = :endpoint_id and owner is null and due_at > :now
      order by ticket for update skip locked) waiting
where l.endpoint_id = waiting.endpoint_id and l.ticket = waiting.ticket;

-- name: lock_old_tracks
-- Locks tracks in which events wait that are too old.
select l.endpoint_id, l.ticket from webhook_tracks l
where (l.endpoint_id, l.ticket) in (
    select endpoint_id, ticket from webhook_dispatches where state = 'pending' and created_at < :before
    order by created_at limit :limit
)
order by l.endpoint_id, l.ticket for update;

-- name: expire_dispatches!
-- Gives up events that waited for too long, in tracks that were locked before.
update webhook_dispatches d set state = 'expired', done_at = now()
from unnest(:endpoints::bigint[], :tickets::text[]) as l (endpoint_id, ticket)
where d.endpoint_id = l.endpoint_id and d.ticket = l.ticket and d.state = 'pending' and d.created_at < :before;

-- name: drop_empty_tracks!
-- Forgets tracks, locked before, in which nothing waits any more.
delete from webhook_tracks l
using unnest(:endpoints::bigint[], :tickets::text[]) as g (endpoint_id, ticket)
where l.endpoint_id = g.endpoint_id and l.ticket = g.ticket
  and not exists (select from webhook_dispatches d
                  where d.endpoint_id = l.endpoint_id and d.ticket = l.ticket and d.state = 'pending');

-- name: purge_dispatches!
-- Forgets the oldest dispatches that were over before then.
delete from webhook_dispatches where id in (
    select id from webhook_dispatches where state <> 'pending' and done_at < :before
    order by done_at limit :limit for update skip locked
);

-- name: purge_events!
-- Forgets the oldest events that nobody gets and that no dispatch names.
delete from webhook_events where id in (
    select v.id from webhook_events v
    where v.fed_at < :before and not exists (select from webhook_dispatches d where d.event_id = v.id)
    order by v.fed_at limit :limit for update skip locked
);
