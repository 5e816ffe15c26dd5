-- The oldest event that waits for an endpoint is found without reading all that wait.
create index webhook_dispatches_oldest on webhook_dispatches (endpoint_id, created_at) where state = 'pending';
