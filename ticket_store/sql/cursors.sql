-- name: take_turn
-- Takes the turn of polling an account for this session, if nobody else's session has it.
select pg_try_advisory_lock(hashtextextended('switchboard poll ' || (:account)::text, 0));

-- name: leave_turn
-- Gives the turn of this session back.
select pg_advisory_unlock(hashtextextended('switchboard poll ' || (:account)::text, 0));

-- name: session_lives
-- Asks whether the session with its turns is still there.
select 1;

-- name: hold_place!
-- Makes a process the only one that may move the account's cursor.
insert into channel_cursors (account, holder) values (:account, :holder)
on conflict (account) do update set holder = excluded.holder;

-- name: load_place
-- Gives where an account stands, to the process whose turn it is.
select cursor from channel_cursors where account = :account and holder = :holder;

-- name: save_place!
-- Moves the account's cursor, unless another process has the turn meanwhile.
update channel_cursors set cursor = :cursor, saved_at = :at where account = :account and holder = :holder;

-- name: write_states!
-- Keeps what the accounts' intakes say of themselves, in sorted order so that several writers form no cycle of waits.
insert into channel_states (account, channel, state, problem, since, delivered_at, seen_at)
select * from unnest((:accounts)::text[], (:channels)::text[], (:states)::text[], (:problems)::text[],
                     (:since)::timestamptz[], (:delivered)::timestamptz[], (:seen)::timestamptz[])
on conflict (account) do update set
    channel = excluded.channel, state = excluded.state, problem = excluded.problem, since = excluded.since,
    delivered_at = greatest(channel_states.delivered_at, excluded.delivered_at), seen_at = excluded.seen_at;

-- name: read_states
-- Gives what every account's intake last said of itself.
select account, channel, state, problem, since, delivered_at, seen_at from channel_states order by account;
