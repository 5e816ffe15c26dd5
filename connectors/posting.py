"""Posts to servers that strangers may have named, without being led anywhere else, and never for longer than it may.

The same guard as for downloads: names are resolved once, every address is checked, and one of those is dialled. No
redirects, no proxies of the environment, no cookies, no decompression. Of an answer the status counts; of its body the
beginning is read, for the log, and what comes too slowly is left.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol, runtime_checkable

import httpcore

from connectors.base import Connector
from connectors.download_guard import GuardedDialer, Resolve
from connectors.lookups import Lookups
from connectors.posting_guard import ForbiddenUrlError, Reach
from connectors.sending import SendFailedError, SendLaterError

SECONDS: Final = 15.0
BODY_SECONDS: Final = 2.0
BODY_BYTES: Final = 1024
OWN_HEADERS: Final = (("accept", "*/*"), ("accept-encoding", "identity"), ("user-agent", "switchboard"))
DIGITS: Final = 9
"""Of a number in a header, at most."""
ELSEWHERE: Final = "it sends us elsewhere ({status}), where we do not go"
NOT_ALLOWED: Final = "its host has an address that may not be dialled: webhooks.allow_networks can allow it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of a request. `status` None: no answer came, and `problem` says why without the URL.

    `unsure`: then the request may have arrived all the same.
    """

    status: int | None
    problem: str = ""
    body: str = ""
    after: timedelta | None = None
    unsure: bool = False


class Posts(Protocol):
    """Who posts to servers that settings name."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send a request and give what came of it, within a bounded time. Never raises."""
        ...


@runtime_checkable
class CallsBack(Connector, Protocol):
    """It calls servers that operators name."""

    def use_poster(self, poster: Posts, clock: "Clock", *, instance: str) -> None:
        """Call with this one, at this time, as the installation of this id; called once, before anything is sent."""
        ...


class Clock(Protocol):
    """Tells the time, for dates in Retry-After."""

    def __call__(self) -> datetime: ...  # noqa: D102 - the name says it


class Poster:
    """Posts, one connection a request. `seconds` bound the whole of it."""

    def __init__(
        self,
        *,
        reach: Reach,
        clock: Clock,
        lookup: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._reach = reach
        self._clock = clock
        self._lookup = lookup if lookup is not None else Lookups()
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._seconds = seconds

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send a request and give what came of it. Never raises."""
        try:
            origin = self._reach.target(url)
        except ForbiddenUrlError as error:
            return Posted(status=None, problem=str(error))
        dialer = GuardedDialer(lookup=self._lookup, may_dial=self._reach.may_dial(origin), configured=None)
        request = _Request(url=url, headers=headers, body=body)
        try:
            async with asyncio.timeout(self._seconds):
                pool = httpcore.AsyncConnectionPool(network_backend=dialer, ssl_context=self._tls, retries=0)
                async with pool:
                    await self._ask(pool, request)
        except Exception as error:  # noqa: BLE001 - of whatever kind: it is the other side's, and has a name
            return request.found or Posted(status=None, problem=self._problem(error), unsure=_may_have_arrived(error))
        return request.found or Posted(status=None, problem="it gave no answer", unsure=True)

    async def _ask(self, pool: httpcore.AsyncConnectionPool, request: "_Request") -> None:
        seconds = self._seconds
        timeouts = {"connect": seconds, "read": seconds, "write": seconds, "pool": seconds}
        headers: list[tuple[bytes | str, bytes | str]] = [*request.headers.items(), *OWN_HEADERS]
        async with pool.stream(
            "POST", request.url, headers=headers, content=request.body, extensions={"timeout": timeouts}
        ) as answer:
            request.found = self._said(answer, "")
            request.found = self._said(answer, await _beginning(answer))

    def _said(self, answer: httpcore.Response, body: str) -> Posted:
        status = answer.status
        problem = ELSEWHERE.format(status=status) if 300 <= status < 400 else ""  # noqa: PLR2004 - redirects
        return Posted(status=status, problem=problem, body=body, after=self._after(answer))

    def _after(self, answer: httpcore.Response) -> timedelta | None:
        """Give what Retry-After says: seconds, or a date."""
        text = next((value.decode("latin-1") for key, value in answer.headers if key.lower() == b"retry-after"), "")
        text = text.strip()
        if text.isascii() and text.isdigit():
            return timedelta(seconds=int(text[:DIGITS]))
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        date = date.replace(tzinfo=date.tzinfo or UTC)
        return max(timedelta(), date - self._clock())

    def _problem(self, error: Exception) -> str:
        """Say what went wrong. Words of libraries are not repeated: they may hold the URL."""
        if isinstance(error, TimeoutError | httpcore.TimeoutException):
            return f"no answer within {self._seconds:g} s"
        if isinstance(error, SendFailedError):
            return NOT_ALLOWED
        if isinstance(error, SendLaterError):
            return "its host is not found now"
        if isinstance(error, httpcore.ConnectError):
            return _connecting(error)
        return f"its server could not be asked: {type(error).__name__}"


def _may_have_arrived(error: Exception) -> bool:
    """Whether a connection may have been there when it went wrong."""
    return not isinstance(error, SendFailedError | SendLaterError | httpcore.ConnectError | httpcore.ConnectTimeout)


class _Request:
    """One request, and what is known of its answer so far."""

    def __init__(self, *, url: str, headers: Mapping[str, str], body: bytes) -> None:
        self.url = url
        self.headers = headers
        self.body = body
        self.found: Posted | None = None


async def _beginning(answer: httpcore.Response) -> str:
    """Give the first octets of a body as a text that can be stored and shown."""
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in answer.aiter_stream():
                content += piece
                if len(content) >= BODY_BYTES:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    text = bytes(content[:BODY_BYTES]).decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def _connecting(error: httpcore.ConnectError) -> str:
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not to be trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "no TLS with its server"
        if isinstance(cause, ConnectionRefusedError):
            return "its server refuses connections"
        cause = cause.__cause__ or cause.__context__
    return "its server cannot be reached"
