-- name: database_exists$
-- Whether the database of this name is there.
select exists (select from pg_database where datname = :name);

-- name: create_database!
-- Make the store's database (the name is quoted by the caller).
create database {name};
