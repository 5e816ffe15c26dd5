"""Tokens of ours that a message carries: the true ones with what they were made for, the others with what is wrong.

A mail may hold a hundred of them; each costs one HMAC. Whoever has a true one was sent it, or was sent the mail of
somebody who was: it only proposes, and gates decide.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from router.policy import Policies
from router.tokens import Signer, Verified
from schemas.message import FoundToken, InboundMessage, TokenPlace
from schemas.placement import Source
from schemas.tokens import message_id_with, token_in_message_id

OWN: Final = (TokenPlace.OWN_ID, TokenPlace.LOOP)
ADDRESSES: Final = (TokenPlace.RECIPIENT, TokenPlace.DELIVERED_TO, TokenPlace.TO, TokenPlace.CC)
WRITTEN: Final = (TokenPlace.TO, TokenPlace.CC)
"""Addresses that the writer put there, under the writer's signature: an envelope can be put around anybody's mail."""

ANSWERED: Final = (TokenPlace.IN_REPLY_TO, TokenPlace.REFERENCES)

SOURCES: Final = {
    **dict.fromkeys(OWN, Source.LOOP),
    **dict.fromkeys(ADDRESSES, Source.REPLY_TOKEN),
    **dict.fromkeys(ANSWERED, Source.SIGNED_ID),
    TokenPlace.REPORT: Source.REPORT,
    TokenPlace.BODY: Source.BODY_TOKEN,
}


class OurToken(NamedTuple):
    """A true token. `own_digests` are those of the Message-IDs that it may stand in."""

    place: TokenPlace
    claim: Verified
    own_digests: frozenset[bytes]


class FalseToken(NamedTuple):
    """What looks like a token of ours and is none, and why; for people."""

    place: TokenPlace
    reason: str


class Found(NamedTuple):
    """Every token of a message, by place, the strongest first; in a place, the nearest first."""

    ours: tuple[OurToken, ...] = ()
    others: tuple[FalseToken, ...] = ()

    def at(self, places: Iterable[TokenPlace]) -> Iterator[OurToken]:
        """Give the true ones that stood in these places, in the order of places."""
        return (token for place in places for token in self.ours if token.place is place)


NOTHING: Final = Found()


def tokens_of(message: InboundMessage, signer: Signer | None, policies: Policies) -> Found:
    """Read and verify the tokens of a message."""
    written = _written(message)
    if not written:
        return NOTHING
    if signer is None:
        return Found(others=tuple(FalseToken(token.place, "no key of ours is known") for token in written))
    possible = {*policies.own_domains, *_domains(message)}
    ours: list[OurToken] = []
    others: list[FalseToken] = []
    for token in written:
        claim = signer.verify(token.value)
        if isinstance(claim, str):
            others.append(FalseToken(token.place, claim))
        else:
            ours.append(OurToken(token.place, claim, _own_digests(token.value, possible)))
    return Found(tuple(ours), tuple(others))


def names_unknown_key(message: InboundMessage, signer: Signer) -> bool:
    """Say whether a token names a key of this installation that the signer does not know."""
    return not all(signer.knows(token.value) for token in _written(message))


def _written(message: InboundMessage) -> list[FoundToken]:
    """Give tokens as found; the ids in a delivery report count, too, whoever read it."""
    if message.report is None:
        return list(message.thread.tokens)
    reported = (token_in_message_id(original.shown) for original in message.report.originals)
    return [
        *message.thread.tokens,
        *(FoundToken(place=TokenPlace.REPORT, value=token) for token in reported if token),
    ]


def _domains(message: InboundMessage) -> Iterator[str]:
    """Give domains of the addresses that a mail came to: an account may take every domain."""
    addresses = (*message.envelope.rcpt_to, *(party.address for party in (*message.to, *message.cc)))
    return (address.rpartition("@")[2].lower() for address in addresses[:20])


def _own_digests(token: str, domains: Iterable[str]) -> frozenset[bytes]:
    return frozenset(sha256(message_id_with(token, domain).encode()).digest() for domain in domains)
