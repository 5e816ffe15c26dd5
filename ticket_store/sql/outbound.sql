-- name: spoken
-- The latest messages on a ticket and on those that were merged into it, the newest first.
with recursive members (id, step) as (
    select :ticket_id::bigint, 0
    union all
    select t.id, m.step + 1
    from members m
    join tickets t on t.merged_into_id = m.id
    where m.step < 16
)
select m.id, m.direction, m.author, m.visibility, m.sender_address, m.sender_name, m.automatic,
       coalesce(m.details -> 'thread', '{}'::jsonb), coalesce(m.details -> 'to', '[]'::jsonb),
       coalesce(m.details -> 'cc', '[]'::jsonb)
from members
cross join lateral (
    select * from messages
    where ticket_id = members.id
    order by received_at desc, id desc
    limit :limit
) m
order by m.received_at desc, m.id desc
limit :limit;

-- name: said
-- A message of ours, where it stands and to whom it goes.
select m.id, t.number, coalesce(s.recipients, '[]'::jsonb)
from messages m
join tickets t on t.id = m.ticket_id
left join sends s on s.message_id = m.id
where m.id = :id;

-- name: bounced
-- Which of these addresses did not take our latest mail to them, as far as this ticket knows, and why.
select distinct on (lower(r ->> 'address')) lower(r ->> 'address'), r ->> 'state', coalesce(r ->> 'reason', '')
from messages m
join sends s on s.message_id = m.id
cross join lateral jsonb_array_elements(s.recipients) r
where m.ticket_id = :ticket_id and lower(r ->> 'address') = any(:addresses::text[])
  and r ->> 'state' not in ('queued', 'delayed')
order by lower(r ->> 'address'), s.created_at desc;
