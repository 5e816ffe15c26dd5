-- Mends of the HTTP API: a feed read by account, leases with an owner, uploads that count until they are used.

-- A reader of some accounts goes from event to event of theirs, however many of others lie between.
create index api_events_by_account on api_events (account, position);

-- The newest position that was forgotten, by account: who stands before it has missed something, and nobody else.
-- What was forgotten before this table was there may have been anybody's: that is the row of ''.
create table api_events_gone (
    account  text primary key,
    position bigint not null
);
insert into api_events_gone (account, position)
select '', coalesce((select min(position) - 1 from api_events), position) from api_feed;

-- Whose the lease is: a request whose lease ran out cannot write over the answer of who took it over.
alter table api_requests add column owner uuid;

-- An upload counts against its token's room until a message has it.
alter table api_uploads add column used_at timestamptz;
create index api_uploads_waiting on api_uploads (token_id) include (size) where used_at is null;
