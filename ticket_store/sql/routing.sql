-- name: settings
-- Keep index plans: arrays have no statistics, and a small batch must not scan or hash a large table.
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('jit', 'off', true);

-- name: stored_positions
-- Give the next offsets of a consumer's partitions.
select partition, next_offset, log_identity
from consumer_offsets
where consumer = :consumer and topic = :topic and partition = any(:partitions::int[]);

-- name: move_offsets
-- Compare and set the offsets of partitions, locked in order; a partition that is not returned was somewhere else.
with moves as materialized (
    select * from unnest(:partitions::int[], :expected::bigint[], :next_offsets::bigint[])
        as m (partition, expected, next_offset)
), locked as materialized (
    select o.partition
    from consumer_offsets o
    where o.consumer = :consumer and o.topic = :topic and o.partition = any(:partitions::int[])
    order by o.partition
    for update
), moved as (
    update consumer_offsets o
    set next_offset = m.next_offset, updated_at = now()
    from moves m
    where o.consumer = :consumer and o.topic = :topic and o.partition = m.partition
      and o.next_offset = m.expected and o.log_identity = :log_identity
      and (select count(*) from locked) >= 0
    returning o.partition
), begun as (
    insert into consumer_offsets (consumer, topic, partition, next_offset, log_identity)
    select :consumer, :topic, m.partition, m.next_offset, :log_identity
    from moves m
    where m.expected is null
    order by m.partition
    on conflict do nothing
    returning partition
)
select partition from moved union all select partition from begun;

-- name: next_ticket_ids
-- Take ids for tickets to come.
select nextval('ticket_ids') from generate_series(1, :count::int);

-- name: next_message_ids
-- Take ids for messages to come.
select nextval('message_ids') from generate_series(1, :count::int);

-- name: claim_deliveries
-- Claim delivery keys in sorted order; those that existed are not returned.
insert into delivery_keys (key, message_id)
select c.key, c.message_id
from unnest(:keys::bytea[], :message_ids::bigint[]) as c (key, message_id)
order by c.key
on conflict do nothing
returning key;

-- name: taken_deliveries
-- Give the messages of delivery keys that were taken before.
select key, message_id from delivery_keys where key = any(:keys::bytea[]);

-- name: insert_ids
-- Make sure that every id of a batch has a row, in sorted order: all inserts stand before all row locks.
insert into thread_ids (scope, digest)
select c.scope, c.digest
from unnest(:scopes::text[], :digests::bytea[]) as c (scope, digest)
order by c.scope, c.digest
on conflict do nothing;

-- name: lock_ids
-- Lock the ids of a batch in sorted order, and say whose they are.
select t.scope, t.digest, t.known_message_id, t.reused, t.taught
from unnest(:scopes::text[], :digests::bytea[]) as c (scope, digest)
join thread_ids t on t.scope = c.scope and t.digest = c.digest
order by t.scope, t.digest
for update of t;

-- name: insert_matches
-- Make sure that every sender and subject of a batch has a row, in sorted order: all inserts stand before all row locks.
insert into match_claims (match_key)
select c.match_key
from unnest(:match_keys::bytea[]) as c (match_key)
order by c.match_key
on conflict do nothing;

-- name: lock_matches
-- Lock the senders and subjects of a batch in sorted order.
select m.match_key
from unnest(:match_keys::bytea[]) as c (match_key)
join match_claims m on m.match_key = c.match_key
order by m.match_key
for update of m;

