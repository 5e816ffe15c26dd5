"""The way back to a page of ours: what we say becomes a line of the dialogue, and pages that are open hear of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from connectors.base import Account, LaterError
from connectors.dialogue import Dialogues
from connectors.making import conversation_digest
from connectors.pieces import pieces
from connectors.sending import CannotSendError, ChannelDownError, ChatFile, ChatLetter, GoneError, Part, SendPace, Sent
from connectors.tolerant import items, text_of

MOST_LETTERS: Final = 20_000
"""Letters of one line."""
OVER: Final = "the private link to this dialogue has ended: nobody can read the answer there"


class PageSender:
    """Says things in the dialogues of one account. Meets what `connectors.sending.Sender` adds to a connector.

    `life` is how long after the person's first words a dialogue can be opened; None: it has no end.
    """

    pace = SendPace()
    echo_seconds = None
    """A line of the store keeps its name for good."""

    def __init__(self, *, account: Account, life: timedelta | None = None) -> None:
        self._account = account
        self._life = life

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Make lines; files stand with the last. Raises `CannotSendError` when there is nothing to say."""
        texts = list(pieces(letter.text, limit=MOST_LETTERS)) or ([""] if letter.files else [])
        if not texts:
            raise CannotSendError("there is neither a text nor a file in it")
        files = [_shown(file) for file in letter.files]
        last = len(texts) - 1
        return [
            Part(
                index=index,
                to=letter.to,
                payload={"text": text, "files": files if index == last else []},
                echo=f"{letter.number}.{index}",
            )
            for index, text in enumerate(texts)
        ]

    async def send(self, part: Part, dialogues: Dialogues | None) -> Sent:
        """Keep one line. Raises `ChannelDownError` while the store is away, and `GoneError` for an ended dialogue."""
        if dialogues is None:
            raise ChannelDownError("the store of dialogues is not open yet")
        digest = conversation_digest(self._account, part.to)
        try:
            if await self._is_over(digest, dialogues):
                raise GoneError("gone", OVER)
            line, at = await dialogues.say(
                digest, echo=part.echo, body=text_of(part.payload.get("text")), files=items(part.payload.get("files"))
            )
        except LaterError as error:
            raise ChannelDownError(str(error)) from error
        return Sent(platform_id=str(line), at=at)

    async def _is_over(self, digest: str, dialogues: Dialogues) -> bool:
        age = None if self._life is None else await dialogues.age(digest)
        return age is not None and self._life is not None and age >= self._life


def _shown(file: ChatFile) -> dict[str, object]:
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256}
