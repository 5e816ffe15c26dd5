-- name: account_facts
-- Gives for each of some accounts what was refused on a day, until when its platform told us to wait, and what waits to be sent.
with refused as (
    select account, jsonb_object_agg(reason, count) as counts from refusals
    where day = :day and account = any((:accounts)::text[])
    group by account
), told as (
    select account, max(told_until) as until from send_paces
    where account = any((:accounts)::text[]) and told_until > :now
    group by account
), waiting as (
    select account, count(*) as count, min(created_at) as since from sends
    where state = 'queued' and account = any((:accounts)::text[])
    group by account
)
select given.account, coalesce(refused.counts, '{}') as refused, told.until as paused_until,
    coalesce(waiting.count, 0) as waiting, waiting.since as waiting_since
from unnest((:accounts)::text[]) as given (account)
left join refused on refused.account = given.account
left join told on told.account = given.account
left join waiting on waiting.account = given.account;
