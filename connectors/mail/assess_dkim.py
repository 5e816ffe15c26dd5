"""DKIM (RFC 6376, 8301, 8463) by dkimpy, behind limits: tags, keys, header hash and signature checks are the library's.

A signature that may not count is no signature: it does not cover From, leaves a part of the body unsigned (`l=`), has
expired, is made by SHA-1 or a key under 1,024 bits, or its key is marked as a test. What is here beside that:

- the body hash (`assess_dkim_body`), because the library's takes quadratic time on some bodies;
- limits before the library's expressions see a field, and on keys: Python's `pow` with a key of 100,000 bits does not
  let go of the process for minutes;
- only signatures of the author's own organization are looked at: no other can prove anything here.
"""

import base64
import binascii
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import dkim
from dkim.util import parse_tag_value

from connectors.mail.assess_dkim_body import Canonical, body_digest
from connectors.mail.assess_dns import DnsTroubleError, Lookups
from connectors.mail.assess_domains import clean_domain

Field = tuple[bytes, bytes]

MAX_SIGNATURES: Final = 5
MAX_FIELDS: Final = 2000
MAX_SIGNATURE_BYTES: Final = 8192
MAX_SIGNED_FIELDS: Final = 128
MIN_KEY_BITS: Final = 1024
MAX_KEY_BITS: Final = 4096
MAX_EXPONENT: Final = 2**32
_ALGORITHMS: Final = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
_SIGNATURE: Final = b"dkim-signature"
_LINE: Final = re.compile(rb"[^\n]*\n?")
_NAME: Final = re.compile(rb"([!-9;-~]+):")
_MAX_DIGITS: Final = 76  # RFC 6376 section 3.5, l=
_LONG_BLANK: Final = re.compile(rb"\s{65}")
_SILENT: Final = logging.Logger("dkim", level=logging.CRITICAL + 1)  # noqa: LOG001 - stands outside the tree on purpose
"""dkimpy writes keys and domains into its log: this one keeps nothing and hands nothing on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DkimResult:
    """Domains of the signatures that hold, each once; `trouble`: a key could not be fetched."""

    domains: tuple[str, ...] = ()
    trouble: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    index: int
    domain: str
    tags: dict[bytes, bytes]
    canonical: Canonical


class DkimCheck:
    """Checks the signatures of one mail. `now`: seconds since 1970 when it came; `aligned` chooses domains."""

    def __init__(
        self, *, fields: Sequence[Field], body: memoryview, now: float, lookups: Lookups, aligned: Callable[[str], bool]
    ) -> None:
        self._fields = fields
        self._body = body
        self._now = now
        self._lookups = lookups
        self._aligned = aligned
        self._digests: dict[Canonical, tuple[bytes, int]] = {}

    def run(self) -> DkimResult:
        """Check up to five signatures, topmost first."""
        domains, trouble = list[str](), False
        if len(self._fields) <= MAX_FIELDS and sum(name.lower() == b"from" for name, _ in self._fields) == 1:
            for number, signature in enumerate(self._signatures()):
                if number >= MAX_SIGNATURES:
                    break
                try:
                    if self._holds(signature):
                        domains.append(signature.domain)
                except DnsTroubleError:
                    trouble = True
        return DkimResult(domains=tuple(dict.fromkeys(domains)), trouble=trouble)

    def _signatures(self) -> Iterator[_Signature]:
        values = [value for name, value in self._fields if name.lower() == _SIGNATURE]
        for index, value in enumerate(values):
            if len(value) <= MAX_SIGNATURE_BYTES and not _LONG_BLANK.search(value):
                signature = self._read(index, value)
                if signature is not None:
                    yield signature

    def _read(self, index: int, value: bytes) -> _Signature | None:
        """Give a signature that may count, or None."""
        try:
            tags = parse_tag_value(value)
        except Exception:  # noqa: BLE001 - a field that the library cannot read is no signature
            return None
        domain = clean_domain(tags.get(b"d", b"").decode("ascii", "replace"))
        _, _, body = tags.get(b"c", b"simple/simple").partition(b"/")
        canonical = (body or b"simple").decode("ascii", "replace")
        signed = [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]
        usable = (
            tags.get(b"v") == b"1"
            and tags.get(b"a") in _ALGORITHMS
            and canonical in {"simple", "relaxed"}
            and b"from" in signed
            and len(signed) <= MAX_SIGNED_FIELDS
            and not self._expired(tags)
            and self._aligned(domain)
        )
        kind = cast("Canonical", canonical)
        return _Signature(index=index, domain=domain, tags=tags, canonical=kind) if usable else None

    def _expired(self, tags: dict[bytes, bytes]) -> bool:
        expires = tags.get(b"x")
        return expires is not None and (not expires.isdigit() or int(expires[:_MAX_DIGITS]) < self._now)

    def _holds(self, signature: _Signature) -> bool:
        self._lookups.check_time()
        if not self._body_holds(signature):
            return False
        try:
            return self._header_holds(signature)
        except DnsTroubleError:
            raise
        except Exception:  # noqa: BLE001 - field and key are the sender's own text: what the library trips over is void
            return False

    def _body_holds(self, signature: _Signature) -> bool:
        if signature.canonical not in self._digests:
            tick = self._lookups.check_time
            self._digests[signature.canonical] = body_digest(self._body, signature.canonical, tick)
        digest, length = self._digests[signature.canonical]
        covered = signature.tags.get(b"l", b"%d" % length)[:_MAX_DIGITS]
        try:
            claimed = base64.b64decode(b"".join(signature.tags.get(b"bh", b"").split()), validate=True)
        except binascii.Error:
            return False
        return claimed == digest and covered.isdigit() and int(covered) == length

    def _header_holds(self, signature: _Signature) -> bool:
        verifier = dkim.DKIM(logger=_SILENT, minkey=MIN_KEY_BITS)
        verifier.headers = [list(field) for field in self._fields]
        prepared = verifier.verify_headerprep(signature.index)
        if not prepared:
            return False
        tags, include, fields = prepared
        tags.pop(b"bh")  # checked already: without it the library hashes no body

        def key_of(name: bytes, timeout: float = 0) -> bytes | None:
            del timeout  # the mail's own deadline holds
            return self._key(name, signature)

        return bool(verifier.verify_sig(tags, include, fields[signature.index], key_of))

    def _key(self, name: bytes, signature: _Signature) -> bytes | None:
        """Give a key record that may be used for this signature, or None."""
        texts = self._lookups.records(name.decode("ascii").removesuffix("."), "TXT")
        keys = [text for text in texts if b"p=" in text]
        return keys[0] if len(keys) == 1 and _usable(keys[0], signature.tags) else None


def _usable(record: bytes, signature: dict[bytes, bytes]) -> bool:
    """Say whether a key fits a signature (RFC 6376 section 3.6.1) and is of a size that is safe to compute with."""
    tags: dict[bytes, bytes] = parse_tag_value(record)
    flags = {flag.strip() for flag in tags.get(b"t", b"").split(b":")}
    services = {service.strip() for service in tags.get(b"s", b"*").split(b":")}
    hashes = {name.strip() for name in tags.get(b"h", b"sha256").split(b":")}
    identity = signature.get(b"i", b"@" + signature[b"d"]).rpartition(b"@")[2]
    return (
        tags.get(b"k", b"rsa") == _ALGORITHMS[signature[b"a"]]
        and b"y" not in flags
        and (b"s" not in flags or identity.lower() == signature[b"d"].lower())
        and not services.isdisjoint({b"*", b"email"})
        and b"sha256" in hashes
        and _safe_size(record)
    )


def _safe_size(record: bytes) -> bool:
    if len(record) > MAX_KEY_BITS:
        return False
    key, bits, kind, _ = cast("tuple[Any, int, bytes, bool]", dkim.evaluate_pk("key", record))
    if kind == b"ed25519":
        return True
    return MIN_KEY_BITS <= bits <= MAX_KEY_BITS and 1 < key["publicExponent"] < MAX_EXPONENT


def strict_fields(block: bytes) -> list[Field]:
    """Give the fields of a header block as DKIM signs them, or none when any line of it is no field.

    Names and values as written; values begin behind the colon and keep their folds.
    """
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in (match[0] for match in _LINE.finditer(block) if match[0].strip(b"\r\n")):
        text = line.removesuffix(b"\n").removesuffix(b"\r") + b"\r\n"
        name = _NAME.match(text)
        if text[:1] in {b" ", b"\t"} and fields:
            fields[-1][1].append(text)
        elif name is not None:
            fields.append((name[1], [text[name.end() :]]))
        else:
            return []
    return [(name, b"".join(lines)) for name, lines in fields]
