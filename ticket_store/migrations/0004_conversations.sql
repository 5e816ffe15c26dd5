-- Conversations: chats, their albums and edits, proven links between people, contacts, live chats.

-- A chat at a platform. The row is the lock: nobody decides about a message of a conversation without it.
create table conversations (
    digest       bytea primary key,                    -- sha256 of <channel>:<account>:<chat id>
    scope        text not null,
    channel      text not null,
    account      text not null,
    person_key   bytea,                                -- whose chat it is; null: a group, or nobody proven has written yet
    is_group     boolean not null default false,
    ticket_id    bigint references tickets (id),       -- where the next message goes, if nothing bars it
    wrong_proofs int not null default 0,               -- since `wrong_since`: too many, and none is looked at
    wrong_since  timestamptz
) with (fillfactor = 80);
create index conversations_ticket on conversations (ticket_id) where ticket_id is not null;

alter table messages
    add column conversation bytea,                     -- digest of the chat in which it was written
    add column part_of bigint;                         -- the message with which it is one: an album's first part
