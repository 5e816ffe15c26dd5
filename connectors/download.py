"""Downloads files whose URLs strangers or platforms name, without being led anywhere else.

Only https on port 443 to hosts that the channel names, or exactly the server that the configuration names (`base_url`).
Names are resolved once, every address of the answer is checked, and one of those very addresses is dialled: a second
answer of a name server (rebinding) is never asked for. No redirects, no proxies of the environment, no cookies, no
decompression; size and time are bounded while the bytes come.
"""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpcore

from connectors.download_guard import GuardedDialer, MayDial, Resolve, allowed_url, is_public
from connectors.lookups import Lookups
from connectors.sending import Remote, SendFailedError, SendLaterError

MAX_BYTES: Final = 20 * 1024 * 1024
CONNECT_SECONDS: Final = 10.0
SILENCE_SECONDS: Final = 20.0
"""Longest silence while bytes come."""
WHOLE_SECONDS: Final = 180.0
OWN_HEADERS: Final = (("Accept", "*/*"), ("Accept-Encoding", "identity"), ("User-Agent", "switchboard"))
LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
DIGITS: Final = 15
"""Of a number in a header, at most."""
LONGEST_WAIT: Final = 3600


class TooLargeError(Exception):
    """The file is over the limit. `size` is what the server said, if it did."""

    def __init__(self, size: int | None) -> None:
        super().__init__("the file is over the limit")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much and how long; seconds."""

    size: int = MAX_BYTES
    connect: float = CONNECT_SECONDS
    silence: float = SILENCE_SECONDS
    whole: float = WHOLE_SECONDS


class Downloader:
    """Downloads whole files. `may_dial` says which addresses may be dialled."""

    def __init__(
        self,
        *,
        lookup: Resolve | None = None,
        may_dial: MayDial = is_public,
        tls: ssl.SSLContext | None = None,
        bounds: Bounds = Bounds(),
    ) -> None:
        self._lookup = lookup if lookup is not None else Lookups()
        self._may_dial = may_dial
        self._tls = tls if tls is not None else ssl.create_default_context()
        self._bounds = bounds

    async def get(self, remote: Remote) -> bytes:
        """Give the whole. Raises `TooLargeError`, `SendFailedError` (never), `SendLaterError`; none names the URL."""
        target = allowed_url(remote)
        dialer = GuardedDialer(lookup=self._lookup, may_dial=self._may_dial, configured=target.configured)
        pool = httpcore.AsyncConnectionPool(network_backend=dialer, ssl_context=self._tls, retries=0)
        try:
            async with asyncio.timeout(self._bounds.whole), pool:
                return await self._take(pool, target.url, remote)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise SendLaterError("the file came too slowly") from error
        except (httpcore.NetworkError, httpcore.RemoteProtocolError, OSError) as error:
            raise SendLaterError(f"its server could not be read from: {type(error).__name__}") from error
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol, ValueError) as error:
            raise SendFailedError("its address cannot be asked for") from error

    async def _take(self, pool: httpcore.AsyncConnectionPool, url: str, remote: Remote) -> bytes:
        bounds = self._bounds
        timeouts = {"connect": bounds.connect, "read": bounds.silence, "write": bounds.silence, "pool": bounds.connect}
        headers: list[tuple[bytes | str, bytes | str]] = [*remote.headers.items(), *OWN_HEADERS]
        async with pool.stream("GET", url, headers=headers, extensions={"timeout": timeouts}) as answer:
            _check_status(answer)
            size = _header(answer, b"content-length")
            if size.isascii() and size.isdigit() and (len(size) > DIGITS or int(size) > bounds.size):
                raise TooLargeError(int(size))
            if _header(answer, b"content-encoding") not in ("", "identity"):
                raise SendFailedError("its server sent it in an encoding that was not asked for")
            return await self._read(answer)

    async def _read(self, answer: httpcore.Response) -> bytes:
        content = bytearray()
        async for piece in answer.aiter_stream():
            content += piece
            if len(content) > self._bounds.size:
                raise TooLargeError(None)
        return bytes(content)


def _check_status(answer: httpcore.Response) -> None:
    status = answer.status
    if status in LATER:
        asked = _header(answer, b"retry-after")
        after = timedelta(seconds=min(int(asked), LONGEST_WAIT)) if _is_number(asked) else None
        raise SendLaterError(f"its server answers {status}", after=after)
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        raise SendFailedError("its server sends us elsewhere, where we do not go")
    if status != 200:  # noqa: PLR2004 - the whole file, and nothing else
        raise SendFailedError(f"its server answers {status}", code=str(status))


def _header(answer: httpcore.Response, name: bytes) -> str:
    values = [value for key, value in answer.headers if key.lower() == name]
    return values[0].decode("latin-1").strip().lower() if values else ""


def _is_number(text: str) -> bool:
    """Whether a header is a number of few digits; other scripts have digits, too."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS
