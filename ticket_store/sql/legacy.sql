-- name: make_stage
-- Make room on this connection for the lines of an export.
create temp table legacy_stage (
    line int, number text, requester_key bytea, requester_address text, requester_name text, subject text, status text,
    opened_at timestamptz, history jsonb, digests bytea[]
);

-- name: fill_stage
-- Take lines of an export.
copy legacy_stage from stdin;

-- name: merge_stage
-- Make one old ticket of all lines with its number: what comes first counts, but for the status.
create temp table legacy_merged as
select row_number() over (order by number) as place, number,
       (array_agg(requester_key order by line) filter (where requester_key is not null))[1] as requester_key,
       coalesce((array_agg(requester_address order by line) filter (where requester_key is not null))[1], '')
           as requester_address,
       coalesce((array_agg(requester_name order by line) filter (where requester_key is not null))[1], '')
           as requester_name,
       coalesce((array_agg(subject order by line) filter (where subject <> ''))[1], '') as subject,
       coalesce((array_agg(status order by line desc) filter (where status <> ''))[1], '') as status,
       min(opened_at) as opened_at
from legacy_stage
group by number;

-- name: merge_history
-- Keep the last messages of every old ticket.
create temp table legacy_history as
select number, jsonb_agg(entry order by entry ->> 'at' nulls first, line, part) as history
from (
    select s.number, s.line, h.part, h.entry,
           row_number() over (partition by s.number order by h.entry ->> 'at' desc nulls last, s.line desc, h.part desc)
               as back
    from legacy_stage s
    cross join lateral jsonb_array_elements(s.history) with ordinality as h (entry, part)
) newest
where back <= 10
group by number;

-- name: index_stage
-- Find merged lines by place, their history and ids by number.
create index on pg_temp.legacy_merged (place);

-- name: index_stage_history
-- Find the history of a number.
create index on pg_temp.legacy_history (number);

-- name: index_stage_lines
-- Find the lines of a number.
create index on pg_temp.legacy_stage (number);

-- name: count_stage
-- How many old tickets the export tells of.
select count(*) from legacy_merged;

-- name: upsert_tickets
-- Store a stretch of old tickets; what is known stays where the export says nothing, and choices stay.
insert into legacy_tickets as t (desk, number, requester_key, requester_address, requester_name, subject, status,
                                 opened_at, history, imported_at)
select :desk, m.number, m.requester_key, m.requester_address, m.requester_name, m.subject, m.status, m.opened_at,
       coalesce(h.history, '[]'), :now
from legacy_merged m
left join legacy_history h on h.number = m.number
where m.place > :after and m.place <= :upto
order by m.number
on conflict (desk, number) do update
set requester_key = coalesce(excluded.requester_key, t.requester_key),
    requester_address = coalesce(nullif(excluded.requester_address, ''), t.requester_address),
    requester_name = coalesce(nullif(excluded.requester_name, ''), t.requester_name),
    subject = coalesce(nullif(excluded.subject, ''), t.subject),
    status = coalesce(nullif(excluded.status, ''), t.status),
    opened_at = coalesce(excluded.opened_at, t.opened_at),
    history = case when excluded.history = '[]' then t.history else excluded.history end,
    imported_at = excluded.imported_at
returning xmax = 0 as is_new;

-- name: upsert_ids
-- Index the Message-IDs of a stretch of old tickets.
insert into legacy_ids (digest, legacy_id)
select distinct d.digest, t.id
from legacy_merged m
join legacy_stage s on s.number = m.number
cross join lateral unnest(s.digests) as d (digest)
join legacy_tickets t on t.desk = :desk and t.number = m.number
where m.place > :after and m.place <= :upto
order by d.digest, t.id
on conflict do nothing;

