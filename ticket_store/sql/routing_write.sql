-- name: copy_tickets
-- Store new tickets.
copy tickets (id, number, scope, account, channel, subject, subject_base, match_key, requester_key, requester_address,
              requester_name, status, version, message_count, continues_id, created_at, last_message_at, closed_at,
              merged_into_id, live, live_until, conversation)
from stdin (format binary);

-- name: copy_messages
-- Store new messages.
copy messages (id, ticket_id, state, kind, channel, account, scope, delivery_key, fingerprint, own_digest, sender_key,
               sender_address, sender_name, subject, body_text, body_html, automatic, verdict, received_at, sent_at,
               normalizer_version, raw_sha256, raw_size, details, decision, partition, "offset", direction,
               author, visibility, conversation, part_of)
from stdin (format binary);

-- name: copy_held_ids
-- Index the ids that held messages quote.
copy held_ids (scope, digest, message_id) from stdin;

-- name: copy_spool
-- Let messages wait for an operator.
copy spool (message_id, reason, explanation, suggestions, held_at) from stdin;

-- name: copy_duplicates
-- Count records that were messages we already have.
copy duplicates (id, delivery_key, original_message_id, kind, account, raw_sha256, raw_size, received_at, partition,
                 "offset")
from stdin;

-- name: copy_blob_refs
-- Name the blobs of new rows.
copy blob_refs (sha256, owner_kind, owner_id) from stdin (format binary);

-- name: copy_sends
-- Queue messages of ours to be sent.
copy sends (message_id, ticket_id, account, channel, kind, recipients, due_at, created_at, chat) from stdin;

-- name: copy_notices
-- Note whom messages call to be told something; limits are kept by whoever sends it.
copy notices (message_id, ticket_id, account, channel, reason, address, address_key, created_at) from stdin;

-- name: copy_outbox
-- Queue events.
copy outbox (id, ticket_id, shard, sequence, type, event) from stdin (format binary);

-- name: copy_participants
-- Store who takes part; every row is new, under its ticket's lock.
copy ticket_participants (ticket_id, address_key, address, role) from stdin (format binary);

-- name: change_tickets
-- Raise versions and counts of locked tickets.
update tickets t
set status = c.status, version = c.version, message_count = c.message_count, last_message_at = c.last_message_at,
    closed_at = c.closed_at, live = c.live, live_until = c.live_until
from unnest(:ids::bigint[], :statuses::text[], :versions::bigint[], :message_counts::int[],
            :last_message_ats::timestamptz[], :closed_ats::timestamptz[], :lives::boolean[],
            :live_untils::timestamptz[])
    as c (id, status, version, message_count, last_message_at, closed_at, live, live_until)
where t.id = c.id;

-- name: own_ids
-- Say whose locked ids these are now.
update thread_ids t
set known_message_id = c.known_message_id, reused = c.reused
from unnest(:scopes::text[], :digests::bytea[], :known_message_ids::bigint[], :reuseds::boolean[])
    as c (scope, digest, known_message_id, reused)
where t.scope = c.scope and t.digest = c.digest;

-- name: take_own_ids
-- Make ids that we have just issued known; nobody can have locked them before us.
insert into thread_ids (scope, digest, known_message_id, reused)
select c.scope, c.digest, c.known_message_id, c.reused
from unnest(:scopes::text[], :digests::bytea[], :known_message_ids::bigint[], :reuseds::boolean[])
    as c (scope, digest, known_message_id, reused)
order by c.scope, c.digest
on conflict (scope, digest) do update set known_message_id = excluded.known_message_id
where thread_ids.known_message_id is null;

-- name: index_quoted
-- Index quoted ids under their locks.
insert into quoted_ids (scope, digest, address_key, message_id)
select * from unnest(:scopes::text[], :digests::bytea[], :address_keys::bytea[], :message_ids::bigint[])
on conflict do nothing;

-- name: teach_quoted
-- Let ids lead their sender to where an operator put its message, whoever else's ids they are.
with taught as (
    insert into quoted_ids (scope, digest, address_key, message_id, taught)
    select c.scope, c.digest, c.address_key, c.message_id, true
    from unnest(:scopes::text[], :digests::bytea[], :address_keys::bytea[], :message_ids::bigint[])
        as c (scope, digest, address_key, message_id)
    on conflict (scope, digest, address_key) do update set message_id = excluded.message_id, taught = true
)
update thread_ids t set taught = true
from unnest(:scopes::text[], :digests::bytea[]) as c (scope, digest)
where t.scope = c.scope and t.digest = c.digest;

-- name: change_sends
-- Say how far messages of ours have come.
update sends s set recipients = c.recipients
from unnest(:message_ids::bigint[], :recipients::jsonb[]) as c (message_id, recipients)
where s.message_id = c.message_id;

