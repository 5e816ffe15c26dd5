"""The files of the embedded PostgreSQL: the cluster, its settings, and what `postmaster.pid` says."""

import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ticket_store.embedded_system import EmbeddedPostgresError, exists, is_postgres, programs, run

SUPERUSER = "postgres"
MAX_SOCKET_PATH = 103
"""Bytes: Linux takes 107 and a NUL, macOS 103."""

_SETTINGS = Path(__file__).with_name("embedded.conf")
_SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The running server, if its process still lives: lines 1 and 5 of `postmaster.pid`."""

    pid: int
    socket_folder: Path


def postmaster(data: Path) -> Postmaster | None:
    """Read `postmaster.pid`; None without one, or while the server is still writing it."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        pid, folder = int(lines[0]), lines[4].strip()
    except (FileNotFoundError, IndexError, ValueError):
        return None
    return Postmaster(pid=pid, socket_folder=Path(folder)) if folder.startswith("/") else None


def clear_stale_locks(data: Path) -> None:
    """Remove lock files whose process number is another program's by now, or a zombie's.

    PostgreSQL cares for the other stale ones itself, and then also looks whether the memory they name is still in use.
    """
    known = postmaster(data)
    folders = {data, known.socket_folder} if known else {data}
    for path in (data / "postmaster.pid", *(folder / f"{_SOCKET}.lock" for folder in folders)):
        pid = _named_pid(path)
        if pid is not None and exists(pid) and not is_postgres(pid):
            path.unlink(missing_ok=True)


def _named_pid(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def create_cluster(data: Path, *, user: pwd.struct_passwd | None, patience: float) -> None:
    """Make the cluster beside its place and move it there, so that a kill leaves no half cluster behind.

    Built-in locale: its order of text never changes with the system's C library, which would break indexes.
    """
    for leftover in data.parent.glob("new-*"):
        shutil.rmtree(leftover)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=data.parent))
    if user is not None:
        os.chown(new, user.pw_uid, user.pw_gid)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    access = ("--auth-local=trust", "--auth-host=reject")  # the socket's folder is the owner's alone
    command = (str(programs() / "initdb"), "-D", str(new), "-U", SUPERUSER, *locale, *access)
    done = run(command, user=user, timeout=patience)
    if done.returncode:
        raise EmbeddedPostgresError(f"initdb failed in {data.parent}: {done.stderr.strip()}")
    with (new / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\ninclude = 'switchboard.conf'\n")
    new.rename(data)


def write_settings(data: Path, *, user: pwd.struct_passwd | None, settings: Mapping[str, str]) -> None:
    """Write the settings for the next start, so that one start suffices."""
    places = {"unix_socket_directories": str(_socket_folder(data, user=user)), **settings}
    lines = [f"{key} = '{_quoted(value)}'\n" for key, value in places.items()]
    path = data / "switchboard.conf"
    path.write_text(_SETTINGS.read_text(encoding="utf-8") + "\n" + "".join(lines), encoding="utf-8")
    path.chmod(0o644)  # data itself is closed to others


def last_words(data: Path) -> str:
    """Give what a start that failed said: first to `start.log`, then fatal lines to the ring of logs."""
    logs = sorted((data / "log").glob("*.log"), key=lambda path: path.stat().st_mtime)[-1:]
    fatal = [line for path in logs for line in _last_lines(path) if "FATAL" in line or "PANIC" in line]
    return " ".join([*_last_lines(data / "start.log"), *fatal])[-1000:]


def _last_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-5:] if path.exists() else []


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''").replace("\n", " ")


def remove_socket_folder(data: Path) -> None:
    """Remove the short folder that a start made for the socket; PostgreSQL has removed what was in it."""
    folder = _socket_place(data)
    if folder != data:
        with suppress(OSError):
            folder.rmdir()  # refused while anything is in it


def _socket_place(data: Path) -> Path:
    """Say where the socket belongs: into the data folder, or a short folder when the path is too long for a socket."""
    plain = str(data)
    if len(os.fsencode(data / _SOCKET)) <= MAX_SOCKET_PATH and "," not in plain and '"' not in plain:
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"switchboard-{digest}"


def _socket_folder(data: Path, *, user: pwd.struct_passwd | None) -> Path:
    """Give the folder of the socket; a short one is made, private."""
    short = _socket_place(data)
    if short == data:
        return data
    short.mkdir(mode=0o700, exist_ok=True)
    if user is not None and short.stat().st_uid == 0:
        os.chown(short, user.pw_uid, user.pw_gid)
    owner = os.geteuid() if user is None else user.pw_uid
    if short.is_symlink() or short.stat().st_uid != owner:
        raise EmbeddedPostgresError(f"{short} belongs to another user: remove it, or choose a shorter data folder")
    short.chmod(0o700)
    return short
