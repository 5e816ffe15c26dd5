"""Proofs of identity that people bring: read once, and never stored as they were written."""

import re
from typing import Final, NamedTuple

from router.tokens import Signer
from schemas.message import InboundMessage
from schemas.proofs import PAYLOAD, code_in, codes_masked, read_payload

KEY: Final = "proof"
"""Key of `details` under which a connector gives what somebody brought."""
MARK: Final = "[proof]"
"""What stands in a text in the place of a proof: a link that was pasted whole, a command that no connector knows."""

MOST_CODES: Final = 3
"""Codes of one message that are looked at: however many stand there, it counts as one wrong proof."""

_IN_TEXT: Final = re.compile(rf"(?<![A-Za-z0-9_-]){PAYLOAD}(?![A-Za-z0-9_-])")


class Brought(NamedTuple):
    """What somebody brought. `digests` name what may have been kept of it; none when nobody here can have made it.

    `is_form` says that it looks like a proof of ours: only that counts as guessing.
    """

    digests: tuple[bytes, ...] = ()
    is_form: bool = False


def told_apart(message: InboundMessage, signer: Signer | None) -> tuple[InboundMessage, Brought | None]:
    """Give the message as it may be stored, and the proof that it brought in its conversation, if any."""
    is_chat = message.thread.conversation is not None
    if not is_chat and KEY not in message.details:
        return message, None
    written = message.details.get(KEY)
    kept, pasted = _masked(message, signer)
    if KEY not in message.details and not pasted:
        return message, None
    found = [_read(one, signer) for one in (written, *pasted) if isinstance(one, str)]
    digests = tuple(digest for one in found for digest in one.digests)
    proof = Brought(digests, is_form=any(one.is_form for one in found)) if found and is_chat else None
    return kept, proof


def _read(written: str, signer: Signer | None) -> Brought:
    payload = read_payload(written)
    if payload is not None:
        signed = signer is not None and signer.is_ours(payload)
        return Brought(signer.proof_digests(written) if signer is not None and signed else (), is_form=True)
    code = code_in(written)
    if not code:
        return Brought()
    return Brought(signer.proof_digests(code) if signer is not None else (), is_form=True)


def _masked(message: InboundMessage, signer: Signer | None) -> tuple[InboundMessage, list[str]]:
    """Give a message without the proofs that stand in the words of a chat, and what is looked at of them."""
    details = {key: value for key, value in message.details.items() if key != KEY}
    if signer is None or message.thread.conversation is None:
        return message.model_copy(update={"details": details}), []
    payloads, codes = set[str](), dict[str, None]()

    def words(text: str) -> str:
        text, typed = codes_masked(_IN_TEXT.sub(pasted, text), MARK)
        codes.update(dict.fromkeys(typed))
        return text

    def pasted(match: re.Match[str]) -> str:
        payload = read_payload(match[0])
        if payload is None or not signer.is_ours(payload):
            return match[0]
        payloads.add(match[0])
        return MARK

    details = {key: words(value) if isinstance(value, str) else value for key, value in details.items()}
    text = message.text.model_copy(update={"content": words(message.text.content)})
    return message.model_copy(update={"details": details, "text": text}), [*sorted(payloads), *list(codes)[:MOST_CODES]]
