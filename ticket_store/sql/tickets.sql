-- name: list_tickets
-- Gives a page of tickets, newest message first, of those that fit every filter given.
select
    number, subject, status, channel, account, requester_address as requester, requester_name, message_count,
    live, created_at, last_message_at,
    to_char(last_message_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00~"') || id as cursor
from tickets
where ((:status)::text is null or status = :status)
    and ((:account)::text is null or account = :account)
    and ((:accounts)::text[] is null or account = any((:accounts)::text[]))
    and ((:channel)::text is null or channel = :channel)
    and ((:requester)::text is null or lower(requester_address) = :requester)
    and ((:after)::timestamptz is null or (last_message_at, id) < ((:after)::timestamptz, (:after_id)::bigint))
order by last_message_at desc, id desc
limit :limit;

-- name: tickets_by_age
-- Gives a page of tickets, oldest first: a listing that no new message and no new ticket disturbs.
select
    number, subject, status, channel, account, requester_address as requester, requester_name, message_count,
    created_at, last_message_at, live, id::text as cursor
from tickets
where ((:status)::text is null or status = :status)
    and ((:accounts)::text[] is null or account = any((:accounts)::text[]))
    and ((:account)::text is null or account = :account)
    and ((:channel)::text is null or channel = :channel)
    and ((:requester)::text is null or lower(requester_address) = :requester)
    and id > (:after_id)::bigint
order by id
limit :limit;

-- name: accounts_of
-- Gives the account of each ticket that has one of these numbers, or on which such a ticket goes on.
with recursive chain (named, id, number, account, merged_into_id, step) as (
    select number, id, number, account, merged_into_id, 0 from tickets where number = any((:numbers)::text[])
    union all
    select chain.named, ticket.id, ticket.number, ticket.account, ticket.merged_into_id, chain.step + 1
    from chain
    join tickets as ticket on ticket.id = chain.merged_into_id
    where chain.step < 16
)
select named, account, step from chain;

-- name: message_place
-- Gives the ticket on which a message stands, or nothing.
select ticket.number, ticket.account
from messages as message
join tickets as ticket on ticket.id = message.ticket_id
where message.id = :message_id;

-- name: ticket_line
-- Gives one ticket as the listing does.
select
    number, subject, status, channel, account, requester_address as requester, requester_name, message_count,
    live, created_at, last_message_at, '' as cursor
from tickets
where number = :number;

-- name: ticket_facts
-- Gives what the listing leaves out.
select
    ticket.scope, ticket.version, ticket.closed_at, earlier.number as continues,
    array(select number from tickets where continues_id = ticket.id order by id) as continued_by,
    survivor.number as merged_into, ticket.merged_at,
    array(select number from tickets where merged_into_id = ticket.id order by id) as merged_from
from tickets as ticket
left join tickets as earlier on earlier.id = ticket.continues_id
left join tickets as survivor on survivor.id = ticket.merged_into_id
where ticket.number = :number;

-- name: participants
-- Gives who takes part in a ticket.
select people.address, people.role
from ticket_participants as people
join tickets on tickets.id = people.ticket_id
where tickets.number = :number
order by people.role <> 'requester', people.address;

-- name: messages
-- Gives the messages of a ticket and of those merged into it, in the order in which they were received.
with recursive family (id, number, step) as (
    select id, number, 0 from tickets where number = :number
    union all
    select ticket.id, ticket.number, family.step + 1
    from family
    join tickets as ticket on ticket.merged_into_id = family.id
    where family.step < 16
)
select
    message.id, family.number as ticket, message.author, message.visibility, message.direction, message.kind, message.account, message.sender_address as sender,
    message.sender_name, message.received_at, message.sent_at, message.subject, message.body_text as text,
    message.automatic, message.verdict, message.decision, message.details,
    coalesce(encode(message.raw_sha256, 'hex'), '') as raw_sha256, message.raw_size,
    send.state as send_state, send.problem as send_problem, send.attempts as send_attempts, send.due_at as send_due_at,
    send.recipients as send_recipients
from family
join messages as message on message.ticket_id = family.id
left join sends as send on send.message_id = message.id and message.direction = 'out'
where ((:message_id)::bigint is null or message.id = :message_id)
    and ((:accounts)::text[] is null or family.step = 0 or message.account = any((:accounts)::text[]))
    and ((:after)::timestamptz is null or (message.received_at, message.id) > ((:after)::timestamptz, (:after_id)::bigint))
order by message.received_at, message.id
limit :limit;

-- name: repeats
-- Gives the deliveries that were a message of this ticket once more.
select
    repeat.original_message_id as message_id, repeat.kind, repeat.account, repeat.received_at,
    encode(repeat.raw_sha256, 'hex') as raw_sha256, repeat.raw_size
from duplicates as repeat
where repeat.original_message_id = any(:message_ids::bigint[])
order by repeat.received_at, repeat.id;

-- name: conversations_on
-- Gives the conversations in which messages of a ticket, and of those merged into it, were written, the latest last.
with recursive family (id, step) as (
    select id, 0 from tickets where number = :number
    union all
    select ticket.id, family.step + 1
    from family
    join tickets as ticket on ticket.merged_into_id = family.id
    where family.step < 16
)
select
    message.channel, message.account, message.details #>> '{thread,conversation,shown}' as conversation,
    coalesce(talk.is_group, false) as is_group, coalesce(talk.ticket_id in (select id from family), false) as goes_on_here,
    max(message.received_at) as last_at
from family
join messages as message on message.ticket_id = family.id
left join conversations as talk on talk.digest = message.conversation
where message.conversation is not null
group by 1, 2, 3, 4, 5
order by last_at;

-- name: contact_states
-- Gives whether chats may be written to, as far as their platforms told.
select account, address_key, state, since
from contacts
where (account, address_key) in (select * from unnest(:accounts::text[], :address_keys::bytea[]));

-- name: identity_links
-- Gives who was proven to be the requester of a ticket on another channel, and what of that was undone.
select link.channel, link.account, link.address, link.name, link.made_by, link.linked_at, link.undone_at, link.undone_by
from identity_links as link
join tickets on tickets.id = link.ticket_id
where tickets.number = :number
order by link.id;

-- name: earlier_texts
-- Gives what messages said before they were changed, in the order in which they said it.
select message_id, said_until, body_text as text, files
from earlier_texts
where message_id = any(:message_ids::bigint[])
order by said_until, id;
