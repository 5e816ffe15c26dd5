-- name: forget_paces
-- Forget paces that hold nobody back any more; a conversation without a row is free.
delete from send_paces where free_at < :before and (told_until is null or told_until < :before) returning chat;

-- name: forget_addresses
-- Take the address out of notices that were settled long ago, some at a time.
update notices n
set address = '', address_key = ''
from (
    select id from notices
    where state <> 'due' and address <> '' and done_at < :before
    order by done_at
    limit :limit
) old
where n.id = old.id
returning n.id;