-- name: place_held
-- Move locked held messages to where they belong now.
update messages m
set ticket_id = c.ticket_id, state = c.state, decision = c.decision, author = c.author, visibility = c.visibility
from unnest(:ids::bigint[], :ticket_ids::bigint[], :states::text[], :decisions::jsonb[], :authors::text[],
            :visibilities::text[])
    as c (id, ticket_id, state, decision, author, visibility)
where m.id = c.id;

-- name: empty_spool
-- Take placed messages out of the spool.
delete from spool where message_id = any(:ids::bigint[]);

-- name: looked_at
-- Let a held message wait until there is something new.
update spool set look_again_at = null where message_id = :id;

-- name: look_later
-- Let a held message be decided anew at another time.
update spool set look_again_at = :at where message_id = :id and look_again_at is not null;

-- name: forget_held_ids
-- Placed messages wait for no original.
delete from held_ids where message_id = any(:ids::bigint[]);

-- name: bury
-- Keep a record that the router failed on, and the blobs that it names.
with buried as (
    insert into dead_letters (topic, partition, "offset", log_identity, key, value, headers, account, reason, sqlstate,
                              died_at)
    values (:topic, :partition, :offset, :log_identity, :key, :value, :headers::jsonb, :account, :reason, :sqlstate,
            :died_at)
    returning id
)
insert into blob_refs (sha256, owner_kind, owner_id)
select b.sha256, 'dead_letter', buried.id
from buried, unnest(:blobs::bytea[]) as b (sha256);

-- name: revive
-- Take an open dead letter out of the list, with its claims on blobs.
with revived as (
    delete from dead_letters where id = :id and state = 'open' returning id
), released as (
    delete from blob_refs where owner_kind = 'dead_letter' and owner_id = :id and exists (select from revived)
)
select id from revived;

-- name: failed_again
-- Keep why a dead letter failed this time.
update dead_letters set reason = :reason, sqlstate = :sqlstate where id = :id and state = 'open';

-- name: wake_newcomers
-- Let held messages of people who take part in one more ticket be looked at again: 200 each, none that a router holds.
with held as materialized (
    select m.id, c.at
    from unnest(:scopes::text[], :address_keys::bytea[], :ats::timestamptz[]) as c (scope, sender_key, at)
    cross join lateral (
        select id from messages
        where sender_key = c.sender_key and state = 'held' and scope = c.scope
        limit 200
    ) m
), free as materialized (
    select s.message_id, h.at
    from held h
    join spool s on s.message_id = h.id
    order by s.message_id
    for update of s skip locked
)
update spool s
set look_again_at = free.at
from free
where s.message_id = free.message_id;

-- name: revise_messages
-- Put newer readings in the place of older ones; thread ids stay, and who speaks, unless the message is held.
update messages m
set body_text = c.body_text, body_html = c.body_html, normalizer_version = c.normalizer_version,
    revised_at = c.revised_at, sent_at = c.sent_at,
    kind = case when m.state = 'held' then c.kind else m.kind end,
    automatic = case when m.state = 'held' then c.automatic else m.automatic end,
    subject = case when m.state = 'held' then c.subject else m.subject end,
    sender_key = case when m.state = 'held' then c.sender_key else m.sender_key end,
    sender_address = case when m.state = 'held' then c.sender_address else m.sender_address end,
    sender_name = case when m.state = 'held' then c.sender_name else m.sender_name end,
    details = case
        when m.state = 'held' then c.details
        when m.details ? 'thread' then c.details || jsonb_build_object('thread', m.details -> 'thread')
        else c.details - 'thread'
    end
from unnest(:ids::bigint[], :kinds::text[], :sender_keys::bytea[], :sender_addresses::text[], :sender_names::text[],
            :subjects::text[], :body_texts::text[], :body_htmls::text[], :automatics::text[], :sent_ats::timestamptz[],
            :normalizer_versions::int[], :details::jsonb[], :revised_ats::timestamptz[])
    as c (id, kind, sender_key, sender_address, sender_name, subject, body_text, body_html, automatic, sent_at,
          normalizer_version, details, revised_at)
where m.id = c.id and m.normalizer_version < c.normalizer_version;

-- name: forget_blobs
-- A newer reading names its own blobs.
delete from blob_refs where owner_kind = 'message' and owner_id = any(:ids::bigint[]);

-- name: decide_revised
-- Let held messages that were parsed again be decided anew, by what they say now.
update spool set look_again_at = :at where message_id = any(:ids::bigint[]);

-- name: hold_anew
-- A message that was parsed again stays held, for today's reason, and waits for what it names now.
with held as (
    update spool set reason = :reason, explanation = :explanation, suggestions = :suggestions::jsonb
    where message_id = :message_id
    returning message_id
), waiting as (
    insert into held_ids (scope, digest, message_id)
    select :scope, c.digest, held.message_id
    from held
    cross join unnest(:digests::bytea[]) as c (digest)
    on conflict do nothing
)
update messages set decision = :decision::jsonb where id in (select message_id from held);
