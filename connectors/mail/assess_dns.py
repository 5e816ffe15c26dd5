"""DNS for assessing senders: the port that tests replace, its cache, and the limits of one mail.

All of it is blocking and runs in threads; every question has a deadline, so no thread is held longer than that.
"""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import dns.exception
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdtypes.ANY.TXT
import dns.resolver

from connectors.mail.assess_settings import dns_server

RecordKind = Literal["A", "AAAA", "MX", "PTR", "TXT"]

MAX_QUESTIONS: Final = 120
"""Questions of one mail. RFC 7208 section 4.6.4 allows SPF 10 terms and, for an `mx`, 10 addresses each: 111."""
MAX_RECORD_BYTES: Final = 16 * 1024
"""A longer TXT record is taken for none; real ones stay under 4 KiB."""
MAX_RECORDS: Final = 500
ABSENT_SECONDS: Final = 60.0
"""How long it is remembered that a name does not exist."""
_ONE_TRY: Final = 0.8
"""Seconds for one server to answer, so that a lost packet is asked for again in time."""
_UDP_BYTES: Final = 1232


class DnsTroubleError(Exception):
    """No answer for now: time-out, SERVFAIL, no server, or too many questions for one mail."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says: records as text (TXT: its strings joined; MX: preference, blank, host), and seconds to keep it."""

    records: tuple[bytes, ...]
    seconds: float


class Resolver(Protocol):
    """Asks DNS. Blocking; safe for many threads."""

    def ask(self, name: str, kind: RecordKind, *, seconds: float) -> Answer:
        """Give the records, none when there are none. Raises `DnsTroubleError` within `seconds`."""
        ...


class DnsResolver:
    """Asks real servers by UDP, and by TCP when the answer is long. Reads the system's settings when first asked."""

    def __init__(self, *, servers: Sequence[str] = ()) -> None:
        self._servers = [dns_server(server) for server in servers]
        self._lock = threading.Lock()
        self._made: dns.resolver.Resolver | None = None

    def ask(self, name: str, kind: RecordKind, *, seconds: float) -> Answer:
        """Ask. Raises `DnsTroubleError`."""
        try:
            answer = self._resolver().resolve(
                _name(name), kind, search=False, raise_on_no_answer=False, lifetime=max(seconds, 0.001)
            )
        except dns.resolver.NXDOMAIN:
            return Answer((), ABSENT_SECONDS)
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise DnsTroubleError(type(error).__name__) from error
        records = itertools.islice(answer.rrset or (), MAX_RECORDS)
        found = tuple(record for record in map(_record, records) if len(record) <= MAX_RECORD_BYTES)
        return Answer(found, float(answer.chaining_result.minimum_ttl))

    def _resolver(self) -> dns.resolver.Resolver:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in self._servers]
        resolver.timeout = _ONE_TRY
        resolver.use_edns(0, 0, _UDP_BYTES)
        return resolver


def _name(text: str) -> dns.name.Name:
    """Make a name of labels as they are: `dns.name.from_text` would read escapes in them."""
    return dns.name.Name([*(label.encode("ascii") for label in text.split(".")), b""])


def _record(data: dns.rdata.Rdata) -> bytes:
    if isinstance(data, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(data.strings)
    return data.to_text().encode("ascii", "replace")


class CachingResolver:
    """Remembers answers for as long as they say, at most `most_seconds`; forgets the least used. `clock`: seconds."""

    def __init__(self, *, inner: Resolver, clock: Callable[[], float], entries: int, most_seconds: float) -> None:
        self._inner = inner
        self._clock = clock
        self._entries = entries
        self._most_seconds = most_seconds
        self._kept: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, name: str, kind: RecordKind, *, seconds: float) -> Answer:
        """Give what is remembered, else ask. Trouble is not remembered."""
        key = (name.lower(), kind)
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
            if answer is not None and self._clock() < until:
                self._kept.move_to_end(key)
                return answer
        answer = self._inner.ask(name, kind, seconds=seconds)
        with self._lock:
            self._kept[key] = (self._clock() + min(answer.seconds, self._most_seconds), answer)
            self._kept.move_to_end(key)
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)
        return answer


class Lookups:
    """The questions of one mail: they end at `deadline` (of `clock`), and after `most` of them."""

    def __init__(
        self, *, resolver: Resolver, clock: Callable[[], float], deadline: float, most: int = MAX_QUESTIONS
    ) -> None:
        self._resolver = resolver
        self._clock = clock
        self._deadline = deadline
        self._most = most
        self._count = itertools.count(1)

    def check_time(self) -> None:
        """Raise `DnsTroubleError` when the time is over."""
        if self._clock() >= self._deadline:
            raise DnsTroubleError("out of time")

    def records(self, name: str, kind: RecordKind) -> tuple[bytes, ...]:
        """Give the records of a name. Raises `DnsTroubleError`; a name that cannot exist has none."""
        self.check_time()
        if not _possible(name):
            return ()
        if next(self._count) > self._most:
            raise DnsTroubleError("too many questions for one mail")
        return self._resolver.ask(name, kind, seconds=self._deadline - self._clock()).records


def _possible(name: str) -> bool:
    return name.isascii() and len(name) < 254 and all(0 < len(label) < 64 for label in name.split("."))  # noqa: PLR2004 - RFC 1035 2.3.4
