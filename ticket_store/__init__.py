"""Everything kept: tickets, messages, ids, spool, ledger, outbox in PostgreSQL; raws and files in the blob store."""
