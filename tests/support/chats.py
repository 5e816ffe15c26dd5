"""Messages as the connectors of conversations make them: ids, kinds and details in their forms."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from routing_lab import START, digest

from schemas.message import InboundMessage


def thread_id(shown: str) -> dict[str, str]:
    return {"digest": digest(shown), "shown": shown}


def chat(
    name: str,
    sender: str = "ana",
    *,
    text: str | None = None,
    room: str = "",
    channel: str = "telegram",
    account: str = "bot",
    scope: str = "support",
    answers: str | Sequence[str] = (),
    album: str = "",
    files: Sequence[str] = (),
    minutes: float = 0,
    kind: str = "message",
    verdict: str = "pass",
    key: str = "",
    **details: Any,
) -> InboundMessage:
    """Make a message. `name` is the platform's id of it, `room` the chat: a private one has its person's id.

    `answers` are ids of messages of the same chat, or whole ids of another one. `minutes` after START.
    """
    conversation = f"{channel}:{account}:{room or sender}"
    answered = (answers,) if isinstance(answers, str) else tuple(answers)
    named = [answer if ":" in answer else f"{conversation}:{answer}" for answer in answered]
    is_own = kind == "message"
    return InboundMessage(
        kind=kind,
        channel=channel,
        account=account,
        scope=scope,
        delivery_key=digest(f"{conversation}|{kind}|{name}|{key}"),
        received_at=START + timedelta(minutes=minutes),
        sender={"address": sender, "name": f"{sender.capitalize()} of {channel}"},
        verdict={"result": verdict, "method": "token"},
        text={"content": f"text of {name}" if text is None else text},
        thread={
            "own": thread_id(f"{conversation}:{name}") if is_own else None,
            "in_reply_to": [thread_id(one) for one in named],
            "conversation": thread_id(conversation),
        },
        files=[{"name": file, "state": "pending", "platform_id": f"{name}-{file}"} for file in files],
        album=album,
        raw={"sha256": digest(f"raw {conversation} {kind} {name} {key}"), "size": 100},
        envelope={"intake": "webhook"},
        details=details,
    )


def in_group(name: str, sender: str, **more: Any) -> InboundMessage:
    """Make a message in the group `team`."""
    return chat(name, sender, room="team", group=True, **more)
