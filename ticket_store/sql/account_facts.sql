-- name: account_facts
-- Gives what was refused on a day, by reason, and until when platforms told us to wait, for each of some accounts.
with refused as (
    select account, jsonb_object_agg(reason, count) as counts from refusals
    where day = :day and account = any((:accounts)::text[])
    group by account
), told as (
    select account, max(told_until) as until from send_paces
    where account = any((:accounts)::text[]) and told_until > :now
    group by account
)
select given.account, coalesce(refused.counts, '{}') as refused, told.until as paused_until
from unnest((:accounts)::text[]) as given (account)
left join refused on refused.account = given.account
left join told on told.account = given.account;
