"""Frames of the chat's socket: JSON objects with a key `t`. Read without trust, written for the widget.

from the page   hello {token? user? line? page? language?}   say {id text files? refused?}   turn {id email?}
got {line}   seen {line}   ping
to the page     welcome {token chat line own lines}   ack {id at}   later {id after}   refused {id reason}
line {line text at files}   own {id text at files}   pong   bye {reason}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.tolerant import fields, text_of, whole

MOST_FRAME: Final = 64 * 1024
"""Bytes of UTF-8."""
MOST_LETTERS: Final = 8_000
"""Letters of one message of a visitor."""
MOST_NAME: Final = 64


class BadFrameError(Exception):
    """Nothing that the widget sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A host site's word about who this is."""

    id: str
    expires: str
    signature: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first frame. `line` is the last one that the page has; None: it has nothing yet, and wants the latest."""

    token: str = field(repr=False)
    user: User | None
    line: int | None
    page: str
    language: str


def read(text: str) -> Mapping[str, Any]:
    """Read a frame. Raises `BadFrameError`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrameError from error
    if not isinstance(found, dict):
        raise BadFrameError
    return found


def hello(frame: Mapping[str, Any]) -> Hello:
    """Read the first frame. Raises `BadFrameError`."""
    if frame.get("t") != "hello":
        raise BadFrameError
    user = fields(frame.get("user"))
    return Hello(
        token=text_of(frame.get("token"), 2048),
        user=_user(user) if user else None,
        line=whole(frame.get("line")),
        page=text_of(frame.get("page"), 300),
        language=text_of(frame.get("language"), 16),
    )


def _user(user: Mapping[str, Any]) -> User:
    return User(
        id=text_of(user.get("id"), 160),
        expires=text_of(user.get("expires"), 16),
        signature=text_of(user.get("signature"), 64),
        name=text_of(user.get("name"), 100),
    )


def client_id(frame: Mapping[str, Any]) -> str:
    """Give the page's name of a message. Raises `BadFrameError`."""
    found = text_of(frame.get("id"), MOST_NAME + 1)
    if not found or len(found) > MOST_NAME or not found.isascii() or not found.isprintable():
        raise BadFrameError
    return found


def frame(kind: str, **facts: object) -> str:
    """Write a frame."""
    return json.dumps({"t": kind, **facts}, ensure_ascii=False, separators=(",", ":"))
