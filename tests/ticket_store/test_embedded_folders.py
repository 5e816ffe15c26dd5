"""Which folders a start of the embedded PostgreSQL closes, and which it must open for the server's user."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ticket_store.embedded_system import let_through, make_private

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders to others")


@pytest.fixture
def top() -> Iterator[Path]:
    with TemporaryDirectory(prefix="switchboard-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def mode(folder: Path) -> str:
    return f"{folder.stat().st_mode & 0o7777:04o}"


def test_our_folder_is_closed_to_others_even_when_it_was_open(top: Path) -> None:
    for folder in (top / "new", top / "old"):
        if folder.name == "old":
            folder.mkdir(mode=0o755)
        make_private(folder, None)
        assert mode(folder) == "0700"


@ROOT_ONLY
def test_as_root_our_folder_lets_the_server_user_through_and_nobody_else(top: Path, nobody: pwd.struct_passwd) -> None:
    make_private(top / "ours", nobody)
    assert mode(top / "ours") == "0710"
    assert (top / "ours").stat().st_gid == nobody.pw_gid


@ROOT_ONLY
def test_only_folders_that_stop_the_user_are_opened_and_each_is_named_once(
    top: Path, nobody: pwd.struct_passwd, caplog: pytest.LogCaptureFixture
) -> None:
    closed, group = top / "closed", top / "closed" / "group"
    inner = group / "open"
    inner.mkdir(parents=True)
    for folder, bits in ((closed, 0o700), (group, 0o750), (inner, 0o751)):
        folder.chmod(bits)
    let_through(inner, nobody)
    assert [(mode(folder), folder.stat().st_gid) for folder in (closed, group, inner)] == [
        ("0710", nobody.pw_gid),  # nobody of its group could enter before: now the server's user alone
        ("0751", 0),
        ("0751", 0),
    ]
    assert [message.partition(";")[0] for message in caplog.messages] == [
        f"{closed} opened for user nobody alone to pass through, and stays so: mode 0710, was 0700",
        f"{group} opened for every user to pass through, and stays so: mode 0751, was 0750",
    ]
    caplog.clear()
    let_through(inner, nobody)
    assert caplog.messages == []


@ROOT_ONLY
def test_a_user_passes_the_folders_that_were_opened(top: Path, nobody: pwd.struct_passwd) -> None:
    inner = top / "a" / "b"
    inner.mkdir(parents=True)
    for folder in (top / "a", inner):
        folder.chmod(0o700)
    let_through(inner, nobody)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        os._exit(0 if os.access(inner, os.X_OK) and not os.access(inner, os.R_OK) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
