"""What the API does on tickets and with held messages: by the same functions as the command line."""

from collections.abc import Mapping, Sequence
from typing import Any

from console.api.ports import Accounts, Asked, Row, Words
from console.api.problems import NotThereError, invalid
from daemon.answering import kept_text
from daemon.api_sight import numbers_said, sorted_out
from daemon.api_tickets import answers
from daemon.clock import now
from daemon.opened import Opened, desk, moving, outbound, second_look, tending
from daemon.suggesting import suggestions
from router.expected import Expected
from schemas.message import BlobRef, File, Party, Text
from ticket_store import spool, ticket_pages
from ticket_store.api_requests import ApiRequests
from ticket_store.listing import as_json as plain
from ticket_store.tickets import TicketNotFoundError


class ApiActions:
    """Actions of tokens. Whatever is acted on must belong to the token's accounts, and where it leads to, too.

    That and the version are looked at under the locks of the action itself.
    """

    def __init__(self, *, store: Opened) -> None:
        self._store = store
        self._uploads = ApiRequests(pool=store.pool)

    async def reply(self, asked: Asked, number: str, words: Words) -> Row:
        """Answer the customer."""
        async with answers("ticket"):
            text, files = await self._said(asked, words)
            done = await outbound(self._store).reply(
                number,
                text,
                by=_who(asked),
                cc=words.people,
                everyone=words.everyone,
                files=files,
                request_key=_key(asked),
                expected=_expected(asked),
            )
            await self._uploads.use_uploads(asked.token.id, words.files, now=now())
        return _row(done)

    async def note(self, asked: Asked, number: str, words: Words) -> Row:
        """Write what customers never see."""
        async with answers("ticket"):
            text, files = await self._said(asked, words)
            done = await outbound(self._store).note(
                number,
                text,
                by=_who(asked),
                to=words.people,
                files=files,
                request_key=_key(asked),
                expected=_expected(asked),
            )
            await self._uploads.use_uploads(asked.token.id, words.files, now=now())
        return _row(done)

    async def status(self, asked: Asked, number: str, target: str) -> None:
        """Close a ticket, open it again, or call it spam."""
        async with answers("ticket"):
            doing = tending(self._store)
            moves = {"closed": doing.close, "open": doing.reopen, "spam": doing.spam}
            await moves[target](number, expected=_expected(asked))

    async def merge(self, asked: Asked, number: str, into: str, *, different: bool) -> Row:
        """Let a ticket go on as another one."""
        async with answers("ticket"):
            done = await tending(self._store).merge(
                number, into, allow_different_requesters=different, expected=_expected(asked)
            )
        return _row(done)

    async def requester(self, asked: Asked, number: str, address: str, name: str) -> None:
        """Name a ticket's customer."""
        async with answers("ticket"):
            party = Party(address=address.strip().lower()[:998], name=" ".join(name.split())[:255])
            await tending(self._store).requester(number, party, expected=_expected(asked))

    async def move(self, asked: Asked, message_id: int, to: str) -> Row:
        """Move a message. Whether there is one is said first to those alone who may see it; its locks come after."""
        async with answers("message"):
            async with self._store.pool.connection() as connection:
                _, account = await ticket_pages.message_place(connection, message_id)
            if not asked.token.sees(account):
                raise TicketNotFoundError
            return _row(await moving(self._store).move(message_id, to, by=_who(asked), expected=_expected(asked)))

    async def _said(self, asked: Asked, words: Words) -> tuple[Text, list[File]]:
        clean = words.text.replace("\0", "").replace("\r\n", "\n").rstrip()
        if not clean.strip():
            raise invalid("body.text", "there is nothing to say: the text is empty")
        files = await self._uploads.uploads(asked.token.id, words.files)
        if len(files) != len(words.files):
            raise invalid("body.files", "there is no such upload of this token: uploads are kept for two days")
        shown = [
            File(
                name=file.name,
                content_type=file.content_type,
                size=file.size,
                blob=BlobRef(sha256=file.sha256, size=file.size),
            )
            for file in files
        ]
        return await kept_text(self._store, clean), shown


class ApiSpool:
    """Held messages for tokens."""

    def __init__(self, *, store: Opened) -> None:
        self._store = store

    async def page(
        self, accounts: Accounts, *, filters: Mapping[str, str | None], after: str | None, limit: int
    ) -> Sequence[Row]:
        """Give one page, the oldest first."""
        try:
            last = ticket_pages.place(after)
        except ValueError:
            raise invalid("query.cursor", "this is no cursor of this listing") from None
        async with answers("held message"), self._store.pool.connection() as connection:
            rows = await spool.list_spool(
                connection, now=now(), **filters, accounts=accounts, after_id=last, limit=limit
            )
        return [{**plain(row), "cursor": str(row.id)} for row in rows]

    async def held(self, accounts: Accounts, message_id: int) -> Row:
        """Give one with its suggestions, of tickets that may be seen."""
        async with answers("held message"):
            async with self._store.pool.connection() as connection:
                found = await spool.show_held(connection, message_id, now=now())
                if accounts is not None and found.message.account not in accounts:
                    raise NotThereError("held message")
            likely = (await suggestions(self._store, [message_id])).get(message_id, [])
            row = plain(found)
            if accounts is not None:
                named = {str(one["ticket"]) for one in likely} | numbers_said(found.explanation)
                async with self._store.pool.connection() as connection:
                    seen, hidden = await sorted_out(connection, accounts, named)
                likely = [one for one in likely if str(one["ticket"]) in seen]
                row["explanation"] = "" if hidden else found.explanation
        return {**row, **row["message"], "suggestions": plain(likely)}

    async def place(self, asked: Asked, message_id: int, action: str, number: str = "") -> Row:
        """Put a held message where it belongs."""
        async with answers("held message or ticket"):
            await self._may(asked, message_id)
            if action == "release":
                done = await second_look(self._store).look(message_id, by=_who(asked))
                return {"ticket": "", "released": 0, "held": not done}
            at, by, reach = desk(self._store), _who(asked), _expected(asked)
            if action == "link":
                filed = await at.link(message_id, number, by=by, reach=reach)
            else:
                filed = await (at.open if action == "open" else at.discard)(message_id, by=by, reach=reach)
        return {"ticket": filed.ticket, "released": filed.released, "held": False}

    async def _may(self, asked: Asked, message_id: int) -> None:
        """Check that it is held, and of an account that the token reaches: a message never changes its account."""
        async with self._store.pool.connection() as connection:
            found = await spool.show_held(connection, message_id, now=now())
        if not asked.token.sees(found.message.account):
            raise spool.NotHeldError


def _expected(asked: Asked) -> Expected:
    return Expected(version=asked.version, accounts=asked.token.accounts)


def _who(asked: Asked) -> str:
    return f"{asked.token.name} (API)"


def _key(asked: Asked) -> str:
    return f"api:{asked.token.id}:{asked.key}" if asked.key else ""


def _row(done: object) -> dict[str, Any]:
    row: dict[str, Any] = plain(done)
    return row
