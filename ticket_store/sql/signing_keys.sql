-- name: read_keys
-- Gives every key, the oldest first.
select id, secret, created_at, retired_at from signing_keys order by id;

-- name: first_key!
-- Makes the first key unless somebody else did.
insert into signing_keys (id, secret) values (1, :secret) on conflict do nothing;

-- name: lock_keys!
-- Lets one change of the keys happen at a time.
lock table signing_keys in share row exclusive mode;

-- name: next_key
-- Makes the next key.
insert into signing_keys (id, secret)
select coalesce(max(id), 0) + 1, :secret from signing_keys having coalesce(max(id), 0) < :most
returning id, secret, created_at, retired_at;

-- name: retire_key!
-- Retires a key that is not the newest.
update signing_keys set retired_at = now()
where id = :id and retired_at is null and id < (select max(id) from signing_keys);
