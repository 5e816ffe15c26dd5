"""The model of a disk that the tests of power loss believe: what no sync covered is gone, and nothing else."""

import shutil
from pathlib import Path

from fault_disk import Disk


def lost(tmp_path: Path, trace: str, written: dict[str, bytes]) -> dict[str, bytes]:
    """Give what is left of a folder with a synced file `old` after a trace, in which `@` stands for the folder."""
    folder = tmp_path / "folder"
    folder.mkdir(parents=True)
    (folder / "old").write_bytes(b"0123456789")
    disk = Disk(folder=folder, cwd=folder)
    disk.remember()
    for name, content in written.items():
        (folder / name).write_bytes(content)
    disk.follow(f"{1000 + number % 2} {line}" for number, line in enumerate(trace.replace("@", str(folder)).split(";")))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    disk.lose(copy)
    return {path.name: path.read_bytes() for path in copy.iterdir()}


NEW = 'openat(AT_FDCWD, "@/new", O_WRONLY|O_CREAT|O_EXCL, 0600) = 7<@/new>;write(7<@/new>, ""..., 3) = 3'


def test_a_new_file_needs_its_own_sync_and_that_of_its_folder(tmp_path: Path) -> None:
    trace = f"{NEW};fsync(7<@/new>) = 0;fsync(8<@>) = 0"
    assert lost(tmp_path, trace, {"new": b"abc"}) == {"old": b"0123456789", "new": b"abc"}


def test_a_new_file_without_the_sync_of_its_folder_is_gone(tmp_path: Path) -> None:
    assert lost(tmp_path, f"{NEW};fsync(7<@/new>) = 0", {"new": b"abc"}) == {"old": b"0123456789"}


def test_a_new_file_without_its_own_sync_has_a_name_and_no_bytes(tmp_path: Path) -> None:
    assert lost(tmp_path, f"{NEW};fsync(8<@>) = 0", {"new": b"abc"})["new"] == b""


def test_bytes_that_were_written_after_the_sync_are_zeros(tmp_path: Path) -> None:
    trace = 'pwrite64(7<@/old>, ""..., 2, 0) = 2;fdatasync(7<@/old>) = 0;pwrite64(7<@/old>, ""..., 2, 4) = 2'
    assert lost(tmp_path, trace, {"old": b"ab23cd6789"}) == {"old": b"ab23\0\x006789"}


def test_a_sync_that_did_not_return_covers_nothing_and_one_that_did_what_was_written_before_it_began(
    tmp_path: Path,
) -> None:
    trace = (
        'pwrite64(7<@/old>, ""..., 2, 0) = 2;fdatasync(7<@/old> <unfinished ...>;pwrite64(7<@/old>, ""..., 2, 4) = 2;'
        "<... fdatasync resumed>) = 0;fdatasync(7<@/old> <unfinished ...>"
    )
    assert lost(tmp_path, trace, {"old": b"ab23cd6789"}) == {"old": b"ab23\0\x006789"}


def test_a_renamed_file_needs_the_sync_of_its_folder_and_the_whole_file_system_is_one_too(tmp_path: Path) -> None:
    trace = f'{NEW};fsync(7<@/new>) = 0;rename("@/new", "@/named") = 0'
    assert lost(tmp_path, trace, {"named": b"abc"}) == {"old": b"0123456789"}
    assert lost(tmp_path / "b", f"{trace};syncfs(3<@>) = 0", {"named": b"abc"})["named"] == b"abc"
