"""Domains that belong together: organizational domains and alignment (RFC 7489 sections 3.1 and 3.2).

The public suffix list is the one that its package ships; nothing is fetched at run time.
"""

import re
import threading
from typing import Final

from publicsuffixlist import PublicSuffixList

_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*")
_MAX_TEXT: Final = 1000


def clean_domain(text: str) -> str:
    """Give the domain in lower-case A-labels; empty when it is none (an address literal, a stray character)."""
    text = text.strip().removesuffix(".")
    if not text.isascii() and len(text) <= _MAX_TEXT:
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    text = text.lower()
    return text if _HOST.fullmatch(text) and not text.replace(".", "").isdigit() else ""


def domain_of(address: str) -> str:
    """Give the domain of a mail address; empty when there is none."""
    _, at, domain = address.rpartition("@")
    return clean_domain(domain) if at else ""


class Organizations:
    """Finds organizational domains. Reads the list at the first question; safe for many threads."""

    def __init__(self) -> None:
        self._list: PublicSuffixList | None = None
        self._lock = threading.Lock()

    def of(self, domain: str) -> str:
        """Give the organizational domain; empty for a public suffix, which is nobody's."""
        with self._lock:
            if self._list is None:
                self._list = PublicSuffixList()
            suffixes = self._list
        return suffixes.privatesuffix(domain) or ""

    def aligned(self, one: str, other: str, *, strict: bool = False) -> bool:
        """Say whether two domains are the same, or (not `strict`) of the same organization."""
        if not one or not other:
            return False
        if one == other:
            return True
        organization = "" if strict else self.of(one)
        return bool(organization) and organization == self.of(other)
