-- name: insert_conversations
-- Make sure that every conversation of a batch has a row, in sorted order, before any is locked.
insert into conversations (digest, scope, channel, account)
select c.digest, c.scope, c.channel, c.account
from unnest(:digests::bytea[], :scopes::text[], :channels::text[], :accounts::text[])
    as c (digest, scope, channel, account)
order by c.digest
on conflict do nothing;

-- name: lock_conversations
-- Lock the conversations of a batch in sorted order, and say where each stands.
select t.digest, t.person_key, t.is_group, t.ticket_id, t.wrong_proofs, t.wrong_since
from unnest(:digests::bytea[]) as c (digest)
join conversations t on t.digest = c.digest
order by t.digest
for update of t;

-- name: change_conversations
-- Say where locked conversations stand now.
update conversations t
set person_key = c.person_key, is_group = c.is_group, ticket_id = c.ticket_id, wrong_proofs = c.wrong_proofs,
    wrong_since = c.wrong_since
from unnest(:digests::bytea[], :person_keys::bytea[], :is_groups::boolean[], :ticket_ids::bigint[],
            :wrong_proofs::int[], :wrong_sinces::timestamptz[])
    as c (digest, person_key, is_group, ticket_id, wrong_proofs, wrong_since)
where t.digest = c.digest;

-- name: lock_amendable
-- Lock messages that edits or later parts of albums change, by id, behind the locks of their tickets, and read them.
select m.id, m.ticket_id, m.state, m.author, m.visibility, coalesce(m.decision ->> 'rule', 'kind'), m.id, m.kind, m.channel, m.account, m.scope, m.delivery_key, m.fingerprint, m.sender_address, m.sender_name,
       m.subject, m.body_text, m.body_html, m.automatic, m.received_at, m.sent_at, m.normalizer_version,
       m.raw_sha256, m.raw_size, m.details, m.partition, m."offset"
from unnest(:message_ids::bigint[]) as c (id)
join messages m on m.id = c.id
where m.direction = 'in'
order by m.id
for update of m;

-- name: amend_messages
-- Put what messages say now in the place of what they said.
update messages m
set body_text = c.body_text, body_html = c.body_html, details = c.details
from unnest(:ids::bigint[], :body_texts::text[], :body_htmls::text[], :details::jsonb[])
    as c (id, body_text, body_html, details)
where m.id = c.id;

-- name: copy_earlier_texts
-- Keep what messages said before.
copy earlier_texts (message_id, said_until, body_text, body_html, files) from stdin;

-- name: contacts_of
-- Which conversations may not be written to, as far as their platforms told; locked.
select t.account, t.address_key, t.channel, t.address, t.state, t.since
from unnest(:accounts::text[], :address_keys::bytea[]) as c (account, address_key)
join contacts t on t.account = c.account and t.address_key = c.address_key
order by t.account, t.address_key
for update of t;

-- name: change_contacts
-- Note whether conversations may be written to; news that is older than what is known changes nothing.
insert into contacts (account, address_key, channel, address, state, since)
select c.account, c.address_key, c.channel, c.address, c.state, c.since
from unnest(:accounts::text[], :address_keys::bytea[], :channels::text[], :addresses::text[], :states::text[],
            :sinces::timestamptz[])
    as c (account, address_key, channel, address, state, since)
order by c.account, c.address_key
on conflict (account, address_key) do update set state = excluded.state, since = excluded.since
where contacts.since <= excluded.since;

-- name: sends_up_to
-- What we sent into the conversations of these messages, on their tickets, before each: of the 100 latest messages there.
select latest.id, s.message_id
from unnest(:message_ids::bigint[]) as c (id)
join messages latest on latest.id = c.id
cross join lateral (
    select id, direction, conversation from messages
    where ticket_id = latest.ticket_id and (received_at, id) <= (latest.received_at, latest.id)
    order by received_at desc, id desc
    limit 100
) m
join sends s on s.message_id = m.id
where m.direction = 'out' and m.conversation = latest.conversation;

-- name: due_live
-- Live chats in which the time may be over, the longest waiting first.
select id from tickets
where live and live_until is not null and live_until <= :now
order by live_until
limit :limit;

