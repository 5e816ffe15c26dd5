-- Whose token made an endpoint; null: an operator did, or has taken it over.
alter table webhook_endpoints add column token_id bigint references api_tokens (id);
