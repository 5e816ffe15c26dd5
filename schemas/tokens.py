"""Signed tokens: how a message of ours is recognised when it, or an answer to it, comes back.

One token names an installation, a ticket and a message, and is signed. It stands in the Message-ID of every message
that we send (`<sb.TOKEN@domain>`), in its reply address (`local+rTOKEN@domain`, RFC 5233), in `X-Loop`, and, where an
account wants it, in the text (`[sb:TOKEN]`). Whoever finds one knows its *form* from here; only the router can say
whether it is true (`router/tokens.py`).

Form: 25 octets as 40 letters of base32 (RFC 4648 section 6), in lower case, as addresses lose their case on the way.

    octets  1  key id           which signing key
            2  installation     the first octets of sha256(instance id): another desk's token is told from a forged one
            4  ticket id
            5  message id
            3  opened           seconds of the ticket's opening, modulo 2^24: ids that come again after a restore differ
           10  tag              HMAC-SHA256, cut to 80 bits (RFC 2104 section 5)
"""

import base64
import binascii
import re
from typing import Final, NamedTuple

LETTERS: Final = 40
BODY_OCTETS: Final = 15
TAG_OCTETS: Final = 10
LOCAL_OCTETS: Final = 64

_TOKEN: Final = rf"([a-zA-Z2-7]{{{LETTERS}}})"
IN_LOCAL_PART: Final = re.compile(rf"\+[rR]{_TOKEN}\Z")
IN_MESSAGE_ID: Final = re.compile(rf"\A[sS][bB]\.{_TOKEN}@")
IN_TEXT: Final = re.compile(rf"\[sb:{_TOKEN}\]")
IN_LOOP: Final = re.compile(rf"\A[sS][bB]\.{_TOKEN}\Z")


class Token(NamedTuple):
    """What a token says, true or not."""

    key_id: int
    instance: bytes
    ticket_id: int
    message_id: int
    opened: int
    tag: bytes

    def body(self) -> bytes:
        """Give the octets that are signed."""
        return b"".join(
            (
                self.key_id.to_bytes(1, "big"),
                self.instance,
                self.ticket_id.to_bytes(4, "big"),
                self.message_id.to_bytes(5, "big"),
                self.opened.to_bytes(3, "big"),
            )
        )

    def text(self) -> str:
        """Give its 40 letters."""
        return base64.b32encode(self.body() + self.tag).decode("ascii").lower()


def read_token(text: str) -> Token | None:
    """Read 40 letters, in either case; None for anything else. Says nothing about whether it is true."""
    if len(text) != LETTERS:
        return None
    try:
        octets = base64.b32decode(text.upper())
    except (binascii.Error, ValueError):
        return None
    return Token(
        key_id=octets[0],
        instance=octets[1:3],
        ticket_id=int.from_bytes(octets[3:7], "big"),
        message_id=int.from_bytes(octets[7:12], "big"),
        opened=int.from_bytes(octets[12:15], "big"),
        tag=octets[BODY_OCTETS:],
    )


def message_id_with(token: str, domain: str) -> str:
    """Give the Message-ID of a message of ours, without angle brackets."""
    return f"sb.{token}@{domain}"


def reply_address_with(token: str, address: str) -> str:
    """Give the address to which answers go: `local+rTOKEN@domain`.

    The address itself where a local part leaves no room (64 octets, RFC 5321 section 4.5.3.1.1): ids lead back, too.
    """
    local, _, domain = address.rpartition("@")
    signed = f"{local}+r{token}"
    return f"{signed}@{domain}" if len(signed.encode()) <= LOCAL_OCTETS else address


def token_in_address(address: str) -> str:
    """Give the token in an address's local part, in lower case; empty without one."""
    found = IN_LOCAL_PART.search(address.strip().rpartition("@")[0])
    return found[1].lower() if found else ""


def token_in_message_id(written: str) -> str:
    """Give the token in a Message-ID as written, with or without brackets; empty without one."""
    found = IN_MESSAGE_ID.match(written.strip().strip("<>"))
    return found[1].lower() if found else ""
