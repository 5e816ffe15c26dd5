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
-- Gives the events after a position that may be seen.
select position, type, event from api_events
where position > :position and ((:accounts)::text[] is null or account = any((:accounts)::text[]))
order by position
limit :limit;

-- name: feed_ends
-- Gives the oldest position that is kept and the newest one.
select coalesce((select min(position) from api_events), position + 1) as oldest, position as newest from api_feed;

-- name: purge_events!
-- Forgets events that no reader waits for any more.
delete from api_events where fed_at < :before;
