-- Where the pollers of channels stand, and what each account's intake last said of itself.

-- `holder` is the process whose turn it is: whoever lost the turn writes nothing any more.
create table channel_cursors (
    account  text primary key,
    holder   uuid not null,
    cursor   jsonb not null default '{}',
    saved_at timestamptz
);

create table channel_states (
    account      text primary key,
    channel      text not null,
    state        text not null check (state in ('starting', 'listening', 'polling', 'trouble')),
    problem      text not null default '',             -- for people
    since        timestamptz not null,
    delivered_at timestamptz,                          -- the last delivery that was stored
    seen_at      timestamptz not null                  -- when a process last said this
);
