-- name: add_refusals!
-- Adds counts, in sorted order so that several writers form no cycle of waits.
insert into refusals (day, account, reason, count)
select * from unnest((:days)::date[], (:accounts)::text[], (:reasons)::text[], (:counts)::bigint[])
on conflict (day, account, reason) do update set count = refusals.count + excluded.count;
