"""Mails with DKIM signatures made by dkimpy, and the zone records that prove them."""

import base64
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import dkim
import nacl.signing
from dns_records import Zone, key_record

from connectors.base import Account, Delivery
from schemas.message import BlobRef, InboundMessage, Party

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PEER = "203.0.113.25"
BODY = b"How are you?\r\n\r\nAnn\r\n"
SIGNED = (b"from", b"to", b"subject")


@dataclass(frozen=True)
class Signer:
    """A key pair; `record` is what stands in DNS."""

    private: bytes
    record: str
    algorithm: bytes


@cache
def rsa(bits: int = 1024, more: str = "") -> Signer:
    private = _openssl("genrsa", "-traditional", str(bits))
    public = _openssl("rsa", "-pubout", "-outform", "DER", content=private)
    return Signer(private, key_record(public, more=more), b"rsa-sha256")


def _openssl(*words: str, content: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *words], input=content, check=True, capture_output=True, timeout=60).stdout


@cache
def ed25519() -> Signer:
    key = nacl.signing.SigningKey(b"k" * 32)
    return Signer(base64.b64encode(bytes(key)), key_record(bytes(key.verify_key), "ed25519"), b"ed25519-sha256")


def mail(sender: str = "Ann <ann@shop.example>", *fields: bytes, body: bytes = BODY) -> bytes:
    head = (b"From: " + sender.encode(), b"To: help@desk.example", b"Subject: Hello", *fields)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def signed(  # every argument is one thing that a signer may do otherwise
    raw: bytes,
    *,
    domain: str = "shop.example",
    signer: Signer | None = None,
    selector: str = "s1",
    length: bool = False,
    names: Sequence[bytes] = SIGNED,
    canonical: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
) -> bytes:
    signer = signer or rsa()
    field = dkim.DKIM(raw).sign(
        selector.encode(),
        domain.encode(),
        signer.private,
        signature_algorithm=signer.algorithm,
        include_headers=list(names),
        canonicalize=canonical,
        length=length,
    )
    return bytes(field) + raw


def publish(zone: Zone, domain: str = "shop.example", signer: Signer | None = None, selector: str = "s1") -> None:
    zone.add(f"{selector}._domainkey.{domain}", "TXT", (signer or rsa()).record)


def delivery(
    raw: bytes,
    *,
    peer: str = PEER,
    mail_from: str = "bounce@elsewhere.example",
    helo: str = "mx.elsewhere.example",
    intake: str = "smtp",
) -> Delivery:
    return Delivery(
        account=Account(name="help", channel="mail", scope="help"),
        raw=raw,
        received_at=NOW,
        intake=intake,
        peer=peer,
        mail_from=mail_from,
        helo=helo,
    )


def message(sender: str = "ann@shop.example") -> InboundMessage:
    digest = sha256(sender.encode()).hexdigest()
    return InboundMessage(
        channel="mail",
        account="help",
        scope="help",
        delivery_key=digest,
        received_at=NOW,
        sender=Party(address=sender),
        raw=BlobRef(sha256=digest, size=1),
    )
