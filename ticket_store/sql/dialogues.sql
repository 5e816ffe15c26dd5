-- name: number_line
-- Raises the dialogue's counter by one and gives it, under the dialogue's lock.
insert into web_dialogues as d (digest, last_line) values (:digest, 1)
on conflict (digest) do update set last_line = d.last_line + 1
returning last_line;

-- name: said_before
-- Gives the line that a piece has become, if it was said before.
select line, said_at from web_lines where digest = :digest and echo = :echo;

-- name: write_line!
-- Keeps what we said.
insert into web_lines (digest, line, echo, body, files, said_at)
values (:digest, :line, :echo, :body, :files, :said_at);

-- name: hint_line
-- Tells the processes that hold sockets which dialogue has a new line.
select pg_notify('switchboard_dialogues', (:digest)::text);

-- name: hear_hints
-- Asks this session to be told of new lines.
listen switchboard_dialogues;

-- name: lines_after
-- Gives the lines of a dialogue that come after one, the oldest first.
select line, body, files, said_at from web_lines
where digest = :digest and line > :after order by line limit :most;

-- name: last_lines
-- Gives the newest lines of a dialogue, the newest first.
select line, body, files, said_at from web_lines where digest = :digest order by line desc limit :most;

-- name: where_dialogues_stand
-- Gives the number of the last line of many dialogues; those without any are left out.
select encode(digest, 'hex') as digest, last_line from web_dialogues where digest = any((:digests)::bytea[]);

-- name: one_line
-- Gives one line.
select line, body, files, said_at from web_lines where digest = :digest and line = :line;

-- name: ticket_of_dialogue
-- Gives the number of the ticket on which a dialogue goes on; none before its first message is routed.
select ticket.number
from conversations as talk
join tickets as ticket on ticket.id = talk.ticket_id
where talk.digest = :digest;

-- name: own_words
-- Gives what the person at the other end of a dialogue said, the newest first.
select details #>> '{thread,own,shown}' as shown, body_text, coalesce(details -> 'files', '[]') as files, received_at
from messages
where conversation = :digest and direction = 'in' and kind = 'message'
order by id desc limit :most;

-- name: first_own_words
-- Gives when the person at the other end of a dialogue first said something.
select received_at
from messages
where conversation = :digest and direction = 'in' and kind = 'message'
order by id
limit 1;
