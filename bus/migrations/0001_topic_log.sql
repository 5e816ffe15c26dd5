-- The PostgreSQL log: topics, their partitions, records, and who reads them.

create table log_topics (
    id              int generated always as identity primary key,
    name            text not null unique,
    identity        uuid not null default gen_random_uuid(), -- differs when the topic was created anew
    retention_hours double precision not null,
    created_at      timestamptz not null default now()
);

-- The row is the lock: offsets are taken from it and become visible in order, because it stays locked until the commit.
create table log_partitions (
    topic_id     int not null references log_topics (id) on delete cascade,
    partition    int not null,
    first_offset bigint not null default 0,
    next_offset  bigint not null default 0,
    primary key (topic_id, partition),
    check (first_offset <= next_offset)
) with (fillfactor = 50); -- updated by every publish: room for new versions on the same page

create table log_records (
    topic_id  int not null,
    partition int not null,
    "offset"  bigint not null,
    key       bytea not null,
    value     bytea not null,
    headers   text not null,                                 -- JSON: [[name, value as Latin-1], ...], '' when none
    stored_at timestamptz not null default clock_timestamp(),
    primary key (topic_id, partition, "offset")
) with (toast_tuple_target = 8160); -- most records stay in one row
-- Read once or twice and then deleted: compressing costs more than it saves.
alter table log_records alter column value set storage external;

-- Members of a group that read one topic together. A member that was not heard of for its lease is removed by the others.
create table log_members (
    topic_id     int not null references log_topics (id) on delete cascade,
    group_name   text not null,
    member       uuid not null,
    heartbeat_at timestamptz not null default clock_timestamp(),
    lease        interval not null,
    primary key (topic_id, group_name, member)
);

-- Which member reads a partition: at most one. Goes with its member.
create table log_claims (
    topic_id   int not null,
    group_name text not null,
    partition  int not null,
    member     uuid not null,
    primary key (topic_id, group_name, partition),
    foreign key (topic_id, group_name, member) references log_members on delete cascade
);
create index log_claims_member on log_claims (topic_id, group_name, member);

-- How far a group's own store is, for lag tools. Never a source of truth.
create table log_positions (
    topic_id    int not null references log_topics (id) on delete cascade,
    group_name  text not null,
    partition   int not null,
    next_offset bigint not null,
    updated_at  timestamptz not null default now(),
    primary key (topic_id, group_name, partition)
);