-- name: reached_held
-- Held answers to these ids, and theirs, with every id they carry: 200 an id, 1,000 in all, lest a flood stop the router.
with recursive reached (scope, message_id) as (
    select h.scope, h.message_id
    from unnest(:scopes::text[], :digests::bytea[]) as c (scope, digest)
    cross join lateral (
        select scope, message_id from held_ids
        where scope = c.scope and digest = c.digest
        order by message_id
        limit 200
    ) h
    union
    select h.scope, h.message_id
    from reached r
    join messages m on m.id = r.message_id
    cross join lateral (
        select scope, message_id from held_ids
        where scope = r.scope and digest = m.own_digest
        order by message_id
        limit 200
    ) h
), picked as materialized (
    select message_id from reached limit 1000
)
select r.message_id, h.scope, h.digest, true as quoted
from picked r
join held_ids h on h.message_id = r.message_id
union all
select r.message_id, m.scope, m.own_digest, false
from picked r
join messages m on m.id = r.message_id
where m.own_digest is not null;

-- name: lock_held
-- Lock held messages in order, and read all that deciding about them needs.
select m.id, m.kind, m.channel, m.account, m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name,
       m.subject, m.body_text, m.body_html, m.automatic, m.received_at, m.sent_at, m.normalizer_version,
       m.raw_sha256, m.raw_size, m.details, m.partition, m."offset"
from unnest(:message_ids::bigint[]) as c (id)
join spool s on s.message_id = c.id
join messages m on m.id = s.message_id
order by s.message_id
for update of s;

-- name: known_messages
-- What matching needs of messages whose own ids a batch names.
select m.id, m.ticket_id, m.state, m.account, m.sender_key, m.fingerprint, m.verdict, m.direction, m.author,
       m.visibility, m.own_digest, m.conversation, m.part_of
from unnest(:message_ids::bigint[]) as c (id)
join messages m on m.id = c.id;

-- name: quoted_ids
-- Who quoted an id, and on which ticket the quoting message stands now.
select q.scope, q.digest, q.address_key, q.message_id, m.ticket_id, q.taught, m.visibility
from unnest(:scopes::text[], :digests::bytea[], :address_keys::bytea[]) as c (scope, digest, address_key)
join quoted_ids q on q.scope = c.scope and q.digest = c.digest and q.address_key = c.address_key
join messages m on m.id = q.message_id;

-- name: open_matches
-- The latest open tickets of account, sender and subject; eight are more than enough to see that it is not only one.
select t.id
from unnest(:match_keys::bytea[]) as c (match_key)
cross join lateral (
    select id from tickets
    where match_key = c.match_key and closed_at is null
    order by last_message_at desc
    limit 8
) t;

-- name: followers
-- Where merged tickets go on, 16 steps at most, and the latest open tickets that follow these.
with recursive chain (id, step) as (
    select c.id, 0 from unnest(:ticket_ids::bigint[]) as c (id)
    union
    select t.merged_into_id, c.step + 1
    from chain c
    cross join lateral (select merged_into_id from tickets where id = c.id limit 1) t
    where t.merged_into_id is not null and c.step < 16
)
select id from chain where step > 0
union all
select t.id
from chain c
cross join lateral (
    select id from tickets
    where continues_id = c.id and closed_at is null
    order by id desc
    limit 8
) t;

-- name: old_ids
-- Old desks' tickets by ids that their exports name; three are enough to see that it is not only one.
select c.digest, t.desk, t.number
from unnest(:digests::bytea[]) as c (digest)
cross join lateral (select legacy_id from legacy_ids where digest = c.digest limit 3) i
join legacy_tickets t on t.id = i.legacy_id;

-- name: old_tickets
-- Whose old desks' tickets were, and where they go on.
select t.id, t.desk, t.number, t.requester_key, t.subject, t.choice, t.ticket_id, t.chosen_by
from unnest(:desks::text[], :numbers::text[]) as c (desk, number)
join legacy_tickets t on t.desk = c.desk and t.number = c.number;

-- name: lock_tickets
-- Lock tickets by id, and read them with the number of the ticket that each follows.
select t.id, t.number, t.scope, t.account, t.channel, t.subject, t.subject_base, t.match_key, t.requester_key,
       t.requester_address, t.requester_name, t.status, t.version, t.message_count, t.continues_id, t.created_at,
       t.last_message_at, t.closed_at, t.merged_into_id, t.live, t.live_until, t.conversation,
       (select f.number from tickets f where f.id = t.continues_id) as continues_number
