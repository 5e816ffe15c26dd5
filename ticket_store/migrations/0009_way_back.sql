-- The way back: whose a send is, and what is cleaned.

-- Which worker holds a send: a number that only grows. `attempts` goes back when a try did not count, and may be the
-- same again for another worker.
alter table sends add column claim bigint not null default 0;

-- Settled notices that still say whom they were for.
create index notices_named on notices (done_at) where state <> 'due' and address <> '';
