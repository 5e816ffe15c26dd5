-- name: begin_request
-- Claims a key for a request, or takes over one whose worker is gone.
insert into api_requests (token_id, key, request_hash, lease_until, created_at)
values (:token_id, :key, :request_hash, :lease_until, :now)
on conflict (token_id, key) do update set lease_until = excluded.lease_until
where api_requests.status is null and api_requests.lease_until < :now
    and api_requests.request_hash = excluded.request_hash
returning key;

-- name: read_request
-- Gives the request that has a key.
select request_hash, status, content_type, body from api_requests where token_id = :token_id and key = :key;

-- name: finish_request!
-- Keeps the first answer.
update api_requests set status = :status, content_type = :content_type, body = :body
where token_id = :token_id and key = :key and status is null;

-- name: drop_request!
-- Frees a key whose request came to nothing.
delete from api_requests where token_id = :token_id and key = :key and status is null;

-- name: purge_requests!
-- Forgets old keys.
delete from api_requests where created_at < :before;

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

-- name: read_uploads
-- Gives a token's own uploads.
select id, name, content_type, size, encode(sha256, 'hex') as sha256 from api_uploads
where token_id = :token_id and id = any(:ids::bigint[]);

-- name: purge_uploads!
-- Lets go of old uploads; what a message names keeps its own hold on the bytes.
with gone as (delete from api_uploads where created_at < :before returning id)
delete from blob_refs using gone where owner_kind = 'upload' and owner_id = gone.id;
