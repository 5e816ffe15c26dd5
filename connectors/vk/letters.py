"""What we say on VK, in messages that VK takes. Pure. Source: VK API, `messages.send`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from connectors.albums import albums
from connectors.base import Account
from connectors.pieces import pieces, utf16
from connectors.sending import CannotSendError, ChatFile, ChatLetter, Part

MAX_TEXT: Final = 4096
"""Letters, counted in UTF-16 units to be safe: error 914 beyond (9,000 stand in the schema)."""
MAX_FILE: Final = 200 * 1024 * 1024
MOST_FILES: Final = 10
"""Attachments of a message."""
MAX_ALBUM: Final = 50 * 1024 * 1024
"""Bytes of files that go together: ours, so that a process holds no more of them at a time."""
MAX_RANDOM: Final = 2**31 - 1


def split(letter: ChatLetter, account: Account) -> Sequence[Part]:
    """Cut it: the text, then the files, up to ten together. The first part answers what the letter answers."""
    for file in letter.files:
        _check(file)
    groups = [files for _, files in albums(letter.files, kind=lambda _: "file", most=MOST_FILES, size=MAX_ALBUM)]
    texts: list[tuple[Mapping[str, Any], Sequence[ChatFile]]] = [(text, ()) for text in _texts(letter)]
    payloads = [*texts, *(({"message": ""}, files) for files in groups)]
    if not payloads:
        raise CannotSendError("there is nothing to send")
    if letter.answers:
        payloads[0] = ({**payloads[0][0], "forward": _answer(letter)}, payloads[0][1])
    return [
        Part(
            index=index,
            to=letter.to,
            payload=payload,
            file=files[0] if len(files) == 1 else None,
            album=files if len(files) > 1 else (),
            echo=str(random_id(account, letter.number, index)),
        )
        for index, (payload, files) in enumerate(payloads)
    ]


def random_id(account: Account, number: int, index: int) -> int:
    """Give the number by which VK drops a message that was sent already: from 1 to 2^31 - 1, always the same."""
    digest = sha256(f"{account.name}\0{number}\0{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_RANDOM + 1


def _texts(letter: ChatLetter) -> Iterator[Mapping[str, Any]]:
    for piece in pieces(letter.text, limit=MAX_TEXT, measure=utf16):
        yield {"message": piece}


def _check(file: ChatFile) -> None:
    if file.size > MAX_FILE:
        raise CannotSendError(f"{file.name}: {file.size:,} bytes; VK takes {MAX_FILE:,}")


def _answer(letter: ChatLetter) -> str:
    answered = int(letter.answers) if letter.answers.isdecimal() else 0
    return json.dumps({"peer_id": int(letter.to), "conversation_message_ids": [answered], "is_reply": True})
