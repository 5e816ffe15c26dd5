"""The mails in files, for `import`: one at a time, never more of a file in memory than one mail may have."""

import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from daemon.errors import NOT_FOUND, UserError

SUFFIXES: Final = frozenset({".eml", ".msg", ".mbox", ""})
"""What is read inside folders; a file that is named is read whatever its name is."""
MAILDIR: Final = frozenset({"cur", "new"})
"""Folders of a Maildir, whose mails are called 1795000000.M1P2.host:2,S; what lies in its `tmp` was never finished."""
FLAGS: Final = ":2,"
"""What stands in the name of a Maildir's mail once somebody has seen it."""
FIELD: Final = re.compile(
    rb"(?:^|(?<=\r))(?:from|to|cc|bcc|subject|date|message-id|sender|reply-to|in-reply-to|references|return-path|received"
    rb"|delivered-to|mime-version|content-[a-z-]+|resent-[a-z-]+|list-[a-z-]+|dkim-signature|x-[a-z0-9-]+)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that mails have (RFC 5322 section 3.6, RFC 2045), and README, Makefile or .gitconfig have not."""
HEADER: Final = 512 * 1024
"""Bytes in which those lines are looked for; a header ends long before (`connectors.mail` takes 256 KiB)."""
OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""How a compound file begins ([MS-CFB] 2.2), which is what Outlook saves as .msg."""
LINE: Final = 64 * 1024
"""Bytes of a line that are read at a time: some files are one line."""


class Tally:
    """Counts what became of files and mails, and names those that a person should look at."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, outcome: str, path: Path | str = "", why: str | None = "") -> None:
        """Count one; with a reason, say it."""
        self.counts[outcome] += 1
        if why:
            sys.stderr.write(f"switchboard: {path}: {why}\n")


def find(paths: Iterable[Path], tally: Tally) -> list[Path]:
    """Give the files to read; what folders hold beside them is counted as skipped. Raises `UserError`."""
    return [file for path in paths for file in _of(path, tally)]


def _of(path: Path, tally: Tally) -> Sequence[Path]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UserError(f"{path}: there is no such file or folder ({error.strerror})", code=NOT_FOUND) from error
    if stat.S_ISDIR(mode):
        return list(_inside(path, tally))
    if not stat.S_ISREG(mode):
        raise UserError(f"{path}: is neither a file nor a folder; save what it gives in a file", code=NOT_FOUND)
    return [path]


def _inside(folder: Path, tally: Tally) -> Iterator[Path]:
    def closed(error: OSError) -> None:
        tally.note("unreadable", str(error.filename), error.strerror)

    for parent, folders, names in os.walk(folder, onerror=closed):
        if MAILDIR.issubset(folders) and "tmp" in folders:
            folders.remove("tmp")
        folders.sort()
        for path in (Path(parent, name) for name in sorted(names)):
            is_named_so = path.suffix.lower() in SUFFIXES or _is_in_a_maildir(path)
            if is_named_so and path.is_file():
                yield path
            else:
                tally.note("skipped")


def mails(path: Path, *, most: int, tally: Tally) -> Iterator[bytes]:
    """Give the raw mails of one file: one, or those of an mbox (RFC 4155), of at most `most` bytes each.

    What is larger, empty or cannot be read is told to the tally instead.
    """
    try:
        with path.open("rb") as file:
            for raw in _pieces(file, path, most, tally):
                if len(raw) > most:
                    tally.note("too_large", path, f"a mail of over {most:,} bytes (smtp.max_mail_bytes)")
                elif raw.strip():
                    yield raw
                else:
                    tally.note("skipped")
    except OSError as error:
        tally.note("unreadable", path, error.strerror)


def _pieces(file: BinaryIO, path: Path, most: int, tally: Tally) -> Iterator[bytes]:
    start = file.read(len(OLE))
    file.seek(0)
    if start == OLE:
        tally.note("unreadable", path, "an Outlook file (OLE), not a raw mail: save it as .eml")
    elif start.startswith(b"From "):
        yield from split(file, most=most)
    elif os.fstat(file.fileno()).st_size > most:
        tally.note("too_large", path, f"over {most:,} bytes (smtp.max_mail_bytes)")
    elif is_no_mail(raw := file.read(most + 1)) and not _is_called_mail(path):
        tally.note("no_mail", path, "no mail: it does not begin with lines such as From, Subject or Date")
    else:
        yield raw


def _is_called_mail(path: Path) -> bool:
    """Say that its name or folder makes it a mail, whatever stands in it: a broken one is kept where people see it."""
    return path.suffix.lower() in SUFFIXES - {""} or _is_in_a_maildir(path)


def _is_in_a_maildir(path: Path) -> bool:
    return path.absolute().parent.name in MAILDIR or FLAGS in path.name


def is_no_mail(raw: bytes) -> bool:
    """Say that this is clearly no mail: it has content, and none of a mail's fields stands above its first empty line.

    Whoever wants to keep such a text as a ticket can mail it; made a ticket here, it would have no sender.
    """
    head = raw[:HEADER].lstrip(b"\r\n\t \xef\xbb\xbf")
    end = re.search(rb"\r?\n[ \t]*\r?\n", head)
    return bool(head) and FIELD.search(head[: end.start()] if end else head) is None


def split(file: BinaryIO, *, most: int) -> Iterator[bytes]:
    """Cut an mbox at its "From " lines, which belong to no mail, as `mailbox.mbox` does.

    A mail of more than `most` bytes comes as its first bytes, more than `most` of them.
    """
    room = most + 2  # with the empty line that ends a mail: taking it away must not make a cut mail look whole
    mail, begins, separator = bytearray(), True, True
    first = True
    while part := file.readline(LINE):
        if begins and part.startswith(b"From "):
            if not first:
                yield _without_end(mail)
            mail, separator, first = bytearray(), True, False
        elif begins:
            separator = False
        if not separator:
            mail += part[: max(0, room - len(mail))]
        begins = part.endswith(b"\n")
    if not first:
        yield _without_end(mail)


def _without_end(mail: bytearray) -> bytes:
    """Take away the empty line that the mbox format adds."""
    ended = mail.endswith(b"\n\n") or mail == b"\n"
    return bytes(mail[:-1] if ended else mail)
