"""What a message says, as text for people: every kind of content that is no plain text gets a mark of its own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from connectors import tolerant
from connectors.telegram import people
from connectors.telegram.entities import quoted, readable
from connectors.telegram.shapes import Json, number, part, parts, words

_MAX_DEPTH: Final = 12
_MAX_LINES: Final = 2000


def read_text(message: Json) -> str:
    """Give the text of a message with what it quotes, or marks of what stands in its place; empty for bare files."""
    body = "\n".join(line for line in (*_marks(message), _said(message)) if line)
    origin = people.origin(part(message, "forward_origin"))
    if origin is not None:
        body = f"[forwarded from {origin.name or origin.kind}]\n{quoted(body)}".removesuffix("\n>")
    quote = readable(part(message, "quote"))
    return f"{quoted(quote)}\n{body}".rstrip("\n") if quote else body


def read_details(message: Json) -> dict[str, Any]:
    """Give the small facts of a message's content."""
    found: dict[str, Any] = {}
    if (contact := part(message, "contact")) and (phone := words(contact, "phone_number", 64)):
        own = number(contact, "user_id")
        is_own = own is not None and own == number(part(message, "from"), "id")
        found["contact"] = {"name": _name(contact), "phone": phone, "own": is_own}
    if (location := _location(message)) is not None:
        found["location"] = location
    if (origin := people.origin(part(message, "forward_origin"))) is not None:
        found["forwarded"] = [origin.details(number(part(message, "forward_origin"), "date"))]
    if quote := words(part(message, "quote"), "text", 1024):
        found["quote"] = quote
    if (outer := part(message, "external_reply")) and (origin := people.origin(part(outer, "origin"))) is not None:
        found["replied_elsewhere"] = origin.details(number(part(outer, "origin"), "date"))
    return found


def _said(message: Json) -> str:
    said = readable(message) or readable(message, "caption", "caption_entities")
    return said or "\n".join(_rich(part(message, "rich_message").get("blocks"), _MAX_DEPTH))


def _rich(block: object, depth: int) -> Iterator[str]:
    """Give the words of a rich message, one block a line, whatever blocks there will be."""
    if not depth:
        return
    if isinstance(block, list):
        for item in block[:_MAX_LINES]:
            yield from _rich(item, depth - 1)
    elif isinstance(block, dict):
        if line := _rich_text(block.get("text"), depth - 1):
            yield line
        for key in ("blocks", "items", "cells", "summary", "caption"):
            yield from _rich(block.get(key), depth - 1)


def _rich_text(text: object, depth: int) -> str:
    if isinstance(text, str):
        return words({"text": text}, "text", 4096)
    if isinstance(text, list) and depth:
        return " ".join(filter(None, (_rich_text(item, depth - 1) for item in text[:_MAX_LINES])))
    return _rich_text(text.get("text"), depth - 1) if isinstance(text, dict) and depth else ""


def _marks(message: Json) -> Iterator[str]:
    for key, mark in _MARKS.items():
        found = message.get(key)
        if found and not (key == "location" and "venue" in message):
            yield mark(found if isinstance(found, dict) else {})


def _contact(contact: Json) -> str:
    return f"[contact] {_name(contact)}, {words(contact, 'phone_number', 64)}"


def _name(of: Json) -> str:
    return f"{words(of, 'first_name')} {words(of, 'last_name')}".strip()


def _location(message: Json) -> Mapping[str, Any] | None:
    """Give a location, a venue's included; None where its figures are none."""
    venue = part(message, "venue")
    found = part(venue, "location") or part(message, "location")
    latitude, longitude = tolerant.number(found.get("latitude")), tolerant.number(found.get("longitude"))
    if latitude is None or longitude is None:
        return None
    title = ", ".join(filter(None, (words(venue, "title"), words(venue, "address"))))
    live = {"live": True} if number(found, "live_period") else {}
    return {"latitude": latitude, "longitude": longitude, **({"title": title} if title else {}), **live}


def _place(location: Json) -> str:
    latitude, longitude = tolerant.number(location.get("latitude")), tolerant.number(location.get("longitude"))
    return "[location]" if latitude is None or longitude is None else f"[location] {latitude}, {longitude}"


def _venue(venue: Json) -> str:
    return f"[place] {words(venue, 'title')}, {words(venue, 'address')}"


def _poll(poll: Json) -> str:
    options = (f"- {words(option, 'text')}" for option in parts(poll, "options"))
    return "\n".join([f"[poll] {words(poll, 'question', 1024)}", *options])


def _checklist(checklist: Json) -> str:
    tasks = parts(checklist, "tasks")
    lines = (f"[{'x' if number(task, 'completion_date') else ' '}] {words(task, 'text')}" for task in tasks)
    return "\n".join([f"[checklist] {words(checklist, 'title')}", *lines])


def _story(story: Json) -> str:
    party = people.chat(part(story, "chat"))
    return f"[story of {party.name}]" if party is not None and party.name else "[story]"


def _sticker(sticker: Json) -> str:
    return f"[sticker {words(sticker, 'emoji', 16)}]".replace(" ]", "]")


def _dice(dice: Json) -> str:
    return f"[{words(dice, 'emoji', 16) or 'dice'} {number(dice, 'value') or 0}]"


def _priced(name: str) -> Callable[[Json], str]:
    """Mark something that has a price in the currency's smallest units."""

    def mark(found: Json) -> str:
        said = (f"[{name}]", words(found, "title"), str(number(found, "total_amount") or 0), words(found, "currency"))
        return " ".join(filter(None, said))

    return mark


def _titled(name: str, *keys: str) -> Callable[[Json], str]:
    return lambda found: f"[{name}] {' '.join(filter(None, (words(found, key) for key in keys)))}".rstrip()


_MARKS: Final[Mapping[str, Callable[[Json], str]]] = {
    "sticker": _sticker,
    "location": _place,
    "venue": _venue,
    "contact": _contact,
    "poll": _poll,
    "dice": _dice,
    "story": _story,
    "reply_to_story": lambda _: "[reply to a story]",
    "paid_media": lambda found: f"[paid media, {number(found, 'star_count') or 0} stars]",
    "checklist": _checklist,
    "game": _titled("game", "title", "description"),
    "invoice": _priced("invoice"),
    "successful_payment": _priced("payment"),
    "refunded_payment": _priced("refund"),
    "giveaway": _titled("giveaway", "prize_description"),
    "giveaway_winners": _titled("winners of a giveaway", "prize_description"),
    "gift": _titled("gift", "text"),
    "unique_gift": _titled("gift"),
    "users_shared": lambda found: f"[{len(list(parts(found, 'users')))} users shared]",
    "chat_shared": _titled("chat shared", "title"),
    "web_app_data": _titled("from a web app", "button_text", "data"),
    "passport_data": _titled("identity documents, encrypted"),
}
"""Kinds of content, and how each is written."""

KNOWN_CONTENT: Final = frozenset(_MARKS)
