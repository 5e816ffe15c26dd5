"""One attempt to bring the pieces of one message to its conversation, from the first that the platform does not have.

What is written before and after each call, so that a crash between any two of them loses nothing:

    row of every piece -> turn taken -> `trying` -> call -> `sent` with the platform's id, known to the index

A call whose end nobody saw (a crash, a timeout) may have arrived. With an `echo` the same call is made again for as
long as the platform tells it from a new one (`Sender.echo_seconds`). Without one, and later, the piece is marked
`unsure` and never sent again: a customer who gets an answer twice loses trust in it, and agents see which one may be
missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

import connectors.sending as platform
from connectors.sending import AlbumSender, GoneError, Part, Sender, SendFailedError, SendLaterError, Sent
from daemon.chat_turns import Turns
from router.conversations_out import Conversation, message_shown
from router.deliveries import LATER, Delivery
from router.sending import ChannelDownError, NotYetError
from schemas.conversation_rows import ContactRow
from schemas.outbound_rows import DueSend
from schemas.part_rows import MarkedPart, PartRow
from schemas.placement import address_key
from ticket_store.parts import PostgresParts

UNREACHABLE: Final = {
    "blocked": "the person has blocked us",
    "denied": "the person does not allow our messages",
    "unsubscribed": "the person has unsubscribed",
    "left": "we are not in this conversation any more",
    "gone": "the conversation is not there any more",
}
"""State of a contact -> why nothing that we send arrives."""
UNSEEN: Final = "nobody saw the platform's answer"
MOST_PROBLEM: Final = 500


class Bytes(Protocol):
    """Where files lie."""

    async def get(self, digest: str) -> bytes:
        """Give the whole. Raises `OSError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every attempt of one account needs. `link` makes a public link to a file, or gives an empty string."""

    sender: Sender
    parts: PostgresParts
    turns: Turns
    blobs: Bytes
    clock: Callable[[], datetime]
    link: Callable[[Part], str] = field(default=lambda _: "")


class Passage:
    """One attempt."""

    def __init__(self, *, means: Means, send: DueSend, parts: Sequence[Part], chat: str) -> None:
        self._means = means
        self._send = send
        self._parts = parts
        self._chat = chat
        self._is_group = bool(send.details.get("details", {}).get("group", False))
        self._states: dict[int, PartRow] = {}

    async def go(self) -> Delivery | None:
        """Send what is not there yet; None when somebody else has taken the send over.

        Raises `router.sending.ChannelDownError` and `NotYetError`.
        """
        means, send = self._means, self._send
        self._chat = await means.parts.chat_now(send.account, self._chat)
        refusal = await self._unreachable()
        if refusal is not None:
            return refusal
        rows = await means.parts.begin(send.message_id, {part.index: part.echo for part in self._parts})
        self._states = {row.part: row for row in rows}
        for part in self._parts:
            state = self._states[part.index].state
            if state == "trying" and not self._is_known_again(part):
                await self._mark(part, "unsure", problem=UNSEEN)
            elif state in ("waiting", "trying"):
                stop = await self._try(part)
                if stop is not None:
                    return stop if stop.state else None
        return verdict([self._states[part.index] for part in self._parts])

    def _is_known_again(self, part: Part) -> bool:
        """Say whether the platform still tells a second call from the first that nobody saw the end of."""
        lasts, since = self._means.sender.echo_seconds, self._states[part.index].tried_at
        if not part.echo or lasts is None or since is None:
            return bool(part.echo)
        return self._means.clock() < since + timedelta(seconds=lasts)

    async def _unreachable(self) -> Delivery | None:
        """Say that nobody can be reached there, as the platform has told; a new message from there mends it."""
        state = await self._means.parts.contact(self._send.account, self._address_key)
        reason = UNREACHABLE.get(state)
        return None if reason is None else Delivery("failed", state, reason)

    @property
    def _address_key(self) -> bytes:
        return address_key(self._send.channel, self._send.account, self._chat)

    async def _try(self, part: Part) -> Delivery | None:
        """Make one call; give what ends this attempt, if it does. An empty state: the claim is lost."""
        means, send = self._means, self._send
        files = [part.file] if part.file is not None else list(part.album)
        contents = [await means.blobs.get(file.sha256) for file in files]
        await means.turns.take(self._chat, is_group=self._is_group)
        if not await means.parts.try_part(send.message_id, part.index, claim=send.claim, now=means.clock()):
            return Delivery("")
        try:
            sent = await self._call(self._addressed(part), contents)
        except SendLaterError as error:
            return await self._later(part, error)
        except SendFailedError as error:
            return await self._failed(part, error)
        except platform.ChannelDownError as error:
            await self._mark(part, self._not_arrived(part), problem=str(error))
            raise ChannelDownError(str(error)) from error
        await self._arrived(part, sent)
        return None

    async def _call(self, part: Part, contents: Sequence[bytes]) -> Sent:
        means = self._means
        if not part.album:
            return await means.sender.send(part, content=contents[0] if contents else None, link=means.link(part))
        if not isinstance(means.sender, AlbumSender):
            raise SendFailedError("this channel takes one file at a time")
        return await means.sender.send_album(part, contents=contents)

    def _addressed(self, part: Part) -> Part:
        return part if part.to == self._chat else replace(part, to=self._chat)

    async def _arrived(self, part: Part, sent: Sent) -> None:
        account = self._send.account
        if sent.moved_to and sent.moved_to != self._chat:
            await self._means.parts.moved(account, self._chat, moved_to=sent.moved_to, now=self._means.clock())
            self._chat = sent.moved_to
        await self._mark(part, "sent", platform_id=sent.platform_id, problem=_refused(part, sent), also=sent.also)
        if sent.pause is not None:
            await self._means.turns.told(self._chat, sent.pause)

    async def _later(self, part: Part, error: SendLaterError) -> Delivery | None:
        """Note what may have arrived, or waits; the rest comes when the platform said, else after a pause of ours."""
        problem = _short(str(error))
        is_over = error.unsure and not part.echo
        state = "unsure" if is_over else "trying" if error.unsure else self._not_arrived(part)
        await self._mark(part, state, problem=problem or (UNSEEN if is_over else ""))
        until = None if error.after is None else await self._means.turns.told(self._chat, error.after)
        if is_over and part is self._parts[-1]:
            return None
        if until is not None:
            raise NotYetError(problem or "the platform asked us to wait", until=until)
        return Delivery(LATER, "", problem)

    def _not_arrived(self, part: Part) -> str:
        """Give the state after a call that surely came to nothing; an earlier one may have come to something."""
        return "trying" if self._states[part.index].state == "trying" else "waiting"

    async def _failed(self, part: Part, error: SendFailedError) -> Delivery | None:
        """Give a piece up. Without a piece of text the rest would not be understood; without a file it is."""
        await self._mark(part, "failed", problem=_short(str(error)))
        if isinstance(error, GoneError):
            send, now = self._send, self._means.clock()
            row = ContactRow(send.account, self._address_key, send.channel, self._chat, error.state, now)
            await self._means.parts.gone(row)
        elif part.file is not None or part.album:
            return None
        return _failure(list(self._states.values()), code=error.code)

    async def _mark(
        self, part: Part, state: str, *, platform_id: str = "", problem: str = "", also: Sequence[str] = ()
    ) -> None:
        row = MarkedPart(
            message_id=self._send.message_id,
            part=part.index,
            state=state,
            now=self._means.clock(),
            platform_id=platform_id,
            problem=problem,
            known=self._digest(platform_id) if platform_id else None,
            also=tuple(map(self._digest, also)),
        )
        await self._means.parts.mark(row)
        self._states[part.index] = PartRow(part.index, state, platform_id, problem, row.now)

    def _digest(self, platform_id: str) -> bytes:
        """Give the id by which answers to this piece find it."""
        where = Conversation(channel=self._send.channel, account=self._send.account, chat=self._chat)
        return sha256(message_shown(where.shown, platform_id).encode("utf-8", "surrogatepass")).digest()


def _refused(part: Part, sent: Sent) -> str:
    """Say how many files did not go before which: a long list is cut, and its end must not look as if it arrived."""
    count = f"{len(sent.refused)} of {len(part.album)} files: " if len(part.album) > 1 else ""
    return _short(f"{count}{'; '.join(sent.refused)}") if sent.refused else ""


def verdict(rows: Sequence[PartRow]) -> Delivery:
    """Give what became of a message by what became of its pieces, none of which waits; name all that did not arrive."""
    if any(row.state == "failed" for row in rows):
        return _failure(rows)
    refused = "; ".join(row.problem for row in rows if row.state == "sent" and row.problem)
    unsure = next((row for row in rows if row.state == "unsure"), None)
    if unsure is None:
        return Delivery("failed", "", _short(f"all but this arrived: {refused}")) if refused else Delivery("sent")
    doubt = f"it may have arrived: {unsure.problem}"
    if refused:
        return Delivery("failed", "", _short(f"refused: {refused}; of another part: {doubt}"))
    return Delivery("unsure", "", _short(doubt))


def _failure(rows: Sequence[PartRow], *, code: str = "") -> Delivery:
    lost = [row for row in rows if row.state in ("failed", "sent") and row.problem]
    problem = "; ".join(row.problem for row in sorted(lost, key=lambda row: row.state))  # what failed as a whole first
    arrived = sum(row.state == "sent" for row in rows)
    share = f"{arrived} of {len(rows)} parts arrived; " if len(rows) > 1 else ""
    return Delivery("failed", code, _short(f"{share}{problem}"))


def _short(text: str) -> str:
    return text[:MOST_PROBLEM]
