-- What a platform calls its people is theirs: keys of people hold the account now, and are not folded. Mail keeps its keys.

create function pg_temp.person_key(channel text, account text, address text) returns bytea language sql immutable as $$
    select sha256(
        convert_to(channel, 'UTF8') || '\x00'::bytea || convert_to(account, 'UTF8') || '\x00'::bytea
        || convert_to(btrim(address, E' \t\r\n'), 'UTF8')
    )
$$;

-- As keys were before: whatever the account, and folded.
create function pg_temp.key_of_before(channel text, address text) returns bytea language sql immutable as $$
    select sha256(
        convert_to(channel, 'UTF8') || '\x00'::bytea || convert_to(lower(btrim(address, E' \t\r\n')), 'UTF8')
    )
$$;

-- Who wrote under an old key, on which ticket.
create temporary table rekeyed on commit drop as
select distinct m.sender_key as old, m.ticket_id, m.conversation, m.sender_address as address,
       pg_temp.person_key(m.channel, m.account, m.sender_address) as new
from messages m
where m.channel <> 'mail' and m.direction = 'in';
create index on rekeyed (old);
create index on rekeyed (ticket_id);

-- Who is meant by an old key on a ticket: its requester, and who wrote on it, or on one that goes on as it.
create temporary table meant on commit drop as
with recursive family (ticket_id, part) as (
    select id, id from tickets
    union
    select f.ticket_id, t.id from family f join tickets t on t.merged_into_id = f.part
)
select f.ticket_id, t.requester_key as old, t.requester_address as address, f.ticket_id <> f.part as is_merged,
       pg_temp.person_key(t.channel, t.account, t.requester_address) as new
from family f
join tickets t on t.id = f.part
where t.channel <> 'mail'
union
select f.ticket_id, r.old, r.address, f.ticket_id <> f.part, r.new
from family f
join rekeyed r on r.ticket_id = f.part;
create index on meant (ticket_id, old);

-- Anybody else is a person of the ticket's own account. The same id on another account is a stranger, who must not come.
insert into meant (ticket_id, old, address, is_merged, new)
select p.ticket_id, p.address_key, p.address, false, pg_temp.person_key(t.channel, t.account, p.address)
from ticket_participants p
join tickets t on t.id = p.ticket_id
where t.channel <> 'mail' and p.address_key = pg_temp.key_of_before(t.channel, p.address)
  and not exists (select from meant m where m.ticket_id = p.ticket_id and m.old = p.address_key);

-- Who came from another channel must be one person only: between strangers nobody can choose, and none stays.
insert into meant (ticket_id, old, address, is_merged, new)
select p.ticket_id, p.address_key, min(r.address), false, (array_agg(r.new))[1]
from ticket_participants p
join rekeyed r on r.old = p.address_key
where not exists (select from meant m where m.ticket_id = p.ticket_id and m.old = p.address_key)
group by p.ticket_id, p.address_key
having count(distinct r.new) = 1;

insert into ticket_participants (ticket_id, address_key, address, role)
select distinct on (p.ticket_id, m.new) p.ticket_id, m.new, m.address,
       case when p.role <> 'requester' or m.new = pg_temp.person_key(t.channel, t.account, t.requester_address) then p.role
            when m.is_merged then 'merged'
            else 'added' end
from ticket_participants p
join tickets t on t.id = p.ticket_id
join meant m on m.ticket_id = p.ticket_id and m.old = p.address_key
order by p.ticket_id, m.new, m.is_merged, m.address
on conflict do nothing;

delete from ticket_participants p
where exists (select from rekeyed r where r.old = p.address_key)
   or exists (select from meant m where m.ticket_id = p.ticket_id and m.old = p.address_key);

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
