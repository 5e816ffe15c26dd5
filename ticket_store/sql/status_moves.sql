-- name: lock_ticket
-- Locks one ticket and gives what its events say of it.
select
    ticket.id, ticket.number, ticket.scope, ticket.account, ticket.channel, ticket.subject, ticket.status,
    ticket.version, ticket.message_count, ticket.requester_address, ticket.requester_name, ticket.created_at,
    earlier.number as continues
from tickets as ticket
left join tickets as earlier on earlier.id = ticket.continues_id
where ticket.number = :number
for update of ticket;

-- name: write_status!
-- Moves the status of a locked ticket.
update tickets set status = :status, closed_at = :closed_at, version = :version where id = :id;
