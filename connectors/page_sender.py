"""The way back to a page of ours: what we say becomes a line of the dialogue, and pages that are open hear of it."""

from collections.abc import Sequence
from typing import Final

from connectors.base import Account, LaterError
from connectors.dialogue import Dialogues
from connectors.making import conversation_digest
from connectors.pieces import pieces
from connectors.sending import CannotSendError, ChannelDownError, ChatFile, ChatLetter, Part, SendPace, Sent
from connectors.tolerant import items, text_of

MOST_LETTERS: Final = 20_000
"""Letters of one line."""


class PageSender:
    """Says things in the dialogues of one account. Meets what `connectors.sending.Sender` adds to a connector."""

    pace = SendPace()

    def __init__(self, *, account: Account) -> None:
        self._account = account

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
        """Keep one line. Raises `ChannelDownError` while the store does not answer."""
        if dialogues is None:
            raise ChannelDownError("the store of dialogues is not open yet")
        digest = conversation_digest(self._account, part.to)
        try:
            line, at = await dialogues.say(
                digest, echo=part.echo, body=text_of(part.payload.get("text")), files=items(part.payload.get("files"))
            )
        except LaterError as error:
            raise ChannelDownError(str(error)) from error
        return Sent(platform_id=str(line), at=at)


def _shown(file: ChatFile) -> dict[str, object]:
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256}
