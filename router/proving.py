"""Proofs of identity that people bring: read once, and never stored as they were written."""

from typing import Final, NamedTuple

from router.tokens import Signer
from schemas.message import InboundMessage
from schemas.proofs import code_in, read_payload

KEY: Final = "proof"
"""Key of `details` under which a connector gives what somebody brought."""


class Brought(NamedTuple):
    """What somebody brought. `digests` name what may have been kept of it; none when nobody here can have made it.

    `is_form` says that it looks like a proof of ours: only that counts as guessing.
    """

    digests: tuple[bytes, ...] = ()
    is_form: bool = False


def brought(message: InboundMessage, signer: Signer | None) -> Brought | None:
    """Read the proof of a message; None when it brings none."""
    written = message.details.get(KEY)
    if not isinstance(written, str) or message.thread.conversation is None:
        return None
    payload = read_payload(written)
    if payload is not None:
        signed = signer is not None and signer.is_ours(payload)
        return Brought(signer.proof_digests(written) if signer is not None and signed else (), is_form=True)
    code = code_in(written)
    if not code:
        return Brought()
    return Brought(signer.proof_digests(code) if signer is not None else (), is_form=True)


def without_proof(message: InboundMessage) -> InboundMessage:
    """Give the message as it may be stored."""
    details = {key: value for key, value in message.details.items() if key != KEY}
    return message.model_copy(update={"details": details})
