"""A message on its way through the router: what the record says, with the keys that matching compares."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from router.found import NOTHING, Found, tokens_of
from router.legacy_desk import LegacyDesk
from router.legacy_marks import Mark, marks_of
from router.policy import Policies
from router.proving import Brought, told_apart
from router.tokens import Signer
from schemas.conversation_rows import ConversationKey
from schemas.message import InboundMessage, Kind, Party, ThreadId
from schemas.numbers import tags_in
from schemas.placement import Source, address_key, match_key
from schemas.routing_rows import IdKey
from schemas.tokens import token_in_address

NAMED_IDS: Final = 20
NAMED_PARTIES: Final = 20
"""How far quoted ids (nearest first) and people in To and Cc are looked up together: at most 400 pairs.

Beyond that a quoted id joins only its own sender's messages; a known id is never limited.
"""

TAGS: Final = 3
"""Ticket numbers in a subject that are looked at."""

MAIL: Final = "mail"
_CHAT_ID: Final = re.compile(r"[<\s]*[a-z][a-z0-9_-]{0,62}:[a-z][a-z0-9_-]{0,62}:", re.IGNORECASE)
"""How ids of conversations and their messages begin: channel and account."""


class Quote(NamedTuple):
    """An id of another message that this one carries, and where."""

    key: IdKey
    source: Source
    shown: str


class Member(NamedTuple):
    """Somebody in To or Cc who is none of us and not the sender. A reply address of ours is nobody."""

    key: bytes
    address: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Incoming:
    """One message. `id` is the store's number for it, `partition` and `offset` where its record stood.

    `quoted` is nearest first: In-Reply-To, then References from right to left; `tags` are numbers of tickets in its
    subject. A sender without an address is nobody: `anonymous` messages match nothing. One of `staff` is no customer:
    known by mail alone, since anybody types any address into a form. `desks` are the old desks whose mail it may be,
    `marks` what it says of them. `conversation` is the digest of the chat in which it was written; None for mail.
    `album` is the id that all parts of one message share, `proof` what its sender brought to prove who they are: it is
    not in `message` any more.
    """

    id: int
    message: InboundMessage
    sender: bytes
    own: IdKey | None
    quoted: tuple[Quote, ...]
    members: tuple[Member, ...]
    match: bytes
    anonymous: bool
    tokens: Found = NOTHING
    tags: tuple[str, ...] = ()
    staff: bool = False
    desks: tuple[LegacyDesk, ...] = ()
    marks: tuple[Mark, ...] = ()
    conversation: bytes | None = None
    album: IdKey | None = None
    proof: Brought | None = None
    partition: int | None = None
    offset: int | None = None

    @property
    def names_anything(self) -> bool:
        """Whether it carries an id, a token or a number that may name a ticket."""
        return bool(self.quoted or self.tokens.ours or self.tags or self.conversation)

    @property
    def is_group(self) -> bool:
        """Whether it was written where several people talk."""
        return self.conversation is not None and self.message.details.get("group") is True

    @property
    def conversation_key(self) -> ConversationKey | None:
        """Give what is to be locked of its conversation."""
        if self.conversation is None:
            return None
        return ConversationKey(self.conversation, self.message.scope, self.message.channel, self.message.account)

    def involves(self, person: bytes) -> bool:
        """Whether this person wrote it or stands in To or Cc."""
        return person == self.sender or any(member.key == person for member in self.members)

    def named_as(self, party: Party, key: bytes) -> "Incoming":
        """Give the message with the name of this person, if it is theirs and its conversation tells none.

        A form asks for a name once, and a platform may not tell it every time. Mail stays as it was written.
        """
        if self.conversation is None or self.message.sender.name or not party.name or self.sender != key:
            return self
        sender = self.message.sender.model_copy(update={"name": party.name})
        return replace(self, message=self.message.model_copy(update={"sender": sender}))

    def namings(self) -> Iterator[tuple[IdKey, bytes]]:
        """Pairs of a quoted id and a person in To or Cc, within the limits above."""
        for quote in self.quoted[:NAMED_IDS]:
            for member in self.members[:NAMED_PARTIES]:
                yield quote.key, member.key


def receive(
    message: InboundMessage,
    *,
    message_id: int,
    policies: Policies,
    signer: Signer | None = None,
    partition: int | None = None,
    offset: int | None = None,
) -> Incoming:
    """Prepare a message for matching. Without a signer no token is true."""
    sender = address_key(message.channel, message.account, message.sender.address)
    message = message if message.channel != MAIL else without_chat_ids(message)
    message, proof = told_apart(message, signer)
    conversation = message.thread.conversation
    desks = tuple(desk for desk in policies.legacy if desk.serves(message.account)) if message.channel == MAIL else ()
    return Incoming(
        id=message_id,
        message=message,
        sender=sender,
        own=_key(message.scope, message.thread.own) if message.thread.own else None,
        quoted=_quotes(message),
        members=_members(message, sender, policies),
        match=match_key(message.account, sender, message.thread.subject_base.strip()),
        anonymous=not is_somebody(message.channel, message.sender),
        tokens=tokens_of(message, signer, policies),
        tags=tags_in(message.subject)[:TAGS] if "#" in message.subject else (),
        staff=message.channel == MAIL and policies.is_staff(message.sender.address),
        desks=desks,
        marks=marks_of(message, desks) if desks else (),
        conversation=bytes.fromhex(conversation.digest) if conversation else None,
        album=_album(message, sender) if message.album and conversation else None,
        proof=proof,
        partition=partition,
        offset=offset,
    )


def without_chat_ids(mail: InboundMessage) -> InboundMessage:
    """Give a mail without ids of the form that messages of chats have: no mail program makes any.

    Else whoever guesses the next id of a chat could take it before its message comes.
    """
    thread = mail.thread
    found = [*([thread.own] if thread.own else ()), *thread.in_reply_to, *thread.references]
    if not any(_CHAT_ID.match(thread_id.shown) for thread_id in found):
        return mail
    kept = thread.model_copy(
        update={
            "own": None if thread.own and _CHAT_ID.match(thread.own.shown) else thread.own,
            "in_reply_to": tuple(one for one in thread.in_reply_to if not _CHAT_ID.match(one.shown)),
            "references": tuple(one for one in thread.references if not _CHAT_ID.match(one.shown)),
        }
    )
    return mail.model_copy(update={"thread": kept})


def _key(scope: str, thread_id: ThreadId) -> IdKey:
    return scope, bytes.fromhex(thread_id.digest)


def _album(message: InboundMessage, sender: bytes) -> IdKey | None:
    """Give the id under which the first part of an album is known: of this person, in this conversation."""
    conversation = message.thread.conversation
    if conversation is None or message.kind is not Kind.MESSAGE:
        return None
    content = b"\0".join((b"album", conversation.digest.encode(), sender, message.album.encode("utf-8", "replace")))
    return message.scope, sha256(content).digest()


def _quotes(message: InboundMessage) -> tuple[Quote, ...]:
    thread = message.thread
    if not thread.in_reply_to and not thread.references:
        return ()
    answered = {thread_id.digest for thread_id in thread.in_reply_to}
    return tuple(
        Quote(
            _key(message.scope, thread_id),
            Source.IN_REPLY_TO if thread_id.digest in answered else Source.REFERENCES,
            thread_id.shown,
        )
        for thread_id in thread.quoted()
    )


def _members(message: InboundMessage, sender: bytes, policies: Policies) -> tuple[Member, ...]:
    ours = {address.strip().lower() for address in message.envelope.rcpt_to}
    found: dict[bytes, Member] = {}
    for party in (*message.to, *message.cc):
        if is_somebody(message.channel, party) and _is_other(party, ours, policies):
            key = address_key(message.channel, message.account, party.address)
            found.setdefault(key, Member(key, party.address))
    found.pop(sender, None)
    return tuple(found.values())


def _is_other(party: Party, ours: set[str], policies: Policies) -> bool:
    address = party.address.strip().lower()
    is_known = policies.is_staff(address) or policies.is_old_desk(address)
    return address not in ours and not is_known and not token_in_address(address)


def is_somebody(channel: str, party: Party) -> bool:
    """Whether an address names one person: in mail, a word without a domain ("root") is many people's."""
    address = party.address.strip()
    if channel != MAIL:
        return bool(address)
    local, _, domain = address.rpartition("@")
    return bool(local and domain)
