-- name: list_dead_letters
-- Gives a page of dead letters, oldest first, of those that fit every filter given.
select
    id, account, reason, sqlstate, state, topic, partition, "offset",
    octet_length(key) + octet_length(value) as size, died_at
from dead_letters
where ((:state)::text is null or state = :state)
    and ((:account)::text is null or account = :account)
    and ((:id)::bigint is null or id = :id)
    and ((:after_id)::bigint is null or id > :after_id)
order by id
limit :limit;

-- name: record
-- Gives the record of one dead letter.
select key, value, headers from dead_letters where id = :id;

-- name: drop_dead_letter!
-- Gives up one open dead letter.
update dead_letters set state = 'dropped' where id = :id and state = 'open';
