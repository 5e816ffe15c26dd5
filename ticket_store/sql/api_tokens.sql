-- name: add_token
-- Makes a token.
insert into api_tokens (prefix, digest, name, scopes, accounts, created_at, expires_at)
values (:prefix, :digest, :name, :scopes, :accounts, :now, :expires_at)
returning id, prefix, digest, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at;

-- name: find_token
-- Gives the token with this public part.
select id, prefix, digest, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at
from api_tokens
where prefix = :prefix;

-- name: list_tokens
-- Gives all tokens, the oldest first.
select id, prefix, digest, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at
from api_tokens
order by id;

-- name: revoke_token
-- Ends a token, unless it has ended before.
update api_tokens set revoked_at = coalesce(revoked_at, :now)
where prefix = :prefix
returning id, prefix, digest, name, scopes, accounts, created_at, expires_at, revoked_at, last_used_at;

-- name: token_used!
-- Notes that a token was used, at most once a minute.
update api_tokens set last_used_at = :now
where id = :id and (last_used_at is null or last_used_at < (:now)::timestamptz - interval '1 minute');
