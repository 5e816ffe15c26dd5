-- name: claim
-- Take due sends of each lane, the longest due first, under a lease; earlier ones to the same person or chat go first.
with due as materialized (
    select d.message_id
    from unnest(:lanes::text[], :limits::int[]) as l (lane, most)
    cross join lateral (
        select s.message_id
        from sends s
        where s.state = 'queued' and s.due_at <= :now and s.lane = l.lane
          and not exists (
              select from sends e
              where e.ticket_id = s.ticket_id and e.state = 'queued' and e.message_id <> s.message_id
                and e.kind <> 'notice'
                and (e.created_at, e.message_id) < (s.created_at, s.message_id)
                and exists (
                    select from jsonb_array_elements(e.recipients) theirs
                    join jsonb_array_elements(s.recipients) ours
                        on lower(ours ->> 'address') = lower(theirs ->> 'address')
                    where theirs ->> 'state' = 'queued'
                )
          )
          and (s.chat = '' or not exists (
              select from sends e
              where e.account = s.account and e.chat = s.chat and e.chat <> '' and e.state = 'queued'
                and (e.created_at, e.message_id) < (s.created_at, s.message_id)
          ))
        order by s.due_at, s.message_id
        limit l.most
        for update of s skip locked
    ) d
), taken as (
    update sends s
    set due_at = :until, attempts = s.attempts + 1, claim = s.claim + 1
    from due
    where s.message_id = due.message_id
    returning s.*
)
select t.message_id, t.ticket_id, t.account, t.channel, t.kind, t.recipients, t.attempts, t.created_at, m.direction,
       m.sender_address, m.sender_name, m.subject, m.body_text, m.author, m.visibility, m.details,
       encode(m.raw_sha256, 'hex'), t.lane, t.claim
from taken t
join messages m on m.id = t.message_id
order by t.created_at, t.message_id;

-- name: extend!
-- Keep claimed sends for longer.
update sends s
set due_at = :until
from unnest(:message_ids::bigint[], :claims::bigint[]) as c (message_id, claim)
where s.message_id = c.message_id and s.claim = c.claim and s.state = 'queued';

-- name: give_back!
-- Give back claimed sends that were not tried: they are due again then, and the attempt does not count.
update sends s
set due_at = :due_at, attempts = s.attempts - 1, problem = :problem
from unnest(:message_ids::bigint[], :claims::bigint[]) as c (message_id, claim)
where s.message_id = c.message_id and s.claim = c.claim and s.state = 'queued';

-- name: keep_raw
-- Name the bytes of a message of ours, once.
with kept as (
    update messages
    set raw_sha256 = decode(:sha256, 'hex'), raw_size = :size
    where id = :message_id and direction = 'out' and (raw_sha256 is null or raw_sha256 = decode(:sha256, 'hex'))
    returning id, raw_sha256
)
insert into blob_refs (sha256, owner_kind, owner_id)
select raw_sha256, 'message', id from kept
on conflict (sha256, owner_kind, owner_id) do update set owner_id = excluded.owner_id
returning owner_id;

-- name: lock_send
-- Lock a send that is still ours, and read its recipients: a bounce may have come meanwhile.
select recipients from sends where message_id = :message_id and claim = :claim and state = 'queued' for update;

-- name: mark!
-- Note what an attempt came to.
update sends
set state = :state, recipients = :recipients::jsonb, due_at = :due_at, sent_at = :sent_at, problem = :problem
where message_id = :message_id;

-- name: hold_again
-- Put a message that could not be sent on back into the spool, with the ids that it quotes and that of its old ticket.
with held as (
    update messages
    set state = 'held',
        decision = decision || jsonb_build_object('outcome', 'held', 'hold', 'legacy', 'explanation', :explanation::text)
    where id = :message_id and state = 'noted' and direction = 'in'
    returning id, scope, details -> 'thread' as thread, coalesce(decision -> 'evidence', '[]'::jsonb) as evidence
), forgotten as (
    delete from sends s using held where s.message_id = held.id
), waiting as (
    insert into held_ids (scope, digest, message_id)
    select held.scope, decode(quoted ->> 'digest', 'hex'), held.id
    from held
    cross join jsonb_array_elements(
        coalesce(held.thread -> 'in_reply_to', '[]'::jsonb) || coalesce(held.thread -> 'references', '[]'::jsonb)
    ) as quoted
    union
    select held.scope, sha256('\x6c656761637900'::bytea || convert_to(split_part(named ->> 'shown', ' ', 1), 'UTF8')
               || '\x00' || convert_to(substr(named ->> 'shown', strpos(named ->> 'shown', ' ') + 1), 'UTF8')), held.id
    from held
    cross join jsonb_array_elements(held.evidence) as named
    where named ->> 'source' = 'legacy' and strpos(named ->> 'shown', ' ') > 0
    on conflict do nothing
)
insert into spool (message_id, reason, explanation, held_at)
select id, 'legacy', :explanation, :now from held
on conflict do nothing;

-- name: backlog
-- Count what waits to be sent in each lane, and give when the longest waiting one was written.
select lane, count(*), min(created_at) from sends where state = 'queued' group by lane;
