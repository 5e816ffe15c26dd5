"""One ticket, held message or dead letter as text for the terminal. Takes plain data, as `--json` prints it."""

from collections.abc import Iterator, Mapping
from typing import Any

from console.conversation_detail import conversation_lines
from console.legacy_detail import old_ticket
from console.message_detail import evidence_lines, file_lines, message_lines, party_text, text_lines
from console.moments import moment
from console.safe_text import plain, told

Plain = Mapping[str, Any]


def ticket(found: Plain) -> str:
    """Show a ticket, its messages in order, and why each is there."""
    line = found["ticket"]
    facts = {
        "status": line["status"],
        "requester": party_text(line["requester"], line["requester_name"]),
        "account": f"{line['account']} ({line['channel']})",
        "created": moment(line["created_at"]),
        "closed": moment(found["closed_at"]),
        **_form(found),
        "continues": found["continues"],
        "continued by": ", ".join(found["continued_by"]),
        "goes on as": _merged(found),
        "merged here": ", ".join(found["merged_from"]),
        "participants": ", ".join(f"{one['address']} ({one['role']})" for one in found["participants"]),
    }
    head = [f"Ticket {line['number']}: {plain(line['subject'])}", *_facts(facts), *conversation_lines(found)]
    old = [*_old_tickets(found)]
    messages = (part for message in found["messages"] for part in message_lines(message, line["number"]))
    return "\n".join([*head, *old, *messages])


def _form(found: Plain) -> dict[str, str]:
    """Give for whom a request came by the link of a form."""
    form: Plain = next((message["form"] for message in found["messages"] if message["form"]), {})
    return {"organisation": form.get("organisation", ""), "serial number": form.get("installation", "")}


def _merged(found: Plain) -> str:
    return f"{found['merged_into']} (merged {moment(found['merged_at'])})" if found["merged_into"] else ""


def held(found: Plain) -> str:
    """Show a held message, why it waits, and which tickets it might belong to."""
    line = found["message"]
    facts = {
        "reason": line["reason"],
        "why": told(found["explanation"]),
        "problem": found["problem"],
        "sender": party_text(line["sender"], line["sender_name"]),
        "account": f"{line['account']} ({line['channel']})",
        "check of the sender": found["verdict"],
        "received": moment(line["received_at"]),
        "held": moment(line["held_at"]),
        "raw": _raw(found),
    }
    suggestions = [f"  might belong to: {_suggestion(one)}" for one in found["suggestions"]]
    spoke = evidence_lines(found["decision"], indent="  ")
    head = [f"Held message {line['id']}: {plain(line['subject'])}", *_facts(facts), *spoke, *suggestions]
    return "\n".join([*head, *file_lines(found["files"]), *text_lines(found["text"]), *_old_tickets(found)])


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


def _facts(facts: Plain) -> list[str]:
    return [f"  {name}: {plain(str(value))}" for name, value in facts.items() if value not in (None, "", ())]


def _raw(found: Plain) -> str:
    return f"{found['raw_size']:,} bytes, {found['raw_sha256']}"


def _suggestion(one: Plain) -> str:
    return f"{plain(one['ticket'])}: {told(one['why'])}"
