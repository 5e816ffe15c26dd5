-- name: take_turn
-- Takes the turn of polling an account for this session, if it is free, and in the same statement puts its process's name beside the cursor.
with turn (taken) as materialized (
    select pg_try_advisory_lock(hashtextextended('switchboard poll ' || (:account)::text, 0))
)
insert into channel_cursors (account, holder)
select :account, :holder from turn where taken
on conflict (account) do update set holder = excluded.holder
returning true;

-- name: leave_turn
-- Gives the turn of this session back.
select pg_advisory_unlock(hashtextextended('switchboard poll ' || (:account)::text, 0));

-- name: session_lives
-- Asks whether the session with its turns is still there.
select 1;

-- name: load_place
-- Gives where an account stands, to the process whose turn it is.
select cursor from channel_cursors where account = :account and holder = :holder;

-- name: save_place!
-- Moves the account's cursor, unless another process has the turn meanwhile.
update channel_cursors set cursor = :cursor, saved_at = :at where account = :account and holder = :holder;

-- name: write_states!
-- Keeps what the accounts' intakes say of themselves, in sorted order against cycles of waits; who polls is heard while its turn lasts.
insert into channel_states (account, channel, state, problem, since, delivered_at, seen_at)
select s.account, s.channel, s.state, s.problem, s.since, s.delivered_at, s.seen_at
from unnest((:accounts)::text[], (:channels)::text[], (:states)::text[], (:problems)::text[],
            (:since)::timestamptz[], (:delivered)::timestamptz[], (:seen)::timestamptz[], (:holders)::uuid[])
    as s (account, channel, state, problem, since, delivered_at, seen_at, holder)
where s.holder is null
   or exists (select from channel_cursors c where c.account = s.account and c.holder = s.holder)
on conflict (account) do update set
    channel = excluded.channel, state = excluded.state, problem = excluded.problem, since = excluded.since,
    delivered_at = greatest(channel_states.delivered_at, excluded.delivered_at), seen_at = excluded.seen_at;

-- name: read_states
-- Gives what every account's intake last said of itself.
select account, channel, state, problem, since, delivered_at, seen_at from channel_states order by account;
