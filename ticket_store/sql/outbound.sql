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

-- name: set_merge!
-- Let a locked ticket go on as another one, or by itself.
update tickets
set merged_into_id = :into, merged_at = case when (:into)::bigint is null then null else (:at)::timestamptz end
where id = :ticket_id;

-- name: set_requester!
-- Say whose a locked ticket is; who was the requester takes part no more.
with ticket as (
    update tickets
    set requester_key = :key, requester_address = :address, requester_name = :name, match_key = :match
    where id = :ticket_id
    returning id
), before as (
    delete from ticket_participants
    where ticket_id = :ticket_id and role = 'requester' and address_key <> :key
)
insert into ticket_participants (ticket_id, address_key, address, role)
select id, :key, :address, 'requester' from ticket
on conflict (ticket_id, address_key) do update set role = 'requester', address = excluded.address;

-- name: dismiss!
-- Let people take part in a locked ticket no more.
delete from ticket_participants
where ticket_id = :ticket_id and address_key = any(:address_keys::bytea[]) and role <> 'requester'
  and (:role = '' or role = :role);

-- name: dismiss_merged!
-- Let those take part in a locked ticket no more whom merges brought, unless they take part in a ticket that goes on as it.
delete from ticket_participants p
where p.ticket_id = :ticket_id and p.address_key = any(:address_keys::bytea[]) and p.role = 'merged'
  and not exists (
      select from tickets t
      join ticket_participants q on q.ticket_id = t.id
      where t.merged_into_id = p.ticket_id and q.address_key = p.address_key
  );

-- name: dismiss_brought!
-- Let those take part in a locked ticket no more whom only this message brought in: no other message is theirs or names them.
delete from ticket_participants p
where p.ticket_id = :ticket_id and p.address_key = any(:address_keys::bytea[]) and p.role = 'recipient'
  and not exists (
      select from messages m
      where m.ticket_id = p.ticket_id and m.id <> :than
        and (m.sender_key = p.address_key or exists (
            select from jsonb_array_elements(
                coalesce(m.details -> 'to', '[]'::jsonb) || coalesce(m.details -> 'cc', '[]'::jsonb)
            ) named
            where lower(trim(named ->> 'address')) = lower(trim(p.address))
        ))
  );

-- name: placed_message
-- Read a message on a ticket, and where it stands.
select m.ticket_id, t.number, m.direction, m.author, m.visibility, m.decision, m.id, m.kind, m.channel, m.account,
       m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name, m.subject, m.body_text, m.body_html,
       m.automatic, m.received_at, m.sent_at, m.normalizer_version, m.raw_sha256, m.raw_size, m.details, m.partition,
       m."offset"
from messages m
join tickets t on t.id = m.ticket_id
where m.id = :id;

-- name: wrote_more
-- Whether somebody has other messages on a ticket.
select exists (
    select from messages where ticket_id = :ticket_id and sender_key = :sender_key and id <> :than
);

-- name: put_back!
-- Let a message on a ticket wait in the spool, and its ids for an original; what it taught is forgotten.
with moved as (
    update messages set ticket_id = null, state = 'held', decision = (:decision)::jsonb
    where id = :id
    returning id
), forgotten as (
    delete from quoted_ids
    where scope = :scope and digest = any(:digests::bytea[]) and address_key = :sender_key and message_id = :id
), waiting as (
    insert into held_ids (scope, digest, message_id)
    select :scope, c.digest, moved.id
    from moved
    cross join unnest(:digests::bytea[]) as c (digest)
    on conflict do nothing
)
insert into spool (message_id, reason, explanation, suggestions, held_at)
select id, :reason, :explanation, (:suggestions)::jsonb, :held_at from moved;

-- name: conversation
-- Where one of these people last wrote on a ticket or those merged into it; alone with us goes before a group.
with recursive members (id, step) as (
    select :ticket_id::bigint, 0
    union all
    select t.id, m.step + 1
    from members m
    join tickets t on t.merged_into_id = m.id
    where m.step < 16
)
select m.channel, m.account, m.shown, m.is_group, m.own, c.moved_to
from members
cross join lateral (
    select channel, account, received_at, id, details #>> '{thread,conversation,shown}' as shown,
           coalesce((details #> '{details,group}')::boolean, false) as is_group,
           coalesce(details #>> '{thread,own,shown}', '') as own
    from messages
    where ticket_id = members.id and direction <> 'out' and visibility = 'public' and scope = :scope
      and sender_key = any(:sender_keys::bytea[]) and details #>> '{thread,conversation,shown}' is not null
    order by 6, received_at desc, id desc
    limit 1
) m
left join chat_moves c
    on c.account = m.account and c.chat = substr(m.shown, length(m.channel) + length(m.account) + 3)
order by m.is_group, m.received_at desc, m.id desc
limit 1;
