"""`check` tries certificates as the start would, and names the setting whose file is wrong."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from smtp_certificate import self_signed

from daemon.settings_load import load
from daemon.settings_problems import SettingsError

KAFKA = """[bus]
engine = "kafka"
[blobs]
shared = true
[bus.kafka]
bootstrap_servers = ["k:9092"]
security_protocol = "SSL"
"""


def parts(folder: Path) -> tuple[Path, Path]:
    """Give a fresh certificate and its key as two files."""
    folder.mkdir()
    both = self_signed(folder).read_text()
    border = both.index("-----BEGIN CERTIFICATE")
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_text(both[border:])
    key.write_text(both[:border])
    return cert, key


def mistakes(folder: Path, text: str) -> list[tuple[str, str, str]]:
    (folder / "switchboard.toml").write_text(text)
    try:
        load(None, {}, folder)
    except SettingsError as error:
        return [(p.key, p.where.rpartition(":")[2], p.reason) for p in error.problems if p.level == "error"]
    return []


def of_another(cert: Path, key: Path) -> None:
    _, other = parts(cert.parent.with_name("other"))
    key.write_text(other.read_text())


def broken_key(_: Path, key: Path) -> None:
    key.write_text(key.read_text().replace("M", "!", 3))


def broken_cert(cert: Path, _: Path) -> None:
    cert.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")


def swapped(cert: Path, key: Path) -> None:
    left, right = cert.read_text(), key.read_text()
    cert.write_text(right)
    key.write_text(left)


def cert_for_key(cert: Path, key: Path) -> None:
    key.write_text(cert.read_text())


@pytest.mark.parametrize(
    ("spoil", "key", "line", "reason"),
    [
        (of_another, "smtp.tls_key", "3", "not that of the certificate"),
        (broken_key, "smtp.tls_key", "3", "no private key"),
        (cert_for_key, "smtp.tls_key", "3", "no private key"),
        (broken_cert, "smtp.tls_cert", "2", "no certificate"),
        (swapped, "smtp.tls_cert", "2", "no certificate"),
    ],
)
def test_a_certificate_that_a_start_would_refuse_is_reported_with_its_key(
    tmp_path: Path, spoil: Callable[[Path, Path], None], key: str, line: str, reason: str
) -> None:
    cert, private = parts(tmp_path / "own")
    text = f'[smtp]\ntls_cert = "{cert}"\ntls_key = "{private}"\n'
    assert mistakes(tmp_path, text) == []
    spoil(cert, private)
    ((found, where, said),) = mistakes(tmp_path, text)
    assert (found, where) == (key, line)
    assert reason in said


def test_a_certificate_without_any_key_says_so(tmp_path: Path) -> None:
    cert, _ = parts(tmp_path / "own")
    ((found, _, said),) = mistakes(tmp_path, f'[smtp]\ntls_cert = "{cert}"\n')
    assert found == "smtp.tls_cert"
    assert "no private key" in said


def test_the_files_for_kafka_are_tried_too(tmp_path: Path) -> None:
    cert, key = parts(tmp_path / "own")
    text = KAFKA + f'ssl_cafile = "{cert}"\nssl_certfile = "{cert}"\nssl_keyfile = "{key}"\n'
    assert mistakes(tmp_path, text) == []
    of_another(cert, key)
    ((found, line, said),) = mistakes(tmp_path, text)
    assert (found, line) == ("bus.kafka.ssl_certfile", "9")
    assert "do not belong together" in said
    key.write_text("nonsense")
    cert.write_text("nonsense")
    assert [found for found, _, _ in mistakes(tmp_path, text)] == ["bus.kafka.ssl_cafile", "bus.kafka.ssl_certfile"]


def test_a_key_with_a_password_is_a_mistake_and_asks_nobody(tmp_path: Path) -> None:
    cert, key = parts(tmp_path / "own")
    lock = ["openssl", "pkcs8", "-topk8", "-in", str(key), "-passout", "pass:secret"]
    key.write_bytes(subprocess.run(lock, check=True, capture_output=True, timeout=20).stdout)
    ((found, _, said),) = mistakes(tmp_path, f'[smtp]\ntls_cert = "{cert}"\ntls_key = "{key}"\n')
    assert found == "smtp.tls_key"
    assert "has a password" in said
