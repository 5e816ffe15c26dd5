-- name: begin_request
-- Claims a key for a request, or takes over one whose worker is gone; whoever had it before has it no more.
insert into api_requests (token_id, key, request_hash, lease_until, owner, created_at)
values (:token_id, :key, :request_hash, :lease_until, :owner, :now)
on conflict (token_id, key) do update set lease_until = excluded.lease_until, owner = excluded.owner
where api_requests.status is null and api_requests.lease_until < :now
    and api_requests.request_hash = excluded.request_hash
returning key;

-- name: read_request
-- Gives the request that has a key.
select request_hash, status, content_type, body from api_requests where token_id = :token_id and key = :key;

-- name: finish_request
-- Keeps the answer of whoever has the lease.
update api_requests set status = :status, content_type = :content_type, body = :body
where token_id = :token_id and key = :key and owner = :owner and status is null
returning key;

-- name: drop_request!
-- Frees a key whose request came to nothing, for whoever has the lease.
delete from api_requests where token_id = :token_id and key = :key and owner = :owner and status is null;

-- name: purge_requests!
-- Forgets old keys.
delete from api_requests where created_at < :before;

-- name: lock_uploads
-- Lets one request at a time count a token's uploads.
select id from api_tokens where id = :token_id for no key update;

-- name: waiting_uploads
-- Gives number and bytes of a token's uploads that no message has.
select count(*) as files, coalesce(sum(size), 0)::bigint as size from api_uploads
where token_id = :token_id and used_at is null and created_at >= :since;

-- name: add_upload
-- Notes an uploaded file and keeps its bytes from being collected.
with file as (
    insert into api_uploads (token_id, name, content_type, size, sha256, created_at)
    values (:token_id, :name, :content_type, :size, :sha256, :now)
    returning id, sha256
), kept as (
    insert into blob_refs (sha256, owner_kind, owner_id) select sha256, 'upload', id from file
)
select id from file;

-- name: use_uploads!
-- Notes that a message has these files: they take no room of the token's any more.
update api_uploads set used_at = :now
where token_id = :token_id and id = any(:ids::bigint[]) and used_at is null;

-- name: read_uploads
-- Gives a token's own uploads.
select id, name, content_type, size, encode(sha256, 'hex') as sha256 from api_uploads
where token_id = :token_id and id = any(:ids::bigint[]);

-- name: purge_uploads!
-- Lets go of old uploads; what a message names keeps its own hold on the bytes.
with gone as (delete from api_uploads where created_at < :before returning id)
delete from blob_refs using gone where owner_kind = 'upload' and owner_id = gone.id;
