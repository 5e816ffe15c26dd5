-- name: claim_shards
-- Locks free shards with unpublished events until the transaction ends, those that wait longest first.
with due as materialized (
    select shard.shard, oldest.position
    from generate_series(0, :last) as shard (shard)
    cross join lateral (
        select position from outbox
        where outbox.shard = shard.shard and published_at is null and ticket_id <> all ((:excluding)::bigint[])
        order by position
        limit 1
    ) as oldest
    order by oldest.position
)
select shard from due where pg_try_advisory_xact_lock(760321, shard) limit :limit;

-- name: read_unpublished
-- Gives the oldest unpublished events of each shard.
select event.id, event.ticket_id, tickets.number, event.event
from unnest((:shards)::smallint[]) as shard (shard)
cross join lateral (
    select id, ticket_id, event, position, sequence from outbox
    where outbox.shard = shard.shard and published_at is null and ticket_id <> all ((:excluding)::bigint[])
    order by position
    limit :limit
) as event
join tickets on tickets.id = event.ticket_id
order by event.ticket_id, event.sequence;

-- name: mark_published!
-- Notes that these events are stored on the topic.
update outbox set published_at = clock_timestamp() where id = any (:ids) and published_at is null;

-- name: purge!
-- Removes the oldest events published before a moment.
delete from outbox where id in (
    select id from outbox where published_at < :before order by published_at limit :limit for update skip locked
);

-- name: listen!
-- Asks to be told when a transaction with new events commits.
listen switchboard_outbox;
