"""SPF (RFC 7208) by pyspf, with our DNS in place of its own.

pyspf counts terms (10) and void answers (2) itself. Explanations are not fetched: nobody would read them.
"""

import ipaddress
import warnings
from typing import Any, Final, Literal, cast

from connectors.mail.assess_dns import DnsTroubleError, Lookups, RecordKind

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its docstrings hold escapes that Python warns of when it compiles them
    import spf

SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]
_MAX_LOCAL: Final = 64


def check_spf(*, peer: str, helo: str, local: str, domain: str, lookups: Lookups) -> SpfResult:
    """Say whether `domain` lets `peer` send for it. `helo` and `local` only fill macros."""
    try:
        address = str(ipaddress.ip_address(peer))
        sender = f"{_plain(local) or 'postmaster'}@{domain}"
        result, _, _ = _Query(lookups=lookups, i=address, s=sender, h=_plain(helo) or domain).check()
    except DnsTroubleError:
        return "temperror"
    except Exception:  # noqa: BLE001 - a record is the sender's own text: what pyspf trips over is a broken record
        return "permerror"
    return cast("SpfResult", result)


def _plain(text: str) -> str:
    return "".join(char for char in text[:_MAX_LOCAL] if "!" <= char <= "~" and char != "@")


class _Query(spf.query):  # type: ignore[misc]  # pyspf has no types
    """A question to pyspf that asks our resolver."""

    def __init__(self, *, lookups: Lookups, i: str, s: str, h: str) -> None:
        super().__init__(i=i, s=s, h=h)
        self._lookups = lookups

    def dns(self, name: str, qtype: RecordKind, cnames: object = None, *, ignore_void: bool = False) -> list[Any]:
        """Give what pyspf wants of an answer: TXT as tuples of strings, MX as pairs, the rest as text."""
        del cnames  # our resolver follows them
        records = self._lookups.records(str(name).removesuffix(".").lower(), qtype)
        if not records and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError(f"more than {spf.MAX_VOID_LOOKUPS} answers without records")
        return [_for_pyspf(record, qtype) for record in records]

    def get_explanation(self, spec: str) -> None:
        """Fetch nothing."""


def _for_pyspf(record: bytes, kind: RecordKind) -> object:
    if kind == "TXT":
        return (record,)
    text = record.decode("ascii")
    if kind == "MX":
        preference, _, host = text.partition(" ")
        return int(preference), host.removesuffix(".")
    return text.removesuffix(".")
