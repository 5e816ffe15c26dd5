-- name: freeze
-- Makes all that follows in this transaction see one moment.
set transaction isolation level repeatable read, read only;

-- name: positions
-- Gives where the consumer stands in each partition.
select partition, next_offset from consumer_offsets where consumer = :consumer and topic = :topic;

-- name: outcomes
-- Counts what became of deliveries, one row a delivery, with the sum of their offsets.
select state as outcome, account, partition, count(*) as deliveries, coalesce(sum("offset"), 0)::bigint as offsets
from messages
where direction = 'in'
group by state, account, partition
union all
select 'duplicates', account, partition, count(*), coalesce(sum("offset"), 0)::bigint
from duplicates
group by account, partition
union all
select
    case state when 'open' then 'dead_lettered' else 'discarded' end,
    account, partition, count(*), sum("offset")::bigint
from dead_letters
where topic = :topic
group by state, account, partition
union all
select 'erased', account, partition, count(*), coalesce(sum("offset"), 0)::bigint
from delivery_keys
where erased_at is not null
group by account, partition;

-- name: refused
-- Counts what was never accepted.
select account, sum(count)::bigint from refusals group by account;

-- name: irregularities
-- Gives the first offsets without an outcome, with several, or with one although the consumer stands before them.
with outcome as (
    select partition, "offset" from messages where direction = 'in' and partition is not null
    union all
    select partition, "offset" from duplicates where partition is not null
    union all
    select partition, "offset" from dead_letters where topic = :topic
    union all
    select partition, "offset" from delivery_keys where erased_at is not null and partition is not null
),
place as (
    select outcome.partition, outcome."offset", coalesce(position.next_offset, 0) as next_offset, false as is_end
    from outcome
    left join consumer_offsets as position
        on position.consumer = :consumer and position.topic = :topic and position.partition = outcome.partition
    union all
    select partition, next_offset, next_offset, true
    from consumer_offsets
    where consumer = :consumer and topic = :topic
),
walked as (
    select *, lag("offset", 1, -1::bigint) over (partition by partition order by "offset", is_end desc) as before
    from place
)
select
    case
        when not is_end and "offset" >= next_offset then 'ahead_of_offset'
        when "offset" = before then 'doubled'
        else 'missing'
    end as trouble,
    partition,
    case when "offset" > before + 1 and "offset" <= next_offset then before + 1 else "offset" end as first,
    case when "offset" > before + 1 and "offset" <= next_offset then "offset" - 1 else "offset" end as last
from walked
where (not is_end and "offset" >= next_offset) or ("offset" = before and not is_end) or "offset" > before + 1
order by partition, "offset"
limit :limit;
