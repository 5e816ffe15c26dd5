"""What we say on VK, in messages that VK takes. Pure. Source: VK API, `messages.send`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from connectors.base import Account
from connectors.pieces import pieces, utf16
from connectors.sending import CannotSendError, ChatFile, ChatLetter, Part

MAX_TEXT: Final = 4096
"""Letters, counted in UTF-16 units to be safe: error 914 beyond (9,000 stand in the schema)."""
MAX_FILE: Final = 200 * 1024 * 1024
MAX_RANDOM: Final = 2**31 - 1


def split(letter: ChatLetter, account: Account) -> Sequence[Part]:
    """Cut it: the text, then each file. The first part answers the message that the letter answers."""
    payloads = [*_texts(letter), *(_file(file) for file in letter.files)]
    if not payloads:
        raise CannotSendError("there is nothing to send")
    if letter.answers:
        payloads[0] = {**payloads[0], "forward": _answer(letter)}
    texts = len(payloads) - len(letter.files)
    return [
        Part(
            index=index,
            to=letter.to,
            payload=payload,
            file=None if index < texts else letter.files[index - texts],
            echo=str(random_id(account, letter.number, index)),
        )
        for index, payload in enumerate(payloads)
    ]


def random_id(account: Account, number: int, index: int) -> int:
    """Give the number by which VK drops a message that was sent already: from 1 to 2^31 - 1, always the same."""
    digest = sha256(f"{account.name}\0{number}\0{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % MAX_RANDOM + 1


def _texts(letter: ChatLetter) -> Iterator[Mapping[str, Any]]:
    for piece in pieces(letter.text, limit=MAX_TEXT, measure=utf16):
        yield {"message": piece}


def _file(file: ChatFile) -> Mapping[str, Any]:
    if file.size > MAX_FILE:
        raise CannotSendError(f"{file.name}: {file.size:,} bytes; VK takes {MAX_FILE:,}")
    return {"message": ""}


def _answer(letter: ChatLetter) -> str:
    answered = int(letter.answers) if letter.answers.isdecimal() else 0
    return json.dumps({"peer_id": int(letter.to), "conversation_message_ids": [answered], "is_reply": True})
