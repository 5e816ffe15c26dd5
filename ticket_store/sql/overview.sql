-- name: tickets_by_status
-- Counts tickets by status.
select status, count(*) from tickets group by status order by status;

-- name: held_by_reason
-- Counts held messages by reason.
select reason, count(*) from spool group by reason order by reason;

-- name: waiting
-- Gives what waits and since when.
select
    oldest.held_at as oldest_held_at,
    (extract(epoch from (:now)::timestamptz - oldest.held_at))::float as oldest_held_seconds,
    (select count(*) from spool where held_at < :overdue_before) as overdue,
    (select count(*) from dead_letters where state = 'open') as dead_letters,
    pending.unpublished,
    (extract(epoch from (:now)::timestamptz - pending.oldest_at))::float as oldest_unpublished_seconds,
    sending.queued as sends_queued,
    (extract(epoch from (:now)::timestamptz - sending.oldest_at))::float as oldest_send_seconds
from (select min(held_at) as held_at from spool) as oldest
cross join (
    select count(*) as unpublished, min(created_at) as oldest_at from outbox where published_at is null
) as pending
cross join (select count(*) as queued, min(created_at) as oldest_at from sends where state = 'queued') as sending;
