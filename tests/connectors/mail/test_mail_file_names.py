"""What an attachment is called is data: no folder, nothing that moves a cursor, nothing that ends a header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.filenames import safe_name


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\ana\\cv.pdf", "cv.pdf"),
        ("/etc/cron.d/x", "x"),
        ("~/.ssh/authorized_keys", "authorized_keys"),
        ("a\r\nset-cookie: b.txt", "aset-cookie: b.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("..", ""),
        ("\0", ""),
    ],
)
def test_a_name_is_never_a_path(written: str, kept: str) -> None:
    assert safe_name(written) == kept


@given(st.text())
def test_no_name_holds_a_folder_or_a_control_character(written: str) -> None:
    name = safe_name(written)
    assert len(name) <= 255
    assert not any(letter in "/\\\x7f" or letter < " " for letter in name)
    assert name.strip("._ ") or name == ""
