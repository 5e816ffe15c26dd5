-- name: ask_fetches
-- Let files that lie at a platform be fetched; those of a message that was parsed again are brought again.
insert into media_fetches (message_id, platform_id, account, due_at, created_at)
select c.message_id, c.platform_id, c.account, c.due_at, c.due_at
from unnest(:message_ids::bigint[], :platform_ids::text[], :accounts::text[], :due_ats::timestamptz[])
    as c (message_id, platform_id, account, due_at)
order by c.message_id, c.platform_id
on conflict (message_id, platform_id) do update set state = 'due', due_at = excluded.due_at
where media_fetches.state <> 'due';

-- name: claim_fetches
-- Take files to be fetched of each account, the longest due first, under a lease.
with due as materialized (
    select d.message_id, d.platform_id
    from unnest(:accounts::text[], :limits::int[]) as a (account, most)
    cross join lateral (
        select f.message_id, f.platform_id
        from media_fetches f
        where f.state = 'due' and f.account = a.account and f.due_at <= :now
        order by f.due_at, f.message_id, f.platform_id
        limit a.most
        for update of f skip locked
    ) d
), taken as (
    update media_fetches f
    set due_at = :until, attempts = f.attempts + 1
    from due
    where f.message_id = due.message_id and f.platform_id = due.platform_id
    returning f.*
)
select t.message_id, t.platform_id, t.account, t.attempts, t.created_at, encode(t.sha256, 'hex'), t.size,
       encode(m.raw_sha256, 'hex')
from taken t
join messages m on m.id = t.message_id
order by t.created_at, t.message_id, t.platform_id;

-- name: fetch_later!
-- Let a file be fetched again then; one that is over is left alone.
update media_fetches set due_at = :due_at, problem = :problem
where message_id = :message_id and platform_id = :platform_id and attempts = :attempt and state = 'due';

-- name: settle_fetch
-- Say what became of a file, as long as the claim is ours.
update media_fetches
set state = :state, done_at = :now, problem = :problem, sha256 = :sha256, size = :size
where message_id = :message_id and platform_id = :platform_id and attempts = :attempt and state = 'due'
returning message_id;

-- name: fetch_targets
-- On which messages a file of this one stands: itself, the album's first part, what its edit changed.
select t.id, t.ticket_id
from messages m
cross join lateral (
    select id, ticket_id from messages where id = m.id
    union
    select id, ticket_id from messages where id = m.part_of
    union
    select known.id, known.ticket_id
    from thread_ids i
    join messages known on known.id = coalesce((select part_of from messages where id = i.known_message_id), i.known_message_id)
    where m.kind = 'edit' and i.scope = m.scope
      and i.digest = decode(m.details #>> '{thread,in_reply_to,0,digest}', 'hex')
) t
where m.id = :message_id
order by t.id;

-- name: name_blob
-- Keep a blob for a message.
insert into blob_refs (sha256, owner_kind, owner_id)
select :sha256, 'message', c.id from unnest(:message_ids::bigint[]) as c (id)
on conflict do nothing;

-- name: call_notice
-- Let somebody be told of a file that was refused after the message had come, once for a message.
insert into notices (message_id, ticket_id, account, channel, reason, address, address_key, created_at)
values (:message_id, :ticket_id, :account, :channel, :reason, :address, :address_key, :created_at)
on conflict (message_id, reason) do nothing;

-- name: fetches_waiting
-- How many files wait to be fetched, and since when the longest one does, by account.
select account, count(*)::int, min(created_at) from media_fetches where state = 'due' group by account;
