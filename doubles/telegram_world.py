"""What Telegram knows: chats, messages, files, and the queue of updates of one bot with its real rules.

From the Bot API's page and the source of Telegram's own server (tdlib/telegram-bot-api): an offset confirms what lies
below it; one that lies far ahead reads from the head; an update lives a day; ids go on.
"""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

BOT = {"id": 700000001, "is_bot": True, "first_name": "Shop", "username": "example_shop_bot"}
DAY = 86400
AHEAD = 10
UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
"""Kinds that come only when they were asked for by name."""


@dataclass(kw_only=True)
class File:
    """A file at Telegram. `cut` ends its bytes early; `slow` is seconds before them."""

    content: bytes
    path: str
    size: int
    cut: bool = False
    slow: float = 0.0


@dataclass(kw_only=True)
class World:
    """One bot's side of Telegram. `clock` moves time ahead, in seconds."""

    chats: dict[int, dict[str, Any]] = field(default_factory=dict)
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    state: dict[int, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)
    queue: list[tuple[int, float, Any]] = field(default_factory=list)
    allowed: frozenset[str] | None = None
    clock: float = 0.0
    changed: threading.Condition = field(default_factory=threading.Condition)
    update_ids: Iterator[int] = field(default_factory=lambda: itertools.count(550918800))
    message_ids: Iterator[int] = field(default_factory=lambda: itertools.count(3001))
    tail: int = 550918800

    def now(self) -> float:
        """Tell the time at Telegram."""
        return time.time() + self.clock

    def person(self, user_id: int, name: str) -> dict[str, Any]:
        """Let somebody have begun to talk with the bot."""
        self.users[user_id] = {"id": user_id, "is_bot": False, "first_name": name, "language_code": "ru"}
        self.chats[user_id] = {"id": user_id, "first_name": name, "type": "private"}
        return self.users[user_id]

    def group(self, chat_id: int, title: str) -> dict[str, Any]:
        """Let the bot be in a group."""
        self.chats[chat_id] = {"id": chat_id, "title": title, "type": "supergroup"}
        return self.chats[chat_id]

    def write(self, chat: int, *, user: int | None = None, **content: Any) -> dict[str, Any]:
        """Let somebody write into a chat; gives the message."""
        found = self.message(chat, self.users[user or chat], content)
        self.push("message", found)
        return found

    def edit(self, message: Mapping[str, Any], **content: Any) -> None:
        """Let somebody change what they wrote."""
        self.push("edited_message", {**message, **content, "edit_date": int(self.now())})

    def block(self, user_id: int) -> None:
        """Let somebody block the bot."""
        self.state[user_id] = "blocked"
        self._membership(user_id, "member", {"status": "kicked", "user": BOT, "until_date": 0})

    def unblock(self, user_id: int) -> None:
        """Let somebody take the bot back."""
        self.state.pop(user_id, None)
        self._membership(user_id, "member", {"status": "member", "user": BOT})

    def upload(self, content: bytes, *, size: int | None = None, **more: Any) -> str:
        """Let a file lie at Telegram; gives its file_id."""
        number = len(self.files) + 1
        file_id = f"AgACAgIAAx-{number}"
        path = f"documents/file_{number}.bin"
        self.files[file_id] = File(content=content, path=path, size=len(content) if size is None else size, **more)
        return file_id

    def photo(self, content: bytes, **more: Any) -> list[dict[str, Any]]:
        """Give the sizes of a new photo; the largest is the bytes given."""
        large, small = self.upload(content, **more), self.upload(b"small")
        return [_size(small, 90, 5), _size(large, 1280, self.files[large].size)]

    def message(self, chat: int, sender: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
        """Make a message."""
        found = {
            "message_id": next(self.message_ids),
            "from": dict(sender),
            "chat": self.chats[chat],
            "date": int(self.now()),
            **content,
        }
        self.messages.append(found)
        return found

    def push(self, kind: str, content: Any) -> None:
        """Put an update into the queue, if the bot wants its kind."""
        wanted = kind not in UNASKED if self.allowed is None else kind in self.allowed
        if wanted:
            self.push_raw(lambda update_id: {"update_id": update_id, kind: content})

    def push_raw(self, make: Any) -> None:
        """Put anything into the queue."""
        with self.changed:
            update_id = next(self.update_ids)
            self.tail = update_id + 1
            self.queue.append((update_id, self.now(), make(update_id)))
            self.changed.notify_all()

    def confirm(self, offset: int) -> None:
        """Forget what lies below an offset; a negative one keeps so many from the end."""
        with self.changed:
            self.queue = [item for item in self.queue if self.now() - item[1] < DAY]
            if offset < 0:
                self.queue = self.queue[offset:]
            elif offset <= self.tail + AHEAD:
                self.queue = [item for item in self.queue if item[0] >= offset]

    def waiting(self, limit: int) -> list[Any]:
        """Give what waits."""
        return [item[2] for item in self.queue[:limit]]

    def _membership(self, user_id: int, old: str, new: Mapping[str, Any]) -> None:
        changed = {
            "chat": self.chats[user_id],
            "from": self.users[user_id],
            "date": int(self.now()),
            "old_chat_member": {"status": old, "user": BOT},
            "new_chat_member": dict(new),
        }
        self.push("my_chat_member", changed)


def _size(file_id: str, width: int, size: int) -> dict[str, Any]:
    return {"file_id": file_id, "file_unique_id": f"u{file_id}", "width": width, "height": width, "file_size": size}