from unnest(:ticket_ids::bigint[]) as c (id)
join tickets t on t.id = c.id
order by t.id
for update of t;

-- name: tickets_by_numbers
-- Find tickets by their public numbers.
select t.number, t.id
from unnest(:numbers::text[]) as c (number)
join tickets t on t.number = c.number;

-- name: lock_sends
-- Lock what we sent, by id, and read what its events say of it.
select s.message_id, s.recipients, m.sender_address, m.sender_name, m.received_at, m.subject, m.body_text, m.author,
       m.visibility
from unnest(:message_ids::bigint[]) as c (id)
join sends s on s.message_id = c.id
join messages m on m.id = s.message_id
order by s.message_id
for update of s;

-- name: spoken_on
-- The latest messages on tickets, the newest first, as an answer to them needs them.
select c.id, m.id, m.direction, m.author, m.visibility, m.sender_address, m.sender_name, m.automatic,
       coalesce(m.details -> 'thread', '{}'::jsonb), coalesce(m.details -> 'to', '[]'::jsonb),
       coalesce(m.details -> 'cc', '[]'::jsonb)
from unnest(:ticket_ids::bigint[]) as c (id)
cross join lateral (
    select * from messages
    where ticket_id = c.id
    order by received_at desc, id desc
    limit 20
) m
order by c.id, m.received_at desc, m.id desc;

-- name: participants
-- Who takes part in tickets.
select p.ticket_id, p.address_key, p.address, p.role
from unnest(:ticket_ids::bigint[]) as c (id)
join ticket_participants p on p.ticket_id = c.id;

-- name: held_message
-- Read one held message without a lock.
select m.id, m.kind, m.channel, m.account, m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name,
       m.subject, m.body_text, m.body_html, m.automatic, m.received_at, m.sent_at, m.normalizer_version,
       m.raw_sha256, m.raw_size, m.details, m.partition, m."offset",
       m.revised_at is not null
from messages m
where m.id = :id and m.state = 'held';

-- name: whereabouts
-- Where a message is now; one that was noted because it goes on to an old desk is forwarded.
select case when m.state = 'noted' and s.kind = 'forward' then 'forwarded' else m.state end, coalesce(t.number, '')
from messages m
left join tickets t on t.id = m.ticket_id
left join sends s on s.message_id = m.id
where m.id = :id;

-- name: ticket_by_number
-- Find a ticket by its public number.
select id from tickets where number = :number;

-- name: to_look_at
-- Held messages that shall be decided anew, the longest due first.
select message_id from spool where look_again_at <= :now order by look_again_at, message_id limit :limit;

-- name: dead_letter
-- Read an open dead letter.
select id, topic, partition, "offset", value, headers from dead_letters where id = :id and state = 'open';

-- name: revisable
-- Where messages stand, by which rule, and which normalizer read them; not those that were edited or joined since.
select m.id, m.ticket_id, m.state, m.author, m.visibility, coalesce(m.decision ->> 'rule', 'kind'), m.normalizer_version
from unnest(:message_ids::bigint[]) as c (id)
join messages m on m.id = c.id
where m.direction = 'in' and not coalesce((m.details -> 'details') ?| array['edits', 'parts'], false)
order by m.id;

-- name: lock_revisable
-- The same, locked by id, behind the locks of their tickets.
select m.id, m.ticket_id, m.state, m.author, m.visibility, coalesce(m.decision ->> 'rule', 'kind'), m.normalizer_version
from unnest(:message_ids::bigint[]) as c (id)
join messages m on m.id = c.id
where m.direction = 'in' and not coalesce((m.details -> 'details') ?| array['edits', 'parts'], false)
order by m.id
for update of m;
