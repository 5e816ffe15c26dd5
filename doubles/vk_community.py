"""What VK knows of one community: its conversations, its events, and what its API does with them."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

FIRST_CHAT = 2_000_000_000
MAX_TEXT = 4096
MAX_USERS = 1000
MAX_ATTACHMENTS = 10
KNOWN_SECONDS = 3600.0
"""For which a `random_id` is known again."""
CONFIRMATION = "a1b2c3d4"


class VkError(Exception):
    """An error of VK's API, by its number."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(kw_only=True)
class Community:
    """One community. `denied` and `blocked` are people to whom it cannot write; `forced` are the next calls' errors.

    `shut` are conversations that it may not read any more; `people` are first and last names by number, `deleted`
    those whose pages are gone.
    """

    token: str
    group_id: int
    secret: str = ""
    base_url: str = ""
    key: str = "poll-key-1"
    ts: int = 100
    oldest: int = 0
    denied: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    forced: list[int] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    people: dict[int, tuple[str, str]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    confirmation: str = CONFIRMATION
    callback_url: str = ""
    is_confirmed: bool = False
    wanted: set[str] = field(default_factory=set)
    calls: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _events: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    _randoms: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: count(1))

    def message(self, sender: int, text: str = "", *, peer: int = 0, **more: Any) -> dict[str, Any]:
        """Make a message in a conversation."""
        place = str(peer or sender)
        number = len(self.history[place]) + 1
        made = {
            "date": int(time.time()),
            "from_id": sender,
            "id": 0 if peer > FIRST_CHAT else next(self._numbers),
            "out": int(sender < 0),
            "attachments": [],
            "conversation_message_id": number,
            "fwd_messages": [],
            "important": False,
            "is_hidden": False,
            "peer_id": int(place),
            "random_id": 0,
            "text": text,
            **more,
        }
        self.history[place].append(made)
        return made

    def happen(self, kind: str, content: object) -> Mapping[str, Any]:
        """Let an event happen."""
        self.ts += 1
        name = f"{self.ts:040x}"
        event = {"group_id": self.group_id, "type": kind, "event_id": name, "v": "5.199", "object": content}
        self._events[self.ts] = event
        return event

    def write(self, sender: int, text: str = "", **more: Any) -> Mapping[str, Any]:
        """Give what happens when somebody writes."""
        return {"message": self.message(sender, text, **more), "client_info": {"lang_id": 0}}

    def since(self, ts: int) -> list[Mapping[str, Any]]:
        """Give the events after `ts`."""
        return [event for number, event in self._events.items() if number > ts]

    def uploaded(self, name: str, content: bytes) -> str:
        """Keep what was uploaded; its token."""
        token = f"up{next(self._numbers)}"
        self.files[token] = content
        self.files[name] = content
        return token

    def call(self, method: str, form: Mapping[str, str]) -> object:
        """Do what a method does. Raises `VkError`."""
        if form.get("access_token") != self.token:
            raise VkError(5)
        self.calls.append((method, {name: value for name, value in form.items() if name != "access_token"}))
        if self.forced:
            raise VkError(self.forced.pop(0))
        methods: Mapping[str, Callable[[Mapping[str, str]], object]] = {
            "groups.getLongPollServer": self._long_poll_server,
            "groups.getCallbackConfirmationCode": lambda _: {"code": self.confirmation},
            "groups.getCallbackServers": self._servers,
            "groups.addCallbackServer": self._add_server,
            "groups.editCallbackServer": self._add_server,
            "groups.setCallbackSettings": self._set_settings,
            "users.get": self._users,
            "messages.send": self._send,
            "messages.getConversations": self._conversations,
            "messages.getHistory": self._get_history,
            "messages.getById": self._get_by_id,
            "photos.getMessagesUploadServer": lambda _: {"upload_url": f"{self.base_url}/upload/photo"},
            "photos.saveMessagesPhoto": lambda asked: [{"owner_id": -1, "id": 5, "access_key": asked["photo"]}],
            "docs.getMessagesUploadServer": lambda _: {"upload_url": f"{self.base_url}/upload/doc"},
            "docs.save": lambda asked: {"type": "doc", "doc": {"owner_id": -1, "id": 6, "access_key": asked["file"]}},
        }
        if method not in methods:
            raise VkError(3)
        return methods[method](form)

    def _long_poll_server(self, form: Mapping[str, str]) -> object:
        del form
        return {"key": self.key, "server": f"{self.base_url}/poll", "ts": str(self.ts)}

    def _servers(self, form: Mapping[str, str]) -> object:
        del form
        return {"items": [{"id": 3, "url": self.callback_url}] if self.callback_url else []}

    def _add_server(self, form: Mapping[str, str]) -> object:
        self.callback_url, self.secret = form["url"], form["secret_key"]
        return {"server_id": 3}

    def _set_settings(self, form: Mapping[str, str]) -> object:
        self.wanted = {name for name, value in form.items() if value == "1"}
        return 1

    def _send(self, form: Mapping[str, str]) -> object:
        peer = form["peer_ids"]
        if peer in self.denied or peer in self.blocked:
            raise VkError(901 if peer in self.denied else 900)
        if len(form.get("message", "").encode("utf-16-le")) // 2 > MAX_TEXT:
            raise VkError(914)
        if len(form.get("attachment", "").split(",")) > MAX_ATTACHMENTS:
            raise VkError(100)
        if not form.get("message") and not form.get("attachment"):
            raise VkError(100)
        key, now = (peer, form["random_id"]), self.clock()
        sent, at = self._randoms.get(key, (0, now))
        if not sent or now >= at + KNOWN_SECONDS:
            sent = self._sent(peer, form)
            self._randoms[key] = (sent, now)
        return [{"peer_id": int(peer), "message_id": 0, "conversation_message_id": sent}]

    def _sent(self, peer: str, form: Mapping[str, str]) -> int:
        """Keep what was sent; the echo of it is an event like others."""
        made = self.message(
            -self.group_id,
            form.get("message", ""),
            peer=int(peer),
            random_id=int(form["random_id"]),
            sent={name: form[name] for name in ("attachment", "forward") if name in form},
        )
        self.happen("message_reply", {name: value for name, value in made.items() if name != "sent"})
        return int(made["conversation_message_id"])

    def _conversations(self, form: Mapping[str, str]) -> object:
        waiting = [peer for peer, messages in self.history.items() if messages and messages[-1]["from_id"] > 0]
        page = waiting[int(form["offset"]) :][: int(form["count"])]
        return {"count": len(waiting), "items": [{"conversation": {"peer": {"id": int(peer)}}} for peer in page]}

    def _get_history(self, form: Mapping[str, str]) -> object:
        if form["peer_id"] in self.shut:
            raise VkError(917)
        messages = self.history[form["peer_id"]]
        return {"count": len(messages), "items": list(reversed(messages))[: int(form["count"])]}

    def _users(self, form: Mapping[str, str]) -> object:
        """Give those who are there; names alone are given without being asked for more."""
        asked = form["user_ids"].split(",")
        if len(asked) > MAX_USERS:
            raise VkError(100)
        found = {int(one): self.people[int(one)] for one in asked if one.isdecimal() and int(one) in self.people}
        return [
            {"id": number, "first_name": first, "last_name": last}
            | (
                {"deactivated": "deleted"}
                if number in self.deleted
                else {"can_access_closed": True, "is_closed": False}
            )
            for number, (first, last) in found.items()
        ]

    def _get_by_id(self, form: Mapping[str, str]) -> object:
        wanted = set(form["cmids"].split(","))
        found = [m for m in self.history[form["peer_id"]] if str(m["conversation_message_id"]) in wanted]
        return {"count": len(found), "items": [{k: v for k, v in m.items() if k != "is_cropped"} for m in found]}
