"""How far each channel is: `connectors/<channel>/quality.toml` against the rules that every channel is measured by.

authenticated = "done"
edits = {exempt = "the platform has none"}
pacing = {todo = "waits for the account's real limits"}
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from daemon.channels import Channel, channels

RULES: Final[Mapping[str, str]] = {
    "authenticated": "the platform's proof is checked in constant time, over raw bytes",
    "signed-body": "the proof covers every byte of the body",
    "replay-safe": "the same delivery again is a duplicate, and an old proof is refused where it has a time",
    "ack-after-store": "the platform hears yes after the store alone, with killed processes too",
    "tolerant": "content that nobody knows yet still gives a message",
    "every-content": "every kind of content that the platform has was recorded and is read",
    "files": "files are kept, with the limit of 20 MiB and its notice",
    "edits": "an edit changes the message and keeps what it said before",
    "receipts": "delivered, seen and failed change what agents see",
    "membership": "blocked, denied and unsubscribed are kept on the contact",
    "replies": "replies go back, cut by the platform's own units",
    "pacing": "the platform's rates are kept over all processes",
    "idempotent-sending": "a part that was tried twice arrives once where the platform can tell",
    "double": "tests run against a server with the platform's real rules",
    "secrets-hidden": "no token in logs, URLs, events, errors or stored bytes",
}

State = Literal["done", "todo", "exempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One rule on one channel. `why` says what is missing, or why it cannot be; empty when it is done."""

    state: State
    why: str = ""


class QualityError(Exception):
    """A `quality.toml` that says too little, or too much."""


@cache
def qualities() -> Mapping[str, Mapping[str, Quality]]:
    """Give every channel's rules, in the order of `RULES`. Raises `QualityError`."""
    return {name: quality(channel) for name, channel in channels().items()}


def quality(channel: Channel) -> Mapping[str, Quality]:
    """Read one channel's. Raises `QualityError`."""
    path = channel.folder / "quality.toml"
    if not path.exists():
        return dict.fromkeys(RULES, Quality(state="todo", why="connectors/*/quality.toml is missing"))
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise QualityError(f"connectors/{channel.name}/quality.toml cannot be read: {error}") from error
    if wrong := told.keys() ^ RULES.keys():
        raise QualityError(f"connectors/{channel.name}/quality.toml: missing or unknown: {', '.join(sorted(wrong))}")
    return {rule: _read(channel, rule, told[rule]) for rule in RULES}


def _read(channel: Channel, rule: str, value: object) -> Quality:
    if value == "done":
        return Quality(state="done")
    if isinstance(value, dict) and len(value) == 1:
        state, why = next(iter(value.items()))
        if state in ("todo", "exempt") and isinstance(why, str) and why:
            return Quality(state="todo" if state == "todo" else "exempt", why=why)
    raise QualityError(
        f'connectors/{channel.name}/quality.toml: {rule} is "done", {{todo = "..."}} or {{exempt = "..."}}'
    )


def summary(found: Mapping[str, Quality]) -> str:
    """Say it in a few words: how many of the rules that can be kept are."""
    done = sum(one.state == "done" for one in found.values())
    open_ = sum(one.state == "todo" for one in found.values())
    return f"{done} of {done + open_} rules done"