-- name: waiting_since
-- When the customer of a ticket began to wait: the first public message after the last one of an agent.
select min(m.received_at)
from messages m
where m.ticket_id = :ticket_id and m.author = 'customer' and m.visibility = 'public'
  and m.received_at > coalesce(
      (
          select a.received_at from messages a
          where a.ticket_id = :ticket_id and a.author = 'agent' and a.visibility = 'public'
          order by a.received_at desc
          limit 1
      ),
      '-infinity'
  );

-- name: lock_proofs
-- Lock proofs that people bring, by digest, and say what they were made for.
select p.digest, p.ticket_id, p.scope, p.channel, p.made_by, p.expires_at, p.twin, p.used_at
from unnest(:digests::bytea[]) as c (digest)
join identity_proofs p on p.digest = c.digest
order by p.digest
for update of p;

-- name: use_proofs
-- Note that proofs were brought; the link and the code of one invitation are used together.
update identity_proofs p
set used_at = c.used_at, conversation = c.conversation
from unnest(:twins::bytea[], :used_ats::timestamptz[], :conversations::bytea[]) as c (twin, used_at, conversation)
where p.twin = c.twin and p.used_at is null;

-- name: copy_identity_links
-- Note who was proven to be whose requester.
copy identity_links (ticket_id, requester_key, person_key, channel, account, address, name, conversation, message_id,
                     made_by, linked_at)
from stdin;

-- name: copy_identity_proofs
-- Keep the digests of proofs that we give out.
copy identity_proofs (digest, ticket_id, scope, channel, made_by, made_at, expires_at, twin) from stdin;

-- name: links_of
-- Who is proven to be the requester of a ticket, or of one that goes on as it; ticket by ticket, or a plan may walk all links.
with recursive here (id) as (
    select :ticket_id::bigint
    union
    select t.id from here join tickets t on t.merged_into_id = here.id
)
select l.id, l.ticket_id, l.person_key, l.channel, l.account, l.address, l.name, l.conversation, l.linked_at
from here
cross join lateral (
    select * from identity_links where ticket_id = here.id and undone_at is null offset 0
) l
order by l.id;

-- name: undo_link!
-- Undo a proven link, under the locks of its conversation and its ticket.
update identity_links set undone_at = :now, undone_by = :by where id = :id and undone_at is null;

-- name: own_parts
-- Which messages of ours are meant by names that we gave to their parts at the platform.
select s.account, p.echo, p.message_id
from unnest(:accounts::text[], :echoes::text[]) as c (account, echo)
join send_parts p on p.echo = c.echo and p.echo <> ''
join sends s on s.message_id = p.message_id and s.account = c.account;

-- name: parts_under_way
-- What we are sending into chats just now, of each the 10 oldest: an echo may come before the platform's own answer.
select s.account, s.chat, s.message_id, m.body_text
from unnest(:accounts::text[], :chats::text[]) as c (account, chat)
cross join lateral (
    select account, chat, message_id from sends
    where account = c.account and chat = c.chat and state = 'queued' and chat <> ''
    order by created_at, message_id
    limit 10
) s
join messages m on m.id = s.message_id
where exists (select from send_parts p where p.message_id = s.message_id and p.state in ('trying', 'unsure'));

-- name: keep_early
-- Keep receipts that overtook the platform's answer; what nobody asked for in a day was about somebody else's message.
with gone as (
    delete from early_receipts where kept_at < (:kept_ats::timestamptz[])[1] - interval '1 day'
)
insert into early_receipts (scope, digest, state, reason, said_at, kept_at)
select c.scope, c.digest, c.state, c.reason, c.said_at, c.kept_at
from unnest(:scopes::text[], :digests::bytea[], :states::text[], :reasons::text[], :said_ats::timestamptz[],
            :kept_ats::timestamptz[])
    as c (scope, digest, state, reason, said_at, kept_at)
order by c.scope, c.digest
on conflict (scope, digest) do update
set state = excluded.state, reason = excluded.reason, said_at = excluded.said_at, kept_at = excluded.kept_at
where early_receipts.state <> 'seen';
