-- Events of the outbox are kept beside their rows without compression: they are read once and last for days.
alter table outbox alter column event set storage external;
