import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_samples import mail, multipart, nested, recorded

from connectors.base import InvalidDeliveryError
from connectors.mail.fields import Head
from connectors.mail.structure import MAX_DEPTH, MAX_PARTS, SUSPICIOUS_TEXT_BYTES, Soundness, check_structure


def test_ordinary_mails_are_sound() -> None:
    for path in recorded():
        assert check_structure(path.read_bytes()).soundness is Soundness.OK, path.name


def test_the_limit_of_depth_is_exact() -> None:
    assert check_structure(nested(MAX_DEPTH)).depth == MAX_DEPTH
    with pytest.raises(InvalidDeliveryError, match="deeper than 50"):
        check_structure(nested(MAX_DEPTH + 1))


def test_deep_nesting_within_the_limit_is_suspicious() -> None:
    assert check_structure(nested(20)).soundness is Soundness.SUSPICIOUS


@pytest.mark.parametrize("kind", [b"text/html", b"text/csv", b"multipart/mixed", b""])
def test_much_text_is_suspicious(kind: bytes) -> None:
    large = b"x" * (SUSPICIOUS_TEXT_BYTES + 1)
    assert check_structure(mail(b"Content-Type: " + kind, body=large)).marks == ("much text",)
    assert check_structure(mail(b"Content-Type: " + kind, body=large[:-1])).soundness is Soundness.OK


def test_large_files_are_sound_unless_they_are_uuencoded() -> None:
    large = b"x" * (SUSPICIOUS_TEXT_BYTES + 1)
    file = (b"Content-Type: image/png", b"Content-Transfer-Encoding: base64")
    assert check_structure(mail(*file, body=large)).soundness is Soundness.OK
    assert check_structure(mail(file[0], b"Content-Transfer-Encoding: X-UUE", body=large)).marks == ("much text",)


def test_embedded_messages_count_as_depth() -> None:
    with pytest.raises(InvalidDeliveryError, match="deeper"):
        check_structure(b"Content-Type: message/rfc822\r\n\r\n" * 60)


def test_the_limit_of_parts_is_exact() -> None:
    part = b"Content-Type: text/plain\r\n\r\nx"
    assert check_structure(multipart(*[part] * (MAX_PARTS - 1))).parts == MAX_PARTS
    with pytest.raises(InvalidDeliveryError, match="more than 1000 parts"):
        check_structure(multipart(*[part] * MAX_PARTS))


def test_header_blocks_over_256_kib_are_refused() -> None:
    assert check_structure(mail(b"X-Long: " + b"x" * 200_000)).header_bytes > 200_000
    with pytest.raises(InvalidDeliveryError, match="262144"):
        check_structure(mail(b"X-Long: " + b"x" * 270_000))


def test_header_bytes_of_all_parts_count_together() -> None:
    part = b"X-Long: " + b"x" * 50_000 + b"\r\n\r\nx"
    with pytest.raises(InvalidDeliveryError, match="header blocks"):
        check_structure(multipart(*[part] * 6))


@pytest.mark.parametrize(
    "bomb",
    [
        nested(50_000),
        mail(b"Content-Type: multipart/mixed; boundary=x", body=b"\n--" * 500_000),
        mail(b"Content-Type: multipart/mixed; boundary=x", body=b"\n--xy" * 150_000),
        b"From " + b"x" * 4_000_000,
        b"\n" * 4_000_000,
        b" " * 4_000_000,
        mail(b"Content-Type: multipart/mixed; boundary=B", body=b"\n--B\nx: " * 30_000),
    ],
    ids=["nested", "hyphens", "prefixes", "mbox", "newlines", "blanks", "headers"],
)
def test_bombs_cost_little_time(bomb: bytes) -> None:
    started = time.process_time()
    with contextlib.suppress(InvalidDeliveryError):
        check_structure(bomb)
    assert time.process_time() - started < 5  # quadratic would be minutes


def test_a_border_that_only_starts_like_one_is_none() -> None:
    report = check_structure(
        mail(b"Content-Type: multipart/mixed; boundary=b", body=b"--b\r\n\r\none\r\n--bb\r\nstill one\r\n--b--\r\n")
    )
    assert report.parts == 2


def test_a_mail_with_many_border_lines_is_kept_from_the_native_parser() -> None:
    assert not check_structure(mail(body=b"\n-- x" * 2000)).native
    assert check_structure(mail(body=b"\n-- x" * 20)).native


def test_encoded_embedded_messages_are_kept_from_the_native_parser() -> None:
    part = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogYQ=="
    assert not check_structure(multipart(part)).native


@given(st.binary(max_size=400))
def test_any_bytes_give_regions_inside_the_mail(noise: bytes) -> None:
    raw = multipart(b"Content-Type: text/plain\r\n\r\n" + noise) + noise
    for region in check_structure(raw).regions:
        assert 0 <= region.body <= region.end <= len(raw)


def test_a_header_block_full_of_lines_that_are_no_fields_is_read_in_time_with_its_length() -> None:
    def seconds(lines: int) -> float:
        block = b"a:\r\nx\r\n" * lines
        began = time.process_time()
        assert Head(block).count == lines
        return time.process_time() - began

    small = min(seconds(20_000) for _ in range(3))
    assert seconds(160_000) < small * 24, "eight times the lines took more than three times eight times the time"
