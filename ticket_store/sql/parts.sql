-- name: begin_parts!
-- Store the pieces of a message before the first is sent; a second time changes nothing.
insert into send_parts (message_id, part, echo)
select :message_id, p.part, p.echo
from unnest(:parts::int[], :echoes::text[]) as p (part, echo)
on conflict (message_id, part) do nothing;

-- name: parts
-- What became of the pieces of a message.
select part, state, platform_id, problem, tried_at from send_parts where message_id = :message_id order by part;

-- name: try_part
-- Say that a piece is being sent now, as long as the claim is ours; after a try that nobody saw, its time stays.
update send_parts p
set state = 'trying', tries = p.tries + 1,
    tried_at = case when p.state = 'trying' then p.tried_at else :now end
from sends s
where p.message_id = :message_id and p.part = :part and p.state in ('waiting', 'trying')
  and s.message_id = p.message_id and s.claim = :claim and s.state = 'queued'
returning p.part;

-- name: known_id!
-- Make the platform's id of a piece lead to its message, and let held answers to it be decided anew.
with known as (
    insert into thread_ids (scope, digest, known_message_id)
    select m.scope, :digest, m.id from messages m where m.id = :message_id
    on conflict (scope, digest) do update set known_message_id = excluded.known_message_id
    where thread_ids.known_message_id is null
    returning scope, digest
)
update spool s
set look_again_at = :now
from known
join held_ids h on h.scope = known.scope and h.digest = known.digest
where s.message_id = h.message_id;

-- name: claim_early!
-- Let a receipt that came before the platform's answer say how far the message has come.
with early as (
    delete from early_receipts e
    using messages m
    where m.id = :message_id and e.scope = m.scope and e.digest = :digest
    returning e.state, e.reason, e.said_at
)
update sends s
set recipients = (
    select jsonb_agg(
        case when r ->> 'state' in ('queued', 'sent', 'unsure', 'delayed', 'delivered')
            then r || jsonb_build_object('state', early.state, 'reason', early.reason, 'at', early.said_at)
            else r
        end
    )
    from jsonb_array_elements(s.recipients) r
)
from early
where s.message_id = :message_id;

-- name: mark_part!
-- Note what became of a piece.
update send_parts
set state = :state, platform_id = :platform_id, problem = :problem,
    done_at = case when :state::text in ('waiting', 'trying') then null else :now::timestamptz end
where message_id = :message_id and part = :part and state <> 'sent';

-- name: moved_chat!
-- A platform moved a conversation; earlier moves to where it was lead on.
with earlier as (
    update chat_moves set moved_to = :moved_to, moved_at = :now
    where account = :account and moved_to = :chat and chat <> :moved_to
)
insert into chat_moves (account, chat, moved_to, moved_at)
values (:account, :chat, :moved_to, :now)
on conflict (account, chat) do update set moved_to = excluded.moved_to, moved_at = excluded.moved_at;

-- name: chat_now
-- Where a conversation is now, if its platform moved it.
select moved_to from chat_moves where account = :account and chat = :chat;

-- name: parts_of
-- How far the pieces of messages of ours have come, for people.
select message_id, part, state, problem
from send_parts
where message_id = any(:message_ids::bigint[])
order by message_id, part;

-- name: contact
-- What is known of a conversation: whether it may be written to.
select state from contacts where account = :account and address_key = :address_key;

-- name: take_pace
-- Take a turn of an account and of one of its conversations, unless one of them has none soon: then only say when.
with free as (
    select coalesce(max(p.free_at) filter (where p.chat = ''), :now) as account,
           coalesce(max(p.free_at) filter (where p.chat <> ''), :now) as chat
    from send_paces p
    where p.account = :account and p.chat = any(array['', :chat])
), turn as (
    select case when free.chat > :now then free.chat else greatest(free.account, :now) end as at,
           free.chat <= :now and free.account <= :latest as is_ours
    from free
), taken as (
    insert into send_paces (account, chat, free_at)
    select :account, c.chat, turn.at + c.every
    from turn
    cross join unnest(array['', :chat], array[:account_every, :chat_every]::interval[]) as c (chat, every)
    where turn.is_ours and c.every > interval '0'
    on conflict (account, chat) do update set free_at = greatest(send_paces.free_at, excluded.free_at)
)
select at, is_ours from turn;

-- name: lock_pace!
-- Give one process at a time the turns of an account, until its transaction ends.
select pg_advisory_xact_lock(hashtextextended('switchboard send pace ' || :account, 0));

-- name: told_to_wait!
-- The platform told us to wait: this conversation does, and the whole account when it was told so for two at a time.
with told as (
    insert into send_paces (account, chat, free_at, told_until)
    values (:account, :chat, :until, :until)
    on conflict (account, chat) do update
    set free_at = greatest(send_paces.free_at, excluded.free_at), told_until = excluded.told_until
)
insert into send_paces (account, chat, free_at)
select :account, '', :until
where exists (
    select from send_paces
    where account = :account and chat not in ('', :chat) and told_until > :now
)
on conflict (account, chat) do update set free_at = greatest(send_paces.free_at, excluded.free_at);
