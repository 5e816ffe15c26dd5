-- name: create_instance!
-- Makes the only row unless somebody else did.
insert into instance (ticket_number_key) values (:key) on conflict do nothing;

-- name: read_instance
-- Gives the only row.
select instance_id, ticket_number_key, created_at from instance;
