-- name: unnamed
-- Gives those of some blobs that no row names.
select asked.sha256
from unnest((:digests)::bytea[]) as asked (sha256)
where not exists (select from blob_refs where blob_refs.sha256 = asked.sha256);
