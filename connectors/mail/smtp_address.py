"""Addresses as SMTP commands write them, and which account they belong to.

Grammar: RFC 5321 4.1.2 (paths), RFC 6531 3.3 (UTF-8 in both parts). Source routes (RFC 5321 appendix C) are refused, so
that nobody can relay through us by writing the way into the address.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectors.base import Account
from connectors.mail.settings import MailAccountSettings
from schemas.tokens import IN_LOCAL_PART

MAX_ADDRESS: Final = 320
"""Octets of local part (64), `@` and domain (255), RFC 5321 4.5.3.1; counted here in characters."""
ANYWHERE: Final = "*"

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_PATH: Final = re.compile(rf'\s*(?:<(?P<angle>(?:[^<>"\s]|{_QUOTED})*)>|(?P<bare>(?:[^<>"\s]|{_QUOTED})+))(?P<rest>.*)')
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Path:
    """What follows `FROM:` or `TO:`; the null path `<>` has an empty address."""

    address: str
    parameters: tuple[str, ...]


def parse_path(text: str) -> Path | None:
    """Split a path from its parameters; None when it is no path, too long, or a source route."""
    match = _PATH.fullmatch(text)
    if match is None:
        return None
    rest = match["rest"]
    address = match["angle"] if match["angle"] is not None else match["bare"]
    if len(address) > MAX_ADDRESS or address.startswith("@") or (rest and not rest[0].isspace()):
        return None
    return Path(address, tuple(rest.split()))


def same_domain(domain: str) -> str:
    """Give the form in which two spellings of a domain are equal: A-labels in lower case where there are such."""
    domain = domain.removesuffix(".")
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return unicodedata.normalize("NFC", domain).casefold()


def _same_local(local: str) -> str | None:
    if local.startswith('"'):
        if len(local) < 2 or not local.endswith('"'):  # noqa: PLR2004 - an opening and a closing quote
            return None
        local = _ESCAPED.sub(r"\1", local[1:-1])
    elif "@" in local:
        return None
    return unicodedata.normalize("NFC", local).casefold()


class AccountDirectory:
    """Knows whose an address is. Local parts and domains compare without case; exact addresses beat `local@*`.

    Every account takes its reply addresses (`local+rTOKEN@domain`), whether or not it wants other subaddresses.
    """

    def __init__(self, *, accounts: Mapping[str, MailAccountSettings]) -> None:
        self._owners: dict[tuple[str, str], tuple[Account, bool]] = {}  # and whether +anything is welcome
        for name, settings in accounts.items():
            self._add(settings.account(name), settings)

    def _add(self, account: Account, settings: MailAccountSettings) -> None:
        for pattern in settings.addresses:
            local, _, domain = pattern.rpartition("@")
            key = (unicodedata.normalize("NFC", local).casefold(), same_domain(domain))
            self._owners.setdefault(key, (account, settings.subaddresses))

    def find(self, address: str) -> Account | None:
        """Give the account of a recipient; None when it is nobody's, which the listener answers with 550."""
        written, at, domain = address.rpartition("@")
        if not at:
            return self._postmaster() if address.lower() == "postmaster" else None
        local = _same_local(written)
        comparable = same_domain(domain)
        if not local or comparable in ("", ANYWHERE):
            return None
        return self._lookup(local, comparable) or self._lookup(local, ANYWHERE)

    def _lookup(self, local: str, domain: str) -> Account | None:
        found = self._owners.get((local, domain))
        if found is not None:
            return found[0]
        base, plus, _ = local.partition("+")
        found = self._owners.get((base, domain)) if plus else None
        return found[0] if found is not None and (found[1] or IN_LOCAL_PART.search(local)) else None

    def _postmaster(self) -> Account | None:
        """RFC 5321 4.5.1: `postmaster` without a domain is whoever has such an address at all."""
        owners = (account for (local, _), (account, _) in self._owners.items() if local == "postmaster")
        return next(owners, None)
