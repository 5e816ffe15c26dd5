-- What a reply touches on a large store: every page for the first time since a checkpoint is written ahead whole.

-- No statement asks by it: who takes part is found in `ticket_participants_address`.
drop index tickets_requester;

-- Whose turn it is to decide about a sender and subject (rule 9). The row is nothing but a lock, so it is not written
-- ahead: after a crash the table is empty, as are the locks. Routing kept these keys in `thread_ids` before.
create unlogged table match_claims (
    match_key bytea primary key
);
