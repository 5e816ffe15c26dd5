-- name: set_timeouts
-- Bounds how long a session of ours may work, wait for a lock, or hold a transaction without doing anything.
select
    set_config('statement_timeout', :statement, false),
    set_config('lock_timeout', :lock, false),
    set_config('idle_in_transaction_session_timeout', :idle, false);
