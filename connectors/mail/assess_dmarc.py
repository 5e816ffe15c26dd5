"""What the owner of a domain asks receivers to do with mail that nothing proves: DMARC (RFC 7489 sections 6.3, 6.6)."""

import re
from dataclasses import dataclass
from typing import Final

from connectors.mail.assess_dns import Lookups

_VERSION: Final = re.compile(rb"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_MAX_RECORD: Final = 4096
_ASKED: Final = (b"none", b"quarantine", b"reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A DMARC record. `enforced`: mail without proof is to be put aside or refused; strict: the very same domain."""

    domain: str
    enforced: bool = False
    strict_dkim: bool = False
    strict_spf: bool = False


def find_policy(domain: str, organization: str, lookups: Lookups) -> Policy | None:
    """Give the policy of a domain: its own record, else its organization's. Raises `DnsTroubleError`."""
    for place in dict.fromkeys((domain, organization)):
        texts = lookups.records(f"_dmarc.{place}", "TXT") if place else ()
        records = [text for text in texts if _VERSION.match(text)]
        policy = read_policy(records[0], domain=domain, place=place) if len(records) == 1 else None
        if policy is not None:
            return policy
    return None


def read_policy(record: bytes, *, domain: str, place: str) -> Policy | None:
    """Read a record that stands at `place` for mail from `domain`; None when it is not one."""
    tags: dict[bytes, bytes] = {}
    for part in record[:_MAX_RECORD].split(b";")[1:]:
        tag, equals, value = part.partition(b"=")
        if equals:
            tags.setdefault(tag.strip(), value.strip().lower())
    asked = _asked(tags, own=domain == place)
    if asked is None:
        return None
    return Policy(
        domain=place,
        enforced=asked > 0,
        strict_dkim=tags.get(b"adkim") == b"s",
        strict_spf=tags.get(b"aspf") == b"s",
    )


def _asked(tags: dict[bytes, bytes], *, own: bool) -> int | None:
    """Give 0 for none, 1 for quarantine, 2 for reject; None when the record is void (RFC 7489 section 6.6.3)."""
    asked = tags.get(b"p", b"")
    if not own and tags.get(b"sp") in _ASKED:
        asked = tags[b"sp"]
    if asked not in _ASKED:
        return 0 if b"rua" in tags else None
    level = _ASKED.index(asked)
    if tags.get(b"pct") == b"0":
        return 0
    return max(0, level - 1) if tags.get(b"t") == b"y" else level
