"""Who a mail says it is from, read twice: as leniently as the message was, and as strictly as RFC 5322 section 3.4.

Only a From that both read alike can pass; a field that two programs read differently is how senders are forged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.addresses import parse_addresses
from connectors.mail.assess_domains import domain_of

MAX_DOMAINS: Final = 3
"""Authors' domains that are looked at. The message's own sender is always one of them."""
_MAX_FIELD: Final = 4096
_WORD: Final = rb'(?:"(?:[^"\\]|\\.)*"|\([^()\\]*\)|[^"<>()@,;:\\])'
_SPEC: Final = rb"[^\s\"<>()@,;:\\\[\]]+@[^\s\"<>()@,;:\\\[\]]+"
_ANGLED: Final = re.compile(
    rb"(?P<bare>" + _SPEC + rb")?" + _WORD + rb"*<[ \t]*(?P<spec>" + _SPEC + rb")[ \t]*>[ \t]*(?:\([^()\\]*\))?[ \t]*",
    re.DOTALL,
)
_PLAIN: Final = re.compile(rb"[ \t]*(?P<spec>" + _SPEC + rb")[ \t]*(?:\([^()\\]*\))?[ \t]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Author:
    """Who stands in From. `sole`: one field, one mailbox, no doubt which; `fields`: how many From fields there are."""

    domains: tuple[str, ...]
    sole: bool
    fields: int


def read_author(values: Sequence[bytes], sender: str) -> Author:
    """Read every From field's unfolded value; `sender` is the message's own sender address."""
    shown = domain_of(sender)
    named = [domain_of(item.address) for value in values[:MAX_DOMAINS] for item in parse_addresses(value[:_MAX_FIELD])]
    domains = tuple(dict.fromkeys(domain for domain in (shown, *named) if domain))
    sole = len(values) == 1 and len(domains) == 1 and len(named) == 1 and bool(shown) and _agrees(values[0], sender)
    return Author(domains[:MAX_DOMAINS], sole, len(values))


def _agrees(value: bytes, sender: str) -> bool:
    spec = strict_mailbox(value)
    return bool(spec) and spec.lower() == sender.lower()


def strict_mailbox(value: bytes) -> str:
    """Give the address of a field that holds exactly one mailbox; empty when anything about it is in doubt."""
    match = (_PLAIN.fullmatch(value) or _ANGLED.fullmatch(value)) if len(value) <= _MAX_FIELD else None
    if match is None:
        return ""
    named = match.groupdict().get("bare")
    if named and named.lower() != match["spec"].lower():
        return ""
    try:
        return match["spec"].decode("utf-8")
    except UnicodeDecodeError:
        return ""