-- name: wake_stretch
-- Let held messages be looked at again that quote an id of this stretch or name an old ticket; in the router's order.
with named as materialized (
    select d.digest
    from legacy_merged m
    join legacy_stage l on l.number = m.number
    cross join lateral unnest(l.digests) as d (digest)
    where m.place > :after and m.place <= :upto
    union
    select sha256('\x6c656761637900'::bytea || convert_to(:desk, 'UTF8') || '\x00' || convert_to(m.number, 'UTF8'))
    from legacy_merged m
    where m.place > :after and m.place <= :upto
), found as materialized (
    select s.message_id
    from spool s
    where s.message_id in (
        select h.message_id
        from named n
        cross join unnest(:scopes::text[]) as c (scope)
        cross join lateral (select message_id from held_ids where scope = c.scope and digest = n.digest) h
    )
    order by s.message_id
    for update of s
)
update spool s
set look_again_at = :now
from found
where s.message_id = found.message_id;

-- name: wake_held
-- Let held messages be looked at again that name these old tickets, but for those that somebody else holds now.
with found as materialized (
    select s.message_id
    from unnest(:scopes::text[], :digests::bytea[]) as c (scope, digest)
    cross join lateral (select message_id from held_ids where scope = c.scope and digest = c.digest) h
    join spool s on s.message_id = h.message_id
    order by s.message_id
    for update of s skip locked
)
update spool s
set look_again_at = :now
from found
where s.message_id = found.message_id;

-- name: lock_ticket
-- Lock the ticket on which an old one shall go on: tickets come before old tickets in the order of locks.
select id from tickets where number = :number for update;

-- name: bind
-- Say where an old ticket goes on.
insert into legacy_tickets (desk, number, choice, ticket_id, chosen_by, chosen_at)
select * from unnest(:desks::text[], :numbers::text[], :choices::text[], :ticket_ids::bigint[], :chosen_bys::text[],
                     :chosen_ats::timestamptz[])
order by 1, 2
on conflict (desk, number) do update
set choice = excluded.choice, ticket_id = excluded.ticket_id, chosen_by = excluded.chosen_by,
    chosen_at = excluded.chosen_at;

-- name: unbind
-- Forget where an old ticket goes on.
update legacy_tickets
set choice = null, ticket_id = null, chosen_by = :by, chosen_at = :now
where desk = :desk and number = :number
returning id;

-- name: list_tickets
-- Gives a page of old tickets by desk and number, of those that fit every filter given.
select old.desk, old.number, old.subject, old.requester_address as requester, old.status, old.opened_at,
       old.imported_at, coalesce(old.choice, '') as choice, coalesce(ticket.number, '') as ticket
from legacy_tickets as old
left join tickets as ticket on ticket.id = old.ticket_id
where ((:desk)::text is null or old.desk = :desk)
    and ((:requester)::text is null or lower(old.requester_address) = :requester)
    and ((:after_desk)::text is null or (old.desk, old.number) > ((:after_desk)::text, (:after_number)::text))
order by old.desk, old.number
limit :limit;

-- name: show_tickets
-- Gives old tickets with all that is known of them.
select old.desk, old.number, old.subject, old.requester_address as requester, old.requester_name, old.status,
       old.opened_at, old.imported_at, coalesce(old.choice, '') as choice, coalesce(ticket.number, '') as ticket,
       old.chosen_by, old.chosen_at, old.history,
       (select count(*) from legacy_ids ids where ids.legacy_id = old.id) as message_ids
from unnest(:desks::text[], :numbers::text[]) as c (desk, number)
join legacy_tickets as old on old.desk = c.desk and old.number = c.number
left join tickets as ticket on ticket.id = old.ticket_id
order by old.desk, old.number;

-- name: of_requester
-- Gives the latest old tickets of a requester at some desks.
select desk, number
from legacy_tickets
where requester_key = :requester_key and desk = any(:desks::text[])
order by opened_at desc nulls last, id desc
limit 5;

-- name: continued_by
-- Gives the old tickets that go on in a ticket, or in one that was merged into it.
with recursive members (id, step) as (
    select id, 0 from tickets where number = :number
    union all
    select merged.id, members.step + 1
    from members
    join tickets as merged on merged.merged_into_id = members.id
    where members.step < 16
)
select distinct old.desk, old.number
from members
join legacy_tickets as old on old.ticket_id = members.id
order by old.desk, old.number;
