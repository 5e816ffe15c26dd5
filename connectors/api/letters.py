"""What we say to another system, in requests that it takes. Pure (docs/how-to/send-by-api.md says what they hold)."""

from collections.abc import Sequence
from typing import Any, Final

from connectors.pieces import pieces
from connectors.sending import CannotSendError, ChatFile, ChatLetter, Part

MOST_LETTERS: Final = 60_000
"""Letters of one request: even in four bytes each, less than the 256 KiB that every server takes."""


def split(letter: ChatLetter) -> Sequence[Part]:
    """Cut it: the text in as few requests as can be, then each file. Raises `CannotSendError` for an empty one."""
    texts: list[tuple[str, ChatFile | None]] = [(text, None) for text in pieces(letter.text, limit=MOST_LETTERS)]
    told = [*texts, *(("", file) for file in letter.files)]
    if not told:
        raise CannotSendError("there is neither a text nor a file in it")
    return [
        Part(
            index=index,
            to=letter.to,
            payload={
                "type": "answer",
                "id": f"{letter.number}.{index}",
                "message": letter.number,
                "part": index + 1,
                "parts": len(told),
                "conversation": letter.to,
                "text": text,
                "file": _file(file),
            },
            file=file,
            echo=f"{letter.number}.{index}",
        )
        for index, (text, file) in enumerate(told)
    ]


def _file(file: ChatFile | None) -> dict[str, Any] | None:
    """Announce a file. The receiver fetches it from a link of ours, which `send` fills in."""
    if file is None:
        return None
    return {"name": file.name, "content_type": file.content_type, "size": file.size, "sha256": file.sha256}
