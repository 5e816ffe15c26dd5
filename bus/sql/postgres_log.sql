-- name: settings
-- Durable commits, time-outs that mean "later", and plans that use the indexes while statistics are young.
select set_config('synchronous_commit', 'on', false),
       set_config('default_transaction_isolation', 'read committed', false),
       set_config('lock_timeout', :lock, false),
       set_config('statement_timeout', :statement, false),
       set_config('idle_in_transaction_session_timeout', :statement, false),
       set_config('work_mem', '32MB', false),
       set_config('enable_seqscan', 'off', false),
       set_config('enable_bitmapscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false);

-- name: ping
-- Whether the log's tables can be read.
select id from log_topics limit 1;

-- name: create_topic
-- Make the topic, or renew its retention; its id.
insert into log_topics (name, retention_hours) values (:name, :retention_hours)
on conflict (name) do update set retention_hours = excluded.retention_hours
returning id;

-- name: create_partitions
-- Make the partitions that are missing.
insert into log_partitions (topic_id, partition)
select :topic_id, number from generate_series(0, cast(:partitions as int) - 1) as number
on conflict do nothing;

-- name: find_topic
-- A topic with its identity and number of partitions.
select t.id, system_identifier::text as system, t.identity::text as topic, count(p.partition)::int as partitions
from log_topics t cross join pg_control_system() join log_partitions p on p.topic_id = t.id
where t.name = :name
group by t.id, system_identifier, t.identity;

-- name: partition_states
-- Every partition with the time its oldest record was stored.
select p.partition, p.first_offset, p.next_offset, r.stored_at as oldest_at
from log_partitions p left join log_records r
    on r.topic_id = p.topic_id and r.partition = p.partition and r."offset" = p.first_offset
where p.topic_id = :topic_id
order by p.partition;

-- name: append
-- Lock the partitions in order, store the records at their next offsets, move the offsets: one statement, one commit.
with wanted as (
    select * from unnest(cast(:topics as int[]), cast(:partitions as int[]), cast(:counts as int[]))
        with ordinality as wanted (topic_id, partition, records, slot)
), locked as materialized (
    select p.topic_id, p.partition, p.next_offset, wanted.records, wanted.slot
    from wanted join log_partitions p using (topic_id, partition)
    order by p.topic_id, p.partition
    for no key update of p
), stored as (
    insert into log_records (topic_id, partition, "offset", key, value, headers)
    select locked.topic_id, locked.partition, locked.next_offset + new.rank, new.key, new.value, new.headers
    from unnest(cast(:record_slots as int[]), cast(:ranks as int[]), cast(:keys as bytea[]),
                cast(:values as bytea[]), cast(:headers as text[])) as new (slot, rank, key, value, headers)
    join locked using (slot)
)
update log_partitions p set next_offset = locked.next_offset + locked.records
from locked
where p.topic_id = locked.topic_id and p.partition = locked.partition
returning p.topic_id, p.partition, locked.next_offset as first;

-- name: hint
-- Wake readers. Apart from the store and without waiting for the disk: NOTIFY holds a lock over all databases at commit.
select set_config('synchronous_commit', 'off', true), pg_notify('switchboard_log', payload)
from unnest(cast(:payloads as text[])) as payload;

-- name: listen
-- Hear the hints.
listen switchboard_log;

-- name: offsets
-- Where the partitions begin and end.
select partition, first_offset, next_offset from log_partitions
where topic_id = :topic_id and partition = any (cast(:partitions as int[]));

-- name: read
-- Records of exact ranges, in the order of the ranges until the bytes run out; the first record always comes.
with wanted as (
    select * from unnest(cast(:partitions as int[]), cast(:firsts as bigint[]), cast(:untils as bigint[]))
        with ordinality as wanted (partition, first, until, place)
), sized as (
    select wanted.place, r.*, octet_length(r.key) + octet_length(r.value) + octet_length(r.headers) as size
    from wanted cross join lateral (
        select * from log_records
        where topic_id = :topic_id and log_records.partition = wanted.partition
            and "offset" >= wanted.first and "offset" < wanted.until
        order by "offset"
        limit wanted.until - wanted.first -- keeps the planner from joining the other way round
    ) r
), summed as (
    select sized.*, sum(size) over (order by place, "offset") - size as before from sized
)
select partition, "offset", key, value, headers, stored_at
from summed where before < :max_bytes
order by partition, "offset";

-- name: mirror
-- Note how far a group is.
insert into log_positions (topic_id, group_name, partition, next_offset)
select :topic_id, :group_name, partition, next_offset
from unnest(cast(:partitions as int[]), cast(:offsets as bigint[])) as given (partition, next_offset)
order by partition
on conflict (topic_id, group_name, partition)
do update set next_offset = excluded.next_offset, updated_at = now();

-- name: oldest
-- The range of the oldest records of one partition that may go, at most so many.
with old as (
    select "offset", stored_at from log_records
    where topic_id = :topic_id and partition = :partition and "offset" < :floor and "offset" >= (
        select first_offset from log_partitions where topic_id = :topic_id and partition = :partition
    )
    order by "offset"
    limit :chunk
)
select min("offset") as first, coalesce(
    min("offset") filter (
        where stored_at >= now() - make_interval(secs => cast(:keep_hours as double precision) * 3600)
    ),
    max("offset") + 1
) as until
from old;

-- name: delete_records
-- Delete a range of one partition.
delete from log_records
where topic_id = :topic_id and partition = :partition and "offset" >= :first and "offset" < :until;

-- name: move_first
-- Say where the partition begins after deleting.
update log_partitions set first_offset = greatest(first_offset, :until)
where topic_id = :topic_id and partition = :partition;
