-- name: backlog
-- Counts what waits: held messages, open dead letters, unpublished events; with the time of the oldest.
select
    (select count(*) from spool) as held,
    (select min(held_at) from spool) as oldest_held_at,
    (select count(*) from spool where held_at < :overdue_before) as overdue,
    coalesce((select jsonb_object_agg(reason, messages) from (
        select reason, count(*) as messages from spool group by reason
    ) counted), '{}') as held_by_reason,
    (select count(*) from dead_letters where state = 'open') as dead_letters,
    (select count(*) from outbox where published_at is null) as unpublished,
    (select min(created_at) from outbox where published_at is null) as oldest_unpublished_at;
