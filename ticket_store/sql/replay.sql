-- name: outdated
-- Gives a page of messages that an older normalizer read.
select m.id, m.kind, m.channel, m.account, m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name,
       m.subject, m.body_text, m.body_html, m.automatic, m.received_at, m.sent_at, m.normalizer_version,
       m.raw_sha256, m.raw_size, m.details, m.partition, m."offset"
from messages m
where m.id > :after_id and m.direction = 'in' and m.channel = :channel and m.normalizer_version < :version
    and ((:account)::text is null or m.account = :account)
    and ((:since)::timestamptz is null or m.received_at >= :since)
    and ((:until)::timestamptz is null or m.received_at < :until)
    and (not (:held)::boolean or m.state = 'held')
order by m.id
limit :limit;

-- name: count_outdated
-- Counts them.
select count(*)
from messages m
where m.direction = 'in' and m.channel = :channel and m.normalizer_version < :version
    and ((:account)::text is null or m.account = :account)
    and ((:since)::timestamptz is null or m.received_at >= :since)
    and ((:until)::timestamptz is null or m.received_at < :until)
    and (not (:held)::boolean or m.state = 'held');
