"""What a message says after an edit, or after a later part of its album came. Pure.

An album is one message: its texts and files stand in the order of the platform's own ids, in whatever order they came.
`details.parts` of the message keeps what each part brought: its id, its text, and how many files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.message import File, InboundMessage, Text

PARTS: Final = "parts"
EDITS: Final = "edits"
"""Key of `details`: when parts of the message were last changed, by their own ids."""
BETWEEN: Final = "\n\n"
"""Stands between the texts of an album's parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one part of a message brought. `place` orders parts."""

    own: str
    place: str
    text: str
    files: tuple[File, ...]

    @property
    def order(self) -> tuple[int, str]:
        """Give what parts are sorted by: ids of platforms are numbers, mostly."""
        return len(self.place), self.place

    def shown(self) -> dict[str, Any]:
        """Give it as it stands in `details.parts`."""
        return {"own": self.own, "place": self.place, "text": self.text, "files": len(self.files)}


def with_part(whole: InboundMessage, part: InboundMessage) -> InboundMessage:
    """Give the message with a later part of its album."""
    return _made_of(whole, [*_pieces(whole), _piece(part)])


def with_edit(whole: InboundMessage, edit: InboundMessage, *, part: str) -> InboundMessage:
    """Give the message as it was changed; `part` is the digest of the changed part's own id.

    An edit that names no files leaves them; one that does names all that are left, and what is here of them stays.
    """
    edits = {**whole.details.get(EDITS, {}), part: said_at(edit).isoformat()}
    noted = whole.model_copy(update={"details": {**whole.details, EDITS: edits}})
    pieces = _pieces(whole)
    if len(pieces) == 1:
        files = _kept(whole.files, edit.files)
        return noted.model_copy(update={"text": edit.text, "html": edit.html, "files": files})
    return _made_of(noted, [_changed(piece, edit) if piece.own == part else piece for piece in pieces])


def changed_at(whole: InboundMessage, part: str) -> datetime | None:
    """Give when this part of the message was last changed, if it was."""
    known = whole.details.get(EDITS, {}).get(part)
    return None if known is None else datetime.fromisoformat(known)


def says(message: InboundMessage) -> tuple[Text, Text | None, tuple[File, ...]]:
    """Give what people see of a message."""
    return message.text, message.html, message.files


def said_at(message: InboundMessage) -> datetime:
    """Give when an edit was made, as its platform says."""
    return message.sent_at or message.received_at


def _changed(piece: Piece, edit: InboundMessage) -> Piece:
    return Piece(own=piece.own, place=piece.place, text=edit.text.content, files=_kept(piece.files, edit.files))


def _kept(before: Sequence[File], now: Sequence[File]) -> tuple[File, ...]:
    """Give the files of an edit, those that were here before as they are: they may have been fetched meanwhile."""
    known = {file.platform_id: file for file in before if file.platform_id}
    return tuple(known.get(file.platform_id, file) for file in now) if now else tuple(before)


def _pieces(whole: InboundMessage) -> list[Piece]:
    stored = whole.details.get(PARTS)
    if not isinstance(stored, list):
        return [_piece(whole)]
    files, pieces = list(whole.files), []
    for one in stored:
        count = int(one["files"])
        pieces.append(Piece(own=one["own"], place=one["place"], text=one["text"], files=tuple(files[:count])))
        files = files[count:]
    return pieces


def _piece(message: InboundMessage) -> Piece:
    own = message.thread.own
    shown = own.shown if own else ""
    return Piece(
        own=own.digest if own else "",
        place=shown.rpartition(":")[2],
        text=message.text.content,
        files=message.files,
    )


def _made_of(whole: InboundMessage, pieces: Sequence[Piece]) -> InboundMessage:
    ordered = sorted(pieces, key=lambda piece: piece.order)
    text = BETWEEN.join(piece.text for piece in ordered if piece.text.strip())
    overflow = whole.text.overflow if text.startswith(whole.text.content) else None
    return whole.model_copy(
        update={
            "text": Text(content=text, overflow=overflow),
            "files": tuple(file for piece in ordered for file in piece.files),
            "details": {**whole.details, PARTS: [piece.shown() for piece in ordered]},
        }
    )
