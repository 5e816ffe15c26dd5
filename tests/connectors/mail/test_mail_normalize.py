import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mail_samples import CORPUS, delivery, mail, multipart, nested, recorded

from connectors.base import InvalidDeliveryError, Normalized
from connectors.mail.normalize import build, normalize, undecodable
from schemas.base import MAX_FILE_BYTES, MAX_FILES, MAX_INLINE_TEXT_BYTES
from schemas.message import Automatic, FileState, InboundMessage, Kind

SAMPLES = [path.read_bytes() for path in recorded()]


def assert_storable(result: Normalized) -> None:
    """What PostgreSQL and the topic refuse must not be inside: NUL, lone surrogates, blobs nobody named."""
    wire = result.message.model_dump_json()
    assert "\\u0000" not in wire
    wire.encode()
    assert InboundMessage.model_validate_json(wire) == result.message
    named = {file.blob.sha256 for file in result.message.files if file.blob}
    named |= {text.overflow.sha256 for text in (result.message.text, result.message.html) if text and text.overflow}
    assert len(result.blobs) == len(named)


@pytest.mark.parametrize("path", recorded(), ids=lambda path: path.stem)
def test_recorded_mails_normalize_twice_to_the_same(path: object) -> None:
    raw = path.read_bytes()  # type: ignore[attr-defined]  # a Path; pytest's parameter has no type
    first = normalize(delivery(raw))
    assert_storable(first)
    assert first == normalize(delivery(raw))


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real-world mail is not beside this checkout")
def test_every_mail_of_the_corpus_normalizes() -> None:
    for path in sorted((CORPUS / "messages").rglob("*.eml")):
        assert_storable(build(delivery(path.read_bytes())))


