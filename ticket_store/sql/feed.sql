-- name: add_events!
-- Numbers new events without gaps, in their order.
with given as materialized (
    select * from unnest(:ids::uuid[], :tickets::text[], :accounts::text[], :types::text[], :events::text[])
        with ordinality as e (event_id, ticket, account, type, event, place)
), locked as materialized (
    select position from api_feed for update
), fresh as materialized (
    select given.*, row_number() over (order by place) as step from given, locked
    where not exists (select from api_events where api_events.event_id = given.event_id)
), moved as (
    update api_feed set position = position + (select count(*) from fresh)
)
insert into api_events (position, event_id, ticket, account, type, event, fed_at)
select locked.position + fresh.step, event_id, ticket, account, type, event, :now from fresh, locked;

-- name: lock_feed!
-- Lets one feeder at a time number events; a statement of its own, so that the next one sees what the last feeder stored.
select position from api_feed for update;

-- name: events_after
-- Gives the events after a position.
select position, type, event from api_events
where position > :position
order by position
limit :limit;

-- name: events_of_accounts
-- Gives the events of some accounts after a position, each account by its own index.
select event.position, event.type, event.event
from (select distinct account from unnest((:accounts)::text[]) as given (account)) as mine
cross join lateral (
    select position, type, event from api_events
    where account = mine.account and position > :position
    order by position
    limit :limit
) as event
order by event.position
limit :limit;

-- name: feed_ends
-- Gives the oldest position that is kept and the newest one.
select coalesce((select min(position) from api_events), position + 1) as oldest, position as newest from api_feed;

-- name: feed_start
-- Gives the newest position, and the newest one that was forgotten of what these accounts may see.
select feed.position as newest, coalesce((
    select max(gone.position) from api_events_gone as gone
    where (:accounts)::text[] is null or gone.account = '' or gone.account = any((:accounts)::text[])
), 0) as gone
from api_feed as feed;

-- name: purge_events!
-- Forgets events that no reader waits for any more, and notes up to where.
with gone as (
    delete from api_events where fed_at < :before returning account, position
)
insert into api_events_gone (account, position)
select account, max(position) from gone group by account order by account
on conflict (account) do update set position = greatest(api_events_gone.position, excluded.position);
