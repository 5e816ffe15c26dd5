"""Tickets of help desks that were used before, as text for the terminal. Takes plain data, as `--json` prints it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from console.moments import moment
from console.safe_text import paragraphs, plain
from schemas.numbers import shown

MAX_TEXT: Final = 1000
"""Characters of one message of a history; `--json` prints the whole."""


def old_ticket(found: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Show an old ticket: what the export told of it, where it goes on, its last messages."""
    yield f"{indent}Old ticket {plain(found['desk'])} {plain(found['number'])}: {plain(found['subject'])}".rstrip(": ")
    facts = {
        "page": found.get("url", ""),
        "requester": _party(found["requester"], found["requester_name"]),
        "status": found["status"],
        "opened": moment(found["opened_at"]),
        "goes on": _choice(found),
        "known": "" if found["imported_at"] else "only from mail; no export tells of it",
    }
    yield from (f"{indent}  {name}: {plain(str(value))}" for name, value in facts.items() if value)
    for entry in found["history"]:
        at = moment(entry.get("at"))
        yield f"{indent}  -- {', '.join(part for part in (at, plain(entry.get('from', ''), limit=200)) if part)}"
        text = entry.get("text", "")
        cut = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[... cut: --json]"
        yield from (f"{indent}   | {line}" for line in paragraphs(cut).split("\n") if cut.strip())


def _choice(found: Mapping[str, Any]) -> str:
    if found["choice"] == "ticket":
        return f"in ticket {shown(found['ticket'])}, said {found['chosen_by']}"
    return f"at the old desk, said {found['chosen_by']}" if found["choice"] == "forward" else ""


def _party(address: str, name: str) -> str:
    return plain(f"{name} <{address}>" if name and address else address or name, limit=200)
