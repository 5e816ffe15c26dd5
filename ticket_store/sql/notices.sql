-- name: turn_of_notices
-- Take the turn of sending notices: one worker at a time, or two could pass a limit together.
select pg_try_advisory_xact_lock(760322, 0);

-- name: take_notices
-- Lock due notices, the oldest first, with the ticket on which each one's message stands.
select n.id, m.ticket_id
from notices n
join messages m on m.id = n.message_id
where n.state = 'due'
order by n.id
limit :limit
for update of n skip locked;

-- name: notice_facts
-- What is known now of taken notices and of their messages.
select n.id, n.message_id, n.account, n.channel, m.scope, n.reason, n.address, n.address_key, m.sender_name,
       coalesce(t.subject, m.subject), m.received_at, m.state, m.visibility, m.details, m.ticket_id,
       coalesce(t.number, ''), coalesce(t.status, '')
from unnest(:ids::bigint[]) as taken (id)
join notices n on n.id = taken.id
join messages m on m.id = n.message_id
left join tickets t on t.id = m.ticket_id
order by n.id;

-- name: spent_notices
-- How many notices some addresses got since then, by reason.
select address_key, reason, count(*)::int
from notices
where state = 'sent' and address_key = any(:address_keys::bytea[]) and done_at > :since
group by address_key, reason;

-- name: settle_notices
-- Say what became of taken notices.
update notices n
set state = s.state, why = s.why, send_message_id = s.send_message_id, done_at = :now
from unnest(:ids::bigint[], :states::text[], :whys::text[], :send_message_ids::bigint[])
    as s (id, state, why, send_message_id)
where n.id = s.id;

-- name: list_notices
-- Notices for people, the newest first.
select n.id, n.account, n.reason, n.state, n.why, n.address, n.message_id, coalesce(t.number, '') as number,
       n.created_at, n.done_at, n.send_message_id, coalesce(s.state, '') as delivery
from notices n
join messages m on m.id = n.message_id
left join tickets t on t.id = m.ticket_id
left join sends s on s.message_id = n.send_message_id
where (:state::text is null or n.state = :state)
  and (:reason::text is null or n.reason = :reason)
  and (:account::text is null or n.account = :account)
  and (:before::bigint is null or n.id < :before)
order by n.id desc
limit :limit;

-- name: due_notices
-- How many notices wait, and since when.
select count(*)::int, min(created_at) from notices where state = 'due';
