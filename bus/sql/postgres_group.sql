-- name: beat
-- Join the group or renew the lease; whether the member is new.
insert into log_members (topic_id, group_name, member, lease)
values (:topic_id, :group_name, :member, make_interval(secs => :lease))
on conflict (topic_id, group_name, member) do update set heartbeat_at = clock_timestamp()
returning xmax = 0 as joined;

-- name: expire
-- Remove members that were not heard of for their lease, and with them their claims.
delete from log_members
where (topic_id, group_name, member) in (
    select topic_id, group_name, member from log_members
    where topic_id = :topic_id and group_name = :group_name and heartbeat_at < clock_timestamp() - lease
    for update skip locked
);

-- name: members
-- Living members in the order that shares out partitions.
select member::text from log_members
where topic_id = :topic_id and group_name = :group_name
order by member;

-- name: partition_numbers
-- Partitions to share out.
select partition from log_partitions where topic_id = :topic_id order by partition;

-- name: release
-- Give up partitions that are another member's now.
delete from log_claims
where topic_id = :topic_id and group_name = :group_name and member = :member
    and partition <> all (cast(:partitions as int[]));

-- name: claim
-- Take partitions that are free.
insert into log_claims (topic_id, group_name, partition, member)
select :topic_id, :group_name, partition, :member from unnest(cast(:partitions as int[])) as partition
order by partition
on conflict do nothing;

-- name: claimed
-- Partitions that are this member's.
select partition from log_claims
where topic_id = :topic_id and group_name = :group_name and member = :member
order by partition;

-- name: tell
-- Wake the other members.
select pg_notify('switchboard_log', :payload);

-- name: leave
-- Leave the group, and wake the others if it was a member.
with gone as (
    delete from log_members where topic_id = :topic_id and group_name = :group_name and member = :member returning 1
)
select pg_notify('switchboard_log', :payload) from gone;
