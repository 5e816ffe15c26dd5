-- name: list_spool
-- Gives a page of held messages, oldest first, of those that fit every filter given.
select
    message.id, spool.reason, message.subject, message.sender_address as sender, message.sender_name,
    message.account, message.channel, message.received_at, spool.held_at,
    greatest(0, floor(extract(epoch from (:now)::timestamptz - spool.held_at)))::bigint as age_seconds
from spool
join messages as message on message.id = spool.message_id
where ((:reason)::text is null or spool.reason = :reason)
    and ((:account)::text is null or message.account = :account)
    and ((:accounts)::text[] is null or message.account = any((:accounts)::text[]))
    and ((:id)::bigint is null or spool.message_id = :id)
    and ((:after_id)::bigint is null or spool.message_id > :after_id)
order by spool.message_id
limit :limit;

-- name: held_detail
-- Gives what the listing leaves out of one held message.
select
    spool.explanation, spool.suggestions, message.decision, message.kind, message.automatic, message.verdict,
    message.body_text as text, message.details,
    encode(message.raw_sha256, 'hex') as raw_sha256, message.raw_size
from spool
join messages as message on message.id = spool.message_id
where spool.message_id = :id;

-- name: expired
-- Gives machines' mail that has waited too long, the oldest first.
select message_id from spool
where held_at < :before and reason = any(:reasons::text[])
order by held_at, message_id
limit :limit;
