-- name: held_messages
-- Read held messages without a lock.
select m.id, m.kind, m.channel, m.account, m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name,
       m.subject, m.body_text, m.body_html, m.automatic, m.received_at, m.sent_at, m.normalizer_version,
       m.raw_sha256, m.raw_size, m.details, m.partition, m."offset"
from unnest(:message_ids::bigint[]) as c (id)
join messages m on m.id = c.id
where m.state = 'held'
order by m.id;

-- name: proposed_tickets
-- Follow the clues of held messages to tickets, each through an index and not far, and merged ones to where they go on.
with recursive clue as materialized (
    select * from unnest(:held_ids::bigint[], :kinds::text[], :places::int[], :scopes::text[], :keys::bytea[],
                         :texts::text[], :numbers::bigint[])
        as c (held_id, kind, place, scope, key, text, number)
), led as materialized (
    select c.held_id, 'known' as kind, c.place, c.scope, m.ticket_id
    from clue c
    join thread_ids i on i.scope = c.scope and i.digest = c.key
    join messages m on m.id = i.known_message_id
    where c.kind = 'id'
    union all
    select c.held_id, 'quoted', c.place, c.scope, m.ticket_id
    from clue c
    cross join lateral (
        select message_id from quoted_ids where scope = c.scope and digest = c.key limit 8
    ) q
    join messages m on m.id = q.message_id
    where c.kind = 'id'
    union all
    select c.held_id, 'token', c.place, c.scope, m.ticket_id
    from clue c join messages m on m.id = c.number
    where c.kind = 'token'
    union all
    select c.held_id, 'number', c.place, c.scope, t.id
    from clue c join tickets t on t.number = c.text
    where c.kind = 'number'
    union all
    select c.held_id, 'old_number', c.place, c.scope, l.ticket_id
    from clue c join legacy_tickets l on l.desk = c.text and l.number = convert_from(c.key, 'UTF8') collate "default"
    where c.kind = 'old_number'
    union all
    select c.held_id, c.kind, c.place, c.scope, p.ticket_id
    from clue c
    cross join lateral (
        select ticket_id from ticket_participants where address_key = c.key order by ticket_id desc limit 40
    ) p
    where c.kind in ('sender', 'named')
    union all
    select c.held_id, 'subject', c.place, c.scope, t.id
    from clue c
    cross join lateral (
        select id from tickets
        where scope = c.scope and md5(subject_base) = c.text
        order by last_message_at desc
        limit 20
    ) t
    where c.kind = 'subject'
), followed as materialized (
    select l.held_id, l.kind, l.place, l.scope, l.ticket_id from led l where l.ticket_id is not null
    union all
    select l.held_id, 'follows', l.place, l.scope, s.id
    from led l
    cross join lateral (
        select id from tickets where continues_id = l.ticket_id and closed_at is null order by id desc limit 4
    ) s
    where l.ticket_id is not null and l.kind in ('known', 'quoted', 'token', 'number')
), chain (id, at, step) as (
    select distinct ticket_id, ticket_id, 0 from followed
    union
    select c.id, t.merged_into_id, c.step + 1
    from chain c
    cross join lateral (select merged_into_id from tickets where id = c.at limit 1) t
    where t.merged_into_id is not null and c.step < 16
), standing as materialized (
    select distinct on (id) id, at from chain order by id, step desc
)
select f.held_id, f.kind, min(f.place), t.number, t.status, t.requester_key, t.requester_address, t.subject_base,
       t.closed_at is null, t.created_at, t.last_message_at
from followed f
join standing s on s.id = f.ticket_id
join tickets t on t.id = s.at and t.scope = f.scope
group by f.held_id, f.kind, t.id;
