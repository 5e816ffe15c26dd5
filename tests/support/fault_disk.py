"""What a power loss leaves of a folder, by the system calls that were made since it was known to be on the disk.

A trace of strace says what was written, named and synced, in which order. Everything that no sync covered is taken away
from a copy of the folder: bytes become zeros, grown files shrink, names that no sync of their folder covered go. A sync
that had not returned covers nothing, and one that returned covers what was written before it began.
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CALLS: Final = (
    "openat,write,pwrite64,writev,pwritev,fsync,fdatasync,syncfs,"
    "rename,renameat,renameat2,link,unlink,unlinkat,ftruncate"
)
LINE: Final = re.compile(r"(?P<pid>\d+) +(?P<rest>.*)")
RESUMED: Final = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
UNFINISHED: Final = " <unfinished ...>"
CALL: Final = re.compile(r"(?P<name>\w+)\((?P<given>.*)\) += (?P<result>-?\d+)")
OPENED: Final = re.compile(r"(?P<fd>\d+)<(?P<path>[^>]*)>")
QUOTED: Final = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call that returned without an error. `began` is the number of the line on which it began."""

    name: str
    given: str
    result: int
    opened: str
    began: int


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Read a trace; what did not return, or failed, is not there."""
    waiting: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines):
        match = LINE.match(line.rstrip("\n"))
        if match is None:
            continue
        pid, rest, began = match["pid"], match["rest"], number
        if rest.endswith(UNFINISHED):
            waiting[pid] = (rest.removesuffix(UNFINISHED), number)
            continue
        if resumed := RESUMED.match(rest):
            first, began = waiting.pop(pid, ("", number))
            rest = first + resumed["rest"]
        if (found := CALL.match(rest)) and int(found["result"]) >= 0:
            opened = OPENED.search(rest if found["name"] == "openat" else found["given"])
            path = opened["path"] if opened else ""
            if found["name"] == "openat":
                path = rest.rpartition("<")[2].rstrip(">")
            yield Call(name=found["name"], given=found["given"], result=int(found["result"]), opened=path, began=began)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Bytes that were written, on which line."""

    at: int
    first: int
    size: int


@dataclass(kw_only=True)
class Disk:
    """A folder, from the moment at which all of it is on the disk. `cwd` is where relative names are of."""

    folder: Path
    cwd: Path
    _length: dict[str, int] = field(default_factory=dict)
    _synced: dict[str, int] = field(default_factory=dict)
    _open: dict[str, list[Written]] = field(default_factory=lambda: defaultdict(list))
    _named: dict[str, int] = field(default_factory=dict)
    syncs: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Sync everything, and remember it."""
        os.sync()
        self.remember()

    def remember(self) -> None:
        """Take what is there as being on the disk."""
        for path in self.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self._length[str(path)] = self._synced[str(path)] = path.stat().st_size

    def follow(self, lines: Iterable[str]) -> None:
        """Take note of a whole trace."""
        for call in calls(lines):
            self._take(call)

    def _take(self, call: Call) -> None:
        if call.name in ("rename", "renameat", "renameat2", "link"):
            self._rename(call)
        elif not f"{call.opened}/".startswith(f"{self.folder}/"):
            return
        elif call.name == "openat":
            if call.opened not in self._length and "O_CREAT" in call.given:
                self._length[call.opened] = self._synced[call.opened] = 0
                self._named[call.opened] = call.began
        elif "write" in call.name:
            self._write(call)
        elif "sync" in call.name:
            self._sync(call)

    def _write(self, call: Call) -> None:
        length = self._length.setdefault(call.opened, 0)
        offset = int(call.given.rpartition(", ")[2]) if call.name.startswith("p") else length
        self._open[call.opened].append(Written(at=call.began, first=offset, size=call.result))
        self._length[call.opened] = max(length, offset + call.result)

    def _rename(self, call: Call) -> None:
        names = [str(self.cwd / name) for name in QUOTED.findall(call.given)]
        old, new = names[0], names[-1]
        if not new.startswith(f"{self.folder}/"):
            return
        take = self._length.get if call.name == "link" else self._length.pop
        self._length[new] = take(old, 0) or 0
        self._synced[new] = self._synced.get(old, 0)
        self._open[new] = list(self._open.get(old, ()))
        self._named.pop(old, None)
        self._named[new] = call.began

    def _sync(self, call: Call) -> None:
        self.syncs.append(f"{call.name} {call.opened}")
        everything = call.name == "syncfs"
        for path in list(self._open) if everything else [call.opened]:
            self._open[path] = [written for written in self._open[path] if written.at > call.began]
            ends = [written.first for written in self._open[path]]
            self._synced[path] = min([self._length.get(path, 0), *ends]) if ends else self._length.get(path, 0)
        for path, at in list(self._named.items()):
            if at < call.began and (everything or str(Path(path).parent) == call.opened):
                del self._named[path]

    def lose(self, copy: Path) -> list[str]:
        """Take from a copy of the folder whatever no sync covered, and give the names of files that it was of."""
        touched = []
        for path in self._named:
            place = copy / Path(path).relative_to(self.folder)
            if place.exists():
                place.unlink()
                touched.append(place.name)
        for path, pieces in self._open.items():
            place = copy / Path(path).relative_to(self.folder)
            if pieces and place.is_file():
                _zero(place, pieces, self._synced.get(path, 0))
                touched.append(place.name)
        return touched


def _zero(place: Path, pieces: Iterable[Written], synced: int) -> None:
    size = place.stat().st_size
    with place.open("r+b") as file:
        for piece in pieces:
            file.seek(piece.first)
            file.write(bytes(max(0, min(piece.size, size - piece.first))))
        end = max(piece.first + piece.size for piece in pieces)
        if end >= size > synced:
            file.truncate(synced)
