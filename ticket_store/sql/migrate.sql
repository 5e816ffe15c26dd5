-- name: lock!
-- Be the only process that migrates this database, until the connection ends.
select pg_advisory_lock(hashtextextended('switchboard.migrate', 0));

-- name: create_table!
-- Where applied migrations are recorded.
create table if not exists schema_migrations (
    component  text not null,
    version    int not null,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now(),
    primary key (component, version)
);

-- name: table_exists$
-- Whether anything was ever migrated here.
select to_regclass('schema_migrations') is not null;

-- name: applied
-- What was applied, in order.
select component, version, name, checksum from schema_migrations order by component, version;

-- name: record!
-- Remember one applied migration.
insert into schema_migrations (component, version, name, checksum)
values (:component, :version, :name, :checksum);
