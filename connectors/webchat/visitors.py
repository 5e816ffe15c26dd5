"""Who is at the other end of a socket. A visitor holds a token of ours; a user of the host site is vouched for by it.

A user's chat is theirs on every device, and only with the site's fresh word: nothing that opens it stays in a browser
that somebody else may use next. A visitor who signs in at the site goes on in the user's chat; the two are not joined.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.base import RefusedError
from connectors.page_tokens import ExpiredError, Tokens
from connectors.tolerant import text_of
from connectors.webchat.frames import Hello

VISITOR: Final = "v."
USER: Final = "u."
PURPOSE: Final = "visitor"
USER_HOURS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One person in a chat. `token` is what the page carries from now on; `is_new` says that the chat begins."""

    chat: str
    token: str
    user: str = ""
    name: str = ""
    is_new: bool = False


class Visitors:
    """Knows the visitors of one account. `random` gives a new name that nobody can guess."""

    def __init__(self, *, tokens: Tokens, life: timedelta, random: Callable[[], str]) -> None:
        self._tokens = tokens
        self._life = life
        self._random = random

    def enter(self, hello: Hello, *, now: datetime) -> Visitor:
        """Say who this is. Raises `RefusedError` for what is forged, `ExpiredError` when a site's word is over."""
        if hello.user is not None:
            return self._user(hello, now)
        if not hello.token:
            return self._new(now)
        try:
            chat = self.chat_of(hello.token, now=now)
        except ExpiredError:
            return self._new(now)
        if not chat.startswith(VISITOR):
            raise RefusedError("a user of the site without the site's word")
        return Visitor(chat=chat, token=self._token(chat, now + self._life))

    def chat_of(self, token: str, *, now: datetime) -> str:
        """Give the chat that a token opens. Raises `RefusedError`, and `ExpiredError` when it is over."""
        return text_of(self._tokens.read(PURPOSE, token, now=now).get("chat"))

    def _new(self, now: datetime) -> Visitor:
        chat = VISITOR + self._random()
        return Visitor(chat=chat, token=self._token(chat, now + self._life), is_new=True)

    def _user(self, hello: Hello, now: datetime) -> Visitor:
        user = hello.user
        if user is None or not user.id:
            raise RefusedError("the site named nobody")
        end = self._tokens.check_identity(user.id, user.expires, user.signature, now=now)
        chat = USER + user.id
        token = self._token(chat, min(end, now + timedelta(hours=USER_HOURS)))
        return Visitor(chat=chat, token=token, user=user.id, name=user.name)

    def _token(self, chat: str, expires: datetime) -> str:
        return self._tokens.issue(PURPOSE, {"chat": chat}, expires=expires)