@settings(max_examples=2 * settings().max_examples, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_mutated_mails_give_a_message_or_an_invalid_delivery(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(SAMPLES))
    start = data.draw(st.integers(0, len(raw)))
    stop = data.draw(st.integers(start, min(len(raw), start + 200)))
    patch = data.draw(
        st.one_of(st.binary(max_size=60), st.sampled_from([b"\x00", b"=?", b"\xed\xa0\x80", b"\r", b"\n\n", b'"']))
    )
    changed = raw[:start] + patch + raw[stop:]
    try:
        assert_storable(build(delivery(changed)))
    except InvalidDeliveryError as error:
        reason = error.reason
    else:
        reason = "none"
    assert undecodable(delivery(changed), reason).problem == reason


@given(st.binary(max_size=600))
def test_any_bytes_give_a_message(raw: bytes) -> None:
    assert_storable(build(delivery(raw)))
    assert undecodable(delivery(raw), "why\x00").kind is Kind.UNDECODABLE


@given(
    st.text(max_size=200),
    st.sampled_from(["utf-8", "x-unknown", "utf-16", "punycode", "iso-2022-jp", "ks_c_5601-1987", "\x00"]),
)
def test_any_body_decodes_under_any_charset(text: str, charset: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    assert_storable(build(delivery(mail(b"Content-Type: text/plain; charset=" + charset.encode(), body=body))))


def test_nul_and_lone_surrogates_are_removed() -> None:
    raw = mail(b"Subject: a\x00b\xed\xa0\x80c", b"Message-ID: <x\x00y@z>", body=b"a\x00b\xed\xa0\x80c")
    message = normalize(delivery(raw)).message
    assert "\x00" not in message.text.content + message.subject
    assert message.text.content.startswith("ab")


def test_an_8_kb_message_id_is_digested() -> None:
    message = normalize(delivery(mail(b"Message-ID: <" + b"a" * 8192 + b"@x.example>"))).message
    assert message.thread.own is not None
    assert len(message.thread.own.shown) == 255


def test_10_000_references_are_cut_to_the_ends() -> None:
    ids = [b"<%d@x.example>" % number for number in range(10_000)]
    raw = mail(b"References: " + b"\r\n ".join(ids))
    references = normalize(delivery(raw)).message.thread.references
    assert len(references) == 100
    assert references[0].shown == "0@x.example"
    assert references[-1].shown == "9999@x.example"


def test_a_1_mb_html_part_is_cut_and_kept_whole_as_a_blob() -> None:
    html = b"<div><p>a line of text, as long as lines in a newsletter are, with one <b>bold</b> word</p>" * 12_000
    result = normalize(delivery(mail(b"Content-Type: text/html; charset=utf-8", body=html)))
    assert_storable(result)
    assert result.message.html is not None
    assert len(result.message.html.content.encode()) == MAX_INLINE_TEXT_BYTES
    assert html in result.blobs


def test_long_text_is_cut_at_a_character() -> None:
    text = "ü" * MAX_INLINE_TEXT_BYTES
    result = normalize(delivery(mail(b"Content-Type: text/plain; charset=utf-8", body=b"x" + text.encode())))
    assert len(result.message.text.content.encode()) == MAX_INLINE_TEXT_BYTES - 1
    assert result.message.text.overflow is not None


def _encoded(size: int) -> bytes:
    """Give that many `x` in base64, 57 a line, without encoding each line anew."""
    lines, rest = divmod(size, 57)
    return base64.encodebytes(b"x" * 57) * lines + base64.encodebytes(b"x" * rest)


def _with_file(content: bytes, name: bytes = b"f.bin") -> bytes:
    part = b'Content-Type: application/x-test; name="' + name + b'"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return multipart(b"Content-Type: text/plain\r\n\r\nkept text", part + content)


def test_a_file_of_exactly_20_mib_is_stored_and_one_byte_more_is_refused() -> None:
    stored = normalize(delivery(_with_file(_encoded(MAX_FILE_BYTES)))).message.files[0]
    refused = normalize(delivery(_with_file(_encoded(MAX_FILE_BYTES + 1))))
    assert stored.state is FileState.STORED
    assert refused.message.files[0].state is FileState.REFUSED
    assert refused.message.files[0].reason == "refused: f.bin, 20971521 bytes (limit 20971520)"
    assert refused.message.text.content == "kept text"
    assert refused.blobs == ()


def test_files_over_the_hundredth_are_refused() -> None:
    part = b"Content-Type: application/x-test\r\n\r\n%d"
    files = normalize(delivery(multipart(*[part % number for number in range(105)]))).message.files
    assert [file.state for file in files[:MAX_FILES]] == [FileState.STORED] * MAX_FILES
    assert [file.state for file in files[MAX_FILES:]] == [FileState.REFUSED] * 5


def test_equal_files_share_a_blob() -> None:
    part = b"Content-Type: application/x-test\r\n\r\nsame"
    assert len(normalize(delivery(multipart(part, part))).blobs) == 1


def test_an_empty_mail_from_is_a_machines_and_a_forged_return_path_is_nobodys() -> None:
    raw = mail(b"Return-Path: <>")
    daemon = raw.replace(b"ann@home", b"mailer-daemon@home")
    assert normalize(delivery(raw, mail_from="")).message.automatic is Automatic.AUTO_REPLY
    assert normalize(delivery(daemon, mail_from="")).message.automatic is Automatic.BOUNCE
    assert normalize(delivery(raw)).message.automatic is Automatic.NO


def test_bcc_is_marked() -> None:
    assert not normalize(delivery(mail())).message.bcc
    assert normalize(delivery(mail().replace(b"support@", b"someone@"))).message.bcc


def test_an_undecodable_mail_still_says_who_wrote() -> None:
    raw = b"From: Ann <ann@home.example>\r\nSubject: =?utf-8?q?f=C3=BCr?= you\r\nMessage-ID: <u@x>\r\n" + nested(60)
    with pytest.raises(InvalidDeliveryError):
        normalize(delivery(raw))
    message = undecodable(delivery(raw), "structure: too deep")
    assert (message.sender.address, message.subject) == ("ann@home.example", "für you")
    assert message.thread.own is not None
    assert json.loads(message.model_dump_json())["problem"] == "structure: too deep"


def test_addresses_survive_what_clients_write() -> None:
    raw = mail(
        b'Cc: =?utf-8?q?M=C3=BCller=2C_Eva?= <Eva@X.example>, group: a@b.example, "Q, R" <q@r.example>;, bad <', b""
    )
    cc = normalize(delivery(raw)).message.cc
    assert [(party.name, party.address) for party in cc] == [
        ("Müller, Eva", "eva@x.example"),
        ("", "a@b.example"),
        ("Q, R", "q@r.example"),
        ("bad", ""),
    ]
