-- name: list_tickets
-- Gives a page of tickets, newest message first, of those that fit every filter given.
select
    number, subject, status, channel, account, requester_address as requester, requester_name, message_count,
    created_at, last_message_at,
    to_char(last_message_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00~"') || id as cursor
from tickets
where ((:status)::text is null or status = :status)
    and ((:account)::text is null or account = :account)
    and ((:requester)::text is null or lower(requester_address) = :requester)
    and ((:after)::timestamptz is null or (last_message_at, id) < ((:after)::timestamptz, (:after_id)::bigint))
order by last_message_at desc, id desc
limit :limit;

-- name: ticket_line
-- Gives one ticket as the listing does.
select
    number, subject, status, channel, account, requester_address as requester, requester_name, message_count,
    created_at, last_message_at, '' as cursor
from tickets
where number = :number;

-- name: ticket_facts
-- Gives what the listing leaves out.
select
    ticket.scope, ticket.version, ticket.closed_at, earlier.number as continues,
    array(select number from tickets where continues_id = ticket.id order by id) as continued_by
from tickets as ticket
left join tickets as earlier on earlier.id = ticket.continues_id
where ticket.number = :number;

-- name: participants
-- Gives who takes part in a ticket.
select people.address, people.role
from ticket_participants as people
join tickets on tickets.id = people.ticket_id
where tickets.number = :number
order by people.role <> 'requester', people.address;

-- name: messages
-- Gives the messages of a ticket in the order in which they were received.
select
    message.id, message.direction, message.kind, message.account, message.sender_address as sender,
    message.sender_name, message.received_at, message.sent_at, message.subject, message.body_text as text,
    message.automatic, message.verdict, message.decision, message.details,
    encode(message.raw_sha256, 'hex') as raw_sha256, message.raw_size
from messages as message
join tickets on tickets.id = message.ticket_id
where tickets.number = :number
order by message.received_at, message.id;

-- name: repeats
-- Gives the deliveries that were a message of this ticket once more.
select
    repeat.original_message_id as message_id, repeat.kind, repeat.account, repeat.received_at,
    encode(repeat.raw_sha256, 'hex') as raw_sha256, repeat.raw_size
from duplicates as repeat
join messages on messages.id = repeat.original_message_id
join tickets on tickets.id = messages.ticket_id
where tickets.number = :number
order by repeat.received_at, repeat.id;
