"""What `tickets reply` and `tickets note` do."""

import mimetypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.asking import ask, ticket_number
from daemon.cli_options import print_json, print_line
from daemon.errors import USAGE, UserError
from daemon.opened import Opened, outbound
from daemon.tending import author, close_ticket
from router.incoming import MAIL
from router.outbound import Said
from schemas.message import File, Text
from schemas.numbers import shown
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.listing import as_json as plain

MAX_TEXT: Final = 128 * 1024
"""Bytes of a text that stand in the store; a longer one lies in the blob store as a whole."""
MAX_FILE: Final = 20 * 1024 * 1024
MAX_FILES: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What somebody typed: a text, or where it stands, and files."""

    text: str | None
    file: Path | None
    attach: Sequence[Path]
    by: str | None
    request_key: str


def reply_ticket(number: str, words: Words, *, cc: Sequence[str], everyone: bool, close: bool, as_json: bool) -> None:
    """Answer the customer."""
    bare, content, files = ticket_number(number), _content(words), _read_files(words.attach)

    async def say(store: Opened) -> Said:
        text, kept = await _kept(store, content, files)
        return await outbound(store).reply(
            bare, text, by=author(words.by), cc=cc, everyone=everyone, files=kept, request_key=words.request_key
        )

    said = ask(say)
    _tell(said, bare, as_json=as_json, waits=not loaded_relay())
    if close and not said.closed:
        close_ticket(said.ticket, quiet=as_json)


def note_ticket(number: str, words: Words, *, to: Sequence[str], as_json: bool) -> None:
    """Write what customers never see."""
    bare, content, files = ticket_number(number), _content(words), _read_files(words.attach)

    async def say(store: Opened) -> Said:
        text, kept = await _kept(store, content, files)
        return await outbound(store).note(
            bare, text, by=author(words.by), to=to, files=kept, request_key=words.request_key
        )

    _tell(ask(say), bare, as_json=as_json, waits=bool(to) and not loaded_relay())


def loaded_relay() -> str:
    """Give the relay of the settings; empty without one."""
    from daemon.cli_options import loaded_settings  # noqa: PLC0415 - see `daemon.cli`

    return loaded_settings().settings.outbound.smtp.host


def _content(words: Words) -> str:
    if words.text is not None and words.file is not None:
        raise UserError("give --text or --file, not both", code=USAGE)
    if words.text is not None and words.text != "-":
        found = words.text
    elif words.file is not None:
        found = _utf8(_bytes(words.file), str(words.file))
    else:
        found = _utf8(sys.stdin.buffer.read(), "standard input")
    clean = found.replace("\0", "").replace("\r\n", "\n").rstrip()
    if not clean.strip():
        raise UserError("there is nothing to say: the text is empty", code=USAGE)
    return clean


def _utf8(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: this is no text in UTF-8", code=USAGE) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", code=USAGE) from error


def _read_files(paths: Sequence[Path]) -> list[tuple[Path, bytes]]:
    if len(paths) > MAX_FILES:
        raise UserError(f"a message carries {MAX_FILES} files at most", code=USAGE)
    found = [(path, _bytes(path)) for path in paths]
    for path, content in found:
        if len(content) > MAX_FILE:
            raise UserError(f"{path}: {len(content):,} bytes; a file may have {MAX_FILE:,}", code=USAGE)
    return found


async def kept_text(store: Opened, content: str) -> Text:
    """Give a text as a message carries it; a long one is stored whole."""
    return (await _kept(store, content, ()))[0]


async def _kept(store: Opened, content: str, files: Sequence[tuple[Path, bytes]]) -> tuple[Text, list[File]]:
    """Store what does not stand in the row: files, and a text that is too long for it."""
    encoded = content.encode("utf-8", "replace")
    is_long = len(encoded) > MAX_TEXT
    if not files and not is_long:
        return Text(content=content), []
    blobs = LocalBlobStore(root=store.settings.blob_folder)
    try:
        refs = await blobs.put_many([*(data for _, data in files), *([encoded] if is_long else [])])
    except OSError as error:
        raise UserError(f"the blob store: {error.strerror or error}") from error
    finally:
        blobs.close()
    kept = [
        File(name=path.name[:255], content_type=_type(path), size=ref.size, blob=ref)
        for (path, _), ref in zip(files, refs, strict=False)
    ]
    if not is_long:
        return Text(content=content), kept
    return Text(content=encoded[:MAX_TEXT].decode("utf-8", "ignore"), overflow=refs[-1]), kept


def _type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _tell(said: Said, asked: str, *, as_json: bool, waits: bool) -> None:
    if as_json:
        print_json(plain(said))
        return
    where = f"ticket {shown(said.ticket)}"
    if said.ticket != asked:
        where += f" (on which {shown(asked)} goes on)"
    again = " stood there already" if said.repeated else ""
    print_line(f"message {said.message_id} on {where}{again}: {_to_whom(said)}")
    if said.closed:
        print_line("the ticket is closed, and stays so")
    for address, reason in said.bounced.items():
        sys.stderr.write(f"switchboard: {address} did not take the last mail: {reason or 'no reason given'}\n")
    if waits and said.recipients and said.channel == MAIL:
        sys.stderr.write("switchboard: no relay is set (outbound.smtp.host): it waits\n")


def _to_whom(said: Said) -> str:
    return f"goes to {', '.join(said.recipients)}" if said.recipients else "goes to nobody"
