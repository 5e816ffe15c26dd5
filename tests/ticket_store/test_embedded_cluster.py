"""What is read of a PostgreSQL that is just starting: nothing, until all of it is written."""

from pathlib import Path

import pytest

from ticket_store.embedded_cluster import Postmaster, postmaster

WHOLE = "4711\n/data\n1764144000\n5432\n/tmp/socket\n\n  1234  5678\nready   \n"


def test_a_whole_file_names_process_and_socket(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(WHOLE)
    assert postmaster(tmp_path) == Postmaster(pid=4711, socket_folder=Path("/tmp/socket"))  # noqa: S108 - a name alone


@pytest.mark.parametrize(
    "written", ["", "4711\n", "4711\n/data\n1764144000\n5432\n", "4711\n/data\n1764144000\n5432\n\n"]
)
def test_a_file_that_is_being_written_names_nothing_yet(tmp_path: Path, written: str) -> None:
    (tmp_path / "postmaster.pid").write_text(written)
    assert postmaster(tmp_path) is None
