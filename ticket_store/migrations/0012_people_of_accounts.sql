-- What a platform calls its people is theirs: keys of people hold the account now, and are not folded. Mail keeps its keys.

create function pg_temp.person_key(channel text, account text, address text) returns bytea language sql immutable as $$
    select sha256(
        convert_to(channel, 'UTF8') || '\x00'::bytea || convert_to(account, 'UTF8') || '\x00'::bytea
        || convert_to(btrim(address, E' \t\r\n'), 'UTF8')
    )
$$;

-- Who was meant by an old key: everybody who wrote under it, by account.
create temporary table rekeyed on commit drop as
select distinct m.sender_key as old, m.channel, m.account, m.ticket_id, m.conversation,
       pg_temp.person_key(m.channel, m.account, m.sender_address) as new
from messages m
where m.channel <> 'mail' and m.direction = 'in';

insert into ticket_participants (ticket_id, address_key, address, role)
select distinct on (p.ticket_id, r.new) p.ticket_id, r.new, p.address, p.role
from ticket_participants p
join rekeyed r on r.old = p.address_key
where r.ticket_id = p.ticket_id
   or not exists (select from rekeyed o where o.old = p.address_key and o.ticket_id = p.ticket_id)
order by p.ticket_id, r.new
on conflict do nothing;

delete from ticket_participants p using rekeyed r where r.old = p.address_key;

update tickets t
set requester_key = pg_temp.person_key(t.channel, t.account, t.requester_address),
    match_key = sha256(
        convert_to(t.account, 'UTF8') || '\x00'::bytea
        || pg_temp.person_key(t.channel, t.account, t.requester_address) || '\x00'::bytea
        || convert_to(btrim(t.subject_base), 'UTF8')
    )
where t.channel <> 'mail';

update conversations c set person_key = r.new
from rekeyed r
where r.old = c.person_key and r.conversation = c.digest;

update identity_links l
set person_key = pg_temp.person_key(l.channel, l.account, l.address), requester_key = t.requester_key
from tickets t
where t.id = l.ticket_id;

update contacts c set address_key = pg_temp.person_key(c.channel, c.account, c.address);

update messages m set sender_key = pg_temp.person_key(m.channel, m.account, m.sender_address) where m.channel <> 'mail';

update quoted_ids q set address_key = m.sender_key
from messages m
where m.id = q.message_id and m.channel <> 'mail';

update notices n set address_key = m.sender_key
from messages m
where m.id = n.message_id and m.channel <> 'mail';
