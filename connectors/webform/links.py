"""What a form hands out, all signed with the account's secret.

link      `/f/<id>.<signature>`: opens the form. What it is for, and whether it still counts, stands in the store alone
stamp     a page has begun: which link, which dialogue, when. Lives a day
dialogue  the private link: whoever holds it is the person of that dialogue

A dialogue's name follows from the link and the page's own name of its request (the client id), so that the same request
tried again is the same dialogue on every process, and nothing has to be remembered before it is stored. Whoever cannot
guess the client id cannot come into the dialogue.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Final

from connectors.base import RefusedError
from connectors.page_tokens import Tokens
from connectors.tolerant import text_of

FORM: Final = "f."
"""Before the name of a dialogue that a form began."""
STAMP_HOURS: Final = 24
LEAST_CLIENT: Final = 16
MOST_CLIENT: Final = 64
_LINK: Final = "link"
_STAMP: Final = "stamp"
_DIALOGUE: Final = "dialogue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A page that has begun at `at`."""

    link: str
    chat: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A dialogue, and the link by which it began."""

    link: str
    chat: str


class Handed:
    """Makes and reads them. All readers raise `RefusedError`, and `ExpiredError` for what is over."""

    def __init__(self, *, tokens: Tokens, dialogue_life: timedelta) -> None:
        self._tokens = tokens
        self._life = dialogue_life

    def link(self, link_id: str) -> str:
        """Give what stands in the address of a link."""
        return f"{link_id}.{self._tokens.derive(_LINK, link_id)}"

    def link_id(self, text: str) -> str:
        """Read it."""
        link_id, _, signature = text.partition(".")
        made = self._tokens.derive(_LINK, link_id)
        if not compare_digest(signature.encode("utf-8", "replace"), made.encode()):
            raise RefusedError("the link is not ours")
        return link_id

    def stamp(self, link_id: str, client: str, *, now: datetime) -> str:
        """Say that a page began now. `client` has 16 to 64 letters that nobody can guess, and names one request."""
        if not LEAST_CLIENT <= len(client) <= MOST_CLIENT or not client.isascii() or not client.isprintable():
            raise RefusedError("the request has no name of its own")
        facts = {
            "link": link_id,
            "chat": FORM + self._tokens.derive("request", link_id, client),
            "at": int(now.timestamp() * 1000),
        }
        return self._tokens.issue(_STAMP, facts, expires=now + timedelta(hours=STAMP_HOURS))

    def read_stamp(self, text: str, *, now: datetime) -> Stamp:
        """Read it."""
        facts = self._tokens.read(_STAMP, text, now=now)
        at = datetime.fromtimestamp(facts["at"] / 1000, UTC)
        return Stamp(link=text_of(facts["link"]), chat=text_of(facts["chat"]), at=at)

    def dialogue(self, found: Stamp) -> str:
        """Give what opens a dialogue. The same request again gives the same end, so that we know when nobody reads."""
        facts = {"link": found.link, "chat": found.chat}
        return self._tokens.issue(_DIALOGUE, facts, expires=found.at + self._life)

    def read_dialogue(self, text: str, *, now: datetime) -> Pass:
        """Read it."""
        facts = self._tokens.read(_DIALOGUE, text, now=now)
        return Pass(link=text_of(facts["link"]), chat=text_of(facts["chat"]))
