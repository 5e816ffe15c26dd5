-- name: write_link!
-- Keeps a new link.
insert into web_links (id, account, label, organisation, installation, created_at, expires_at)
values (:id, :account, :label, :organisation, :installation, :created_at, :expires_at);

-- name: read_link
-- Gives one link of an account, revoked and expired ones, too.
select id, account, label, organisation, installation, created_at, expires_at, revoked_at
from web_links where account = :account and id = :id;

-- name: read_links
-- Lists links, of one account or of all, the oldest first.
select id, account, label, organisation, installation, created_at, expires_at, revoked_at
from web_links where (:account)::text is null or account = :account order by created_at, id;

-- name: revoke_link!
-- Ends a link from now on; the first time counts.
update web_links set revoked_at = :now where id = :id and revoked_at is null;
