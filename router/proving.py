"""Proofs of identity that people bring: read once, and never stored as they were written."""

import re
from typing import Final, NamedTuple

from router.tokens import Signer
from schemas.message import InboundMessage
from schemas.proofs import PAYLOAD, code_in, read_payload

KEY: Final = "proof"
"""Key of `details` under which a connector gives what somebody brought."""
MARK: Final = "[proof]"
"""What stands in a text in the place of a proof: a link that was pasted whole, a command that no connector knows."""

_IN_TEXT: Final = re.compile(rf"(?<![A-Za-z0-9_-]){PAYLOAD}(?![A-Za-z0-9_-])")


class Brought(NamedTuple):
    """What somebody brought. `digests` name what may have been kept of it; none when nobody here can have made it.

    `is_form` says that it looks like a proof of ours: only that counts as guessing.
    """

    digests: tuple[bytes, ...] = ()
    is_form: bool = False


def told_apart(message: InboundMessage, signer: Signer | None) -> tuple[InboundMessage, Brought | None]:
    """Give the message as it may be stored, and the proof that it brought in its conversation, if any."""
    written = message.details.get(KEY)
    pasted = _pasted(message, signer)
    if KEY not in message.details and not pasted:
        return message, None
    found = [_read(one, signer) for one in (written, *sorted(pasted)) if isinstance(one, str)]
    is_chat = message.thread.conversation is not None
    digests = tuple(digest for one in found for digest in one.digests)
    proof = Brought(digests, is_form=any(one.is_form for one in found)) if found and is_chat else None
    return _without(message, pasted), proof


def _read(written: str, signer: Signer | None) -> Brought:
    payload = read_payload(written)
    if payload is not None:
        signed = signer is not None and signer.is_ours(payload)
        return Brought(signer.proof_digests(written) if signer is not None and signed else (), is_form=True)
    code = code_in(written)
    if not code:
        return Brought()
    return Brought(signer.proof_digests(code) if signer is not None else (), is_form=True)


def _pasted(message: InboundMessage, signer: Signer | None) -> frozenset[str]:
    """Give the payloads of ours that stand in the words of a chat."""
    if signer is None or message.thread.conversation is None:
        return frozenset()
    words = (
        message.text.content,
        *(value for key, value in message.details.items() if key != KEY and isinstance(value, str)),
    )
    found = {one for text in words for one in _IN_TEXT.findall(text)}
    return frozenset(one for one in found if (payload := read_payload(one)) is not None and signer.is_ours(payload))


def _without(message: InboundMessage, pasted: frozenset[str]) -> InboundMessage:
    details = {key: value for key, value in message.details.items() if key != KEY}
    if not pasted:
        return message.model_copy(update={"details": details})
    details = {key: _masked(value, pasted) if isinstance(value, str) else value for key, value in details.items()}
    text = message.text.model_copy(update={"content": _masked(message.text.content, pasted)})
    return message.model_copy(update={"details": details, "text": text})


def _masked(text: str, pasted: frozenset[str]) -> str:
    return _IN_TEXT.sub(lambda found: MARK if found[0] in pasted else found[0], text)
