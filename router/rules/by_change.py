"""What changes a message that came before: an edit by its person, or a later part of its album.

Neither is a message of its own: it is noted, and the message says from now on what it is made of. An edit that comes
before its original waits for it; one by somebody else changes nothing, and waits for a person.
"""

from collections.abc import Iterable, Iterator

from router.findings import Findings
from router.gates import Case
from router.incoming import Incoming
from router.outgoing import OUT
from router.placement import Amends, Placement, held, noted
from router.view import View
from schemas.message import Kind
from schemas.placement import Evidence, HoldReason, Relation, Rule, Source
from schemas.routing_rows import KnownRow

UNKNOWN = "It changes an earlier message that has not come here: it waits for that one."
NOT_THEIRS = "It changes a message that somebody else wrote."
OURS = "Something that we sent was changed in the platform's own app."


def by_edit(case: Case, findings: Findings) -> Placement | None:
    """Change the message that an edit names, if the same person wrote it there."""
    message, view = case.message, case.view
    if message.message.kind is not Kind.EDIT:
        return None
    original = _original(message, view)
    if original is None:
        return held(findings, rule=Rule.EDIT, reason=HoldReason.EDIT, why=UNKNOWN)
    evidence = Evidence(source=Source.IN_REPLY_TO, relation=Relation.KNOWN, message_id=original.id)
    if original.direction == OUT:
        return noted(why=OURS, rule=Rule.EDIT, evidence=(evidence,))
    whole = view.whole(original)
    if whole is None or not _is_theirs(case, original):
        return held(findings, rule=Rule.EDIT, reason=HoldReason.EDIT, why=NOT_THEIRS, evidence=(evidence,))
    placement = noted(why=f"It changes message {whole.id}.", rule=Rule.EDIT, evidence=(evidence,))
    return placement.amending(Amends(message_id=whole.id, part=message.quoted[0].key[1].hex()))


def by_album(case: Case, _findings: Findings) -> Placement | None:
    """Let a later part of an album stand in its first one."""
    first = _first_part(case.message, case.view)
    if first is None or not case.policy.trusts(case.message.message.verdict.result):
        return None
    evidence = Evidence(source=Source.ALBUM, relation=Relation.KNOWN, message_id=first.id)
    placement = noted(why=f"It is a part of message {first.id}.", rule=Rule.ALBUM, evidence=(evidence,))
    return placement.amending(Amends(message_id=first.id))


def changes_stored(messages: Iterable[Incoming], view: View) -> dict[int, KnownRow]:
    """Give the stored messages that these change."""
    found = {row.id: row for message in messages for row in _changed(message, view)}
    return {row_id: row for row_id, row in found.items() if row.direction != OUT}


def _changed(message: Incoming, view: View) -> Iterator[KnownRow]:
    if message.message.kind is Kind.EDIT:
        whole = view.whole(_original(message, view))
        if whole is not None:
            yield whole
    first = _first_part(message, view)
    if first is not None:
        yield first


def _original(message: Incoming, view: View) -> KnownRow | None:
    """Give the message that an edit names; an id with which several came names none."""
    if not message.quoted or view.is_reused(message.quoted[0].key):
        return None
    return view.owner(message.quoted[0].key)


def _first_part(message: Incoming, view: View) -> KnownRow | None:
    owner = view.owner(message.album) if message.album else None
    return None if owner is None or owner.id == message.id else owner


def _is_theirs(case: Case, original: KnownRow) -> bool:
    """Whether the same person changes it in the same conversation, as the platform vouches."""
    message = case.message
    same = original.sender_key == message.sender and original.conversation == message.conversation
    return same and not message.anonymous and case.policy.trusts(message.message.verdict.result)
