-- name: insert_conversations
-- Make sure that every conversation of a batch has a row, in sorted order, before any is locked.
insert into conversations (digest, scope, channel, account)
select c.digest, c.scope, c.channel, c.account
from unnest(:digests::bytea[], :scopes::text[], :channels::text[], :accounts::text[])
    as c (digest, scope, channel, account)
order by c.digest
on conflict do nothing;

-- name: lock_conversations
-- Lock the conversations of a batch in sorted order, and say where each stands.
select t.digest, t.person_key, t.is_group, t.ticket_id, t.wrong_proofs, t.wrong_since
from unnest(:digests::bytea[]) as c (digest)
join conversations t on t.digest = c.digest
order by t.digest
for update of t;

-- name: change_conversations
-- Say where locked conversations stand now.
update conversations t
set person_key = c.person_key, is_group = c.is_group, ticket_id = c.ticket_id, wrong_proofs = c.wrong_proofs,
    wrong_since = c.wrong_since
from unnest(:digests::bytea[], :person_keys::bytea[], :is_groups::boolean[], :ticket_ids::bigint[],
            :wrong_proofs::int[], :wrong_sinces::timestamptz[])
    as c (digest, person_key, is_group, ticket_id, wrong_proofs, wrong_since)
where t.digest = c.digest;
