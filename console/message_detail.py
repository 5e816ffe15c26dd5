"""One message of a ticket as text for the terminal: whose it is, who may see it, why it is there, how far it came."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from console.conversation_detail import earlier_lines
from console.moments import moment
from console.safe_text import paragraphs, plain, told

MAX_TEXT: Final = 4000
"""Characters of a message's text; `--json` prints the whole."""

Plain = Mapping[str, Any]

_MARKS: Final = {"internal": "INTERNAL: customers never see it", "unverified": "UNVERIFIED: nobody's proven words"}
_NAMES: Final = {"installation": "serial number", "email": "e-mail"}
_AUTHORS: Final = {"agent": "an agent", "system": "the system"}


def message_lines(found: Plain, number: str) -> Iterator[str]:
    """Show a message; `number` is the ticket that is shown, which may not be the one on which the message stands."""
    yield ""
    yield f"-- message {found['id']}, {moment(found['received_at'])}, {_speaker(found)}"
    if found["visibility"] in _MARKS:
        yield f"   {_MARKS[found['visibility']]}"
    if found["subject"]:
        yield f"   {plain(found['subject'])}"
    if found["ticket"] != number:
        yield f"   of ticket {found['ticket']}, merged into this one"
    yield from _form(found)
    yield from _decision(found["decision"])
    yield from _sender_check(found)
    yield from _sending(found["sending"])
    for repeat in found["repeats"]:
        yield f"   came again as {repeat['kind']} ({repeat['account']}, {moment(repeat['received_at'])})"
    yield from earlier_lines(found)
    yield from file_lines(found["files"])
    yield from text_lines(found["text"])


def _speaker(found: Plain) -> str:
    who = party_text(found["sender"], found["sender_name"])
    return f"{who} ({_AUTHORS[found['author']]})" if found["author"] in _AUTHORS else who


def _form(found: Plain) -> Iterator[str]:
    """Show what the link of a form says, and beside it what its person says, which proves nothing."""
    for words, facts in (("by the link of the form", found["form"]), ("says of themselves", found["contact"])):
        told = ", ".join(f"{_NAMES.get(key, key)} {plain(value, limit=200)}" for key, value in facts.items())
        if told:
            yield f"   {words}: {told}"


def _decision(decision: Plain) -> Iterator[str]:
    yield f"   placed by rule {decision.get('rule', '?')}: {told(str(decision.get('explanation', '')))}".rstrip(": ")
    yield from evidence_lines(decision, indent="   ")
    for suggestion in decision.get("suggestions", ()):
        yield f"   look at: ticket {suggestion['ticket']}, {told(str(suggestion['why']))}"
    if decision.get("requester"):
        yield f"   may really come from: {plain(str(decision['requester']), limit=200)}"


def evidence_lines(decision: Plain, *, indent: str) -> Iterator[str]:
    """Say what spoke for a ticket, and which tickets were rejected by which gate."""
    for evidence in decision.get("evidence", ()):
        yield f"{indent}evidence: {_evidence(evidence)}"
    for rejected in decision.get("rejected", ()):
        where = f"ticket {rejected['ticket']}" if rejected.get("ticket") else "no ticket"
        why = told(str(rejected.get("reason", "")))
        yield f"{indent}rejected: {where} by gate {rejected['gate']}: {why} ({_evidence(rejected['evidence'])})"


def _evidence(evidence: Plain) -> str:
    relation = evidence.get("relation", "none")
    words = [str(evidence["source"]).replace("_", " ")]
    words += [f"{relation} id"] if relation != "none" else []
    words += [plain(str(evidence["shown"]), limit=120)] if evidence.get("shown") else []
    words += [f"of message {evidence['message_id']}"] if evidence.get("message_id") else []
    return " ".join(words)


def _sender_check(found: Plain) -> Iterator[str]:
    if found["direction"] == "in":
        kind = "" if found["automatic"] == "no" else f"; written by a machine ({found['automatic']})"
        yield f"   check of the sender: {found['verdict']}{kind}"


def _sending(sending: Plain | None) -> Iterator[str]:
    if sending is None:
        return
    for one in sending["recipients"]:
        words = " ".join(filter(None, (one["code"], one["reason"])))
        at = f", {moment(one['at'])}" if one["at"] else ""
        yield f"   to {plain(one['address'], limit=200)}: {one['state']}{at}" + (f" ({plain(words)})" if words else "")
    parts = sending["parts"]
    if len(parts) > 1 and any(part["state"] != "sent" for part in parts):
        for part in parts:
            words = f" ({plain(part['problem'])})" if part["problem"] else ""
            yield f"   part {part['number']} of {len(parts)}: {part['state']}{words}"
    if sending["state"] == "queued":
        yield f"   tried {sending['attempts']} times, next {moment(sending['due_at'])}"


def file_lines(files: Sequence[Plain]) -> Iterator[str]:
    """Show attachments, a line each."""
    for file in files:
        size = "" if file["size"] is None else f", {file['size']:,} bytes"
        state = "" if file["state"] == "stored" else f" [{plain(file['reason'] or file['state'])}]"
        yield f"   file: {plain(file['name'], limit=120) or '(no name)'} ({plain(file['content_type'])}{size}){state}"


def text_lines(text: str) -> Iterator[str]:
    """Show a text, indented and cut."""
    cut = (
        text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n[... {len(text) - MAX_TEXT:,} characters more: --json]"
    )
    if cut.strip():
        yield ""
        yield from (f"   | {line}" for line in paragraphs(cut).split("\n"))


def party_text(address: str, name: str) -> str:
    """Show somebody by name and address."""
    return plain(f"{name} <{address}>" if name else address, limit=200)
