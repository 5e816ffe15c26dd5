"""One ticket, held message or dead letter as text for the terminal. Takes plain data, as `--json` prints it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from console.legacy_detail import old_ticket
from console.moments import moment
from console.safe_text import paragraphs, plain

MAX_TEXT: Final = 4000
"""Characters of a message's text; `--json` prints the whole."""

Plain = Mapping[str, Any]


def ticket(found: Plain) -> str:
    """Show a ticket, its messages in order, and why each is there."""
    line = found["ticket"]
    facts = {
        "status": line["status"],
        "requester": _party(line["requester"], line["requester_name"]),
        "account": f"{line['account']} ({line['channel']})",
        "created": moment(line["created_at"]),
        "closed": moment(found["closed_at"]),
        "continues": found["continues"],
        "continued by": ", ".join(found["continued_by"]),
        "participants": ", ".join(f"{one['address']} ({one['role']})" for one in found["participants"]),
    }
    head = [f"Ticket {line['number']}: {plain(line['subject'])}", *_facts(facts)]
    old = [*_old_tickets(found)]
    return "\n".join([*head, *old, *(part for message in found["messages"] for part in _message(message))])


def held(found: Plain) -> str:
    """Show a held message, why it waits, and which tickets it might belong to."""
    line = found["message"]
    facts = {
        "reason": line["reason"],
        "why": found["explanation"],
        "problem": found["problem"],
        "sender": _party(line["sender"], line["sender_name"]),
        "account": f"{line['account']} ({line['channel']})",
        "received": moment(line["received_at"]),
        "held": moment(line["held_at"]),
        "raw": _raw(found),
    }
    suggestions = [f"  might belong to: {_suggestion(one)}" for one in found["suggestions"]]
    head = [f"Held message {line['id']}: {plain(line['subject'])}", *_facts(facts), *suggestions]
    return "\n".join([*head, *_files(found["files"]), *_text(found["text"]), *_old_tickets(found)])


def dead_letter(found: Plain) -> str:
    """Show a dead letter: where it stands and why; its record only as JSON, because it holds the whole message."""
    line = found["letter"]
    facts = {key: line[key] for key in ("state", "account", "reason", "sqlstate")}
    facts |= {"died": moment(line["died_at"]), "size": f"{line['size']:,} bytes"}
    place = f"{line['topic']}, partition {line['partition']}, offset {line['offset']}"
    return "\n".join([f"Dead letter {line['id']}: {place}", *_facts(facts), "  (its record: --json)"])


def _old_tickets(found: Plain) -> Iterator[str]:
    """Show the tickets of old desks that it continues, or may belong to."""
    for old in found.get("old_tickets", ()):
        yield ""
        yield from old_ticket(old, indent="  ")


def _message(found: Plain) -> Iterator[str]:
    decision = found["decision"]
    yield ""
    yield f"-- message {found['id']}, {moment(found['received_at'])}, {_party(found['sender'], found['sender_name'])}"
    if found["subject"]:
        yield f"   {plain(found['subject'])}"
    yield f"   placed by rule {decision.get('rule', '?')}: {plain(str(decision.get('explanation', '')))}".rstrip(": ")
    for repeat in found["repeats"]:
        yield f"   came again as {repeat['kind']} ({repeat['account']}, {moment(repeat['received_at'])})"
    yield from _files(found["files"])
    yield from _text(found["text"])


def _files(files: Sequence[Plain]) -> Iterator[str]:
    for file in files:
        size = "" if file["size"] is None else f", {file['size']:,} bytes"
        state = "" if file["state"] == "stored" else f" [{plain(file['reason'] or file['state'])}]"
        yield f"   file: {plain(file['name'], limit=120) or '(no name)'} ({plain(file['content_type'])}{size}){state}"


def _text(text: str) -> Iterator[str]:
    cut = (
        text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[... {len(text) - MAX_TEXT:,} characters more: --json]"
    )
    if cut.strip():
        yield ""
        yield from (f"   | {line}" for line in paragraphs(cut).split("\n"))


def _facts(facts: Plain) -> list[str]:
    return [f"  {name}: {plain(str(value))}" for name, value in facts.items() if value not in (None, "", ())]


def _party(address: str, name: str) -> str:
    return plain(f"{name} <{address}>" if name else address, limit=200)


def _raw(found: Plain) -> str:
    return f"{found['raw_size']:,} bytes, {found['raw_sha256']}"


def _suggestion(one: Plain) -> str:
    return plain(", ".join(f"{key} {value}" for key, value in one.items()), limit=300)
