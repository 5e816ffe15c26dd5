"""The wire to the Bot API, built so that the token is nowhere else.

Telegram wants the token in the URL, and URLs get into logs, exceptions and objects (httpx logs every one; a file's
path of python-telegram-bot holds it). So all of them see a stand-in, and the last thing before the socket puts the
token in its place. Errors are raised without their causes, which hold requests.
"""

import json
import re
from typing import Any, Final

import httpx
from pydantic import SecretStr
from telegram._utils.types import ODVInput
from telegram.error import BadRequest, NetworkError, TelegramError
from telegram.request import HTTPXRequest, RequestData

STAND_IN: Final = "0:token-is-put-in-at-the-socket"

_MARK: Final = f"/bot{STAND_IN}/".encode()
_LONGEST_NUMBER: Final = 32
_TOO_LARGE: Final = 413
_GATEWAY_TIMEOUT: Final = 504
_TOO_MANY: Final = 429
_NOT_SENT: Final = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout),
    *(httpx.ProxyError, httpx.UnsupportedProtocol, httpx.LocalProtocolError),
)


class NotReachedError(NetworkError):
    """Telegram did not get the call."""


class BrokenOffError(NetworkError):
    """The line broke or fell silent: Telegram may have done what was asked."""


class BusyError(NetworkError):
    """Telegram asks for patience; `seconds` is how much, if it says so.

    Stands for the library's `RetryAfter`, which warns whenever it is made.
    """

    def __init__(self, seconds: float | None) -> None:
        super().__init__("429")
        self.seconds = seconds


class UnreadableError(TelegramError):
    """An answer that is no JSON. `payload` is what came; it shows nowhere."""

    def __init__(self, payload: bytes) -> None:
        super().__init__("the answer is no JSON")
        self.payload = payload


class TokenTransport(httpx.AsyncBaseTransport):
    """Puts the token where the stand-in stands, in the path alone."""

    def __init__(self, *, token: SecretStr, inner: httpx.AsyncBaseTransport) -> None:
        self._token = f"/bot{token.get_secret_value()}/".encode()
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the one that was given stays as it is."""
        path = request.url.raw_path.replace(_MARK, self._token, 1)
        real = httpx.Request(
            method=request.method,
            url=request.url.copy_with(raw_path=path),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(real)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class QuietRequest(HTTPXRequest):
    """Calls of python-telegram-bot, with errors that say whether Telegram got them and hold nothing else."""

    __slots__ = ()

    async def do_request(  # noqa: PLR0917 - the signature that python-telegram-bot calls
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = HTTPXRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = HTTPXRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = HTTPXRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = HTTPXRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Ask. Raises `NotReachedError`, `BrokenOffError`, `BusyError`, and `BadRequest` for what is too large."""
        code, payload = 0, b""
        problem: TelegramError | None = None
        try:
            code, payload = await super().do_request(
                url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
            )
        except NetworkError as error:
            problem = _what_happened(error.__cause__)
        except httpx.InvalidURL:
            problem = NotReachedError("the address of the Bot API is no URL")
        if problem is not None:
            raise problem
        if code == _TOO_LARGE:
            raise BadRequest("Request Entity Too Large")
        if code == _GATEWAY_TIMEOUT:
            raise BrokenOffError("504")
        if code == _TOO_MANY:
            raise BusyError(_wish(payload))
        return code, payload

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Parse an answer, and log nothing of it. Raises `UnreadableError`."""
        try:
            found = json.loads(payload, parse_int=_number)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise UnreadableError(payload)
        return found


def make_request(*, token: SecretStr, proxy: SecretStr | None, timeout: float, connections: int) -> QuietRequest:
    """Make what python-telegram-bot calls through. `timeout` is in seconds; an upload may take three times as long."""
    inner = httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=connections),
        proxy=None if proxy is None else proxy.get_secret_value(),
    )
    return QuietRequest(
        connection_pool_size=connections,
        connect_timeout=timeout,
        read_timeout=timeout,
        write_timeout=timeout,
        media_write_timeout=3 * timeout,
        pool_timeout=timeout,
        httpx_kwargs={"transport": TokenTransport(token=token, inner=inner), "follow_redirects": False},
    )


def shown_update_id(payload: bytes) -> int | None:
    """Find the id of the first update in an answer that cannot be parsed."""
    found = re.search(rb'"update_id"\s*:\s*([0-9]{1,18})(?![0-9])', payload)
    return int(found[1]) if found else None


def _what_happened(cause: BaseException | None) -> NetworkError:
    not_sent = (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    )
    name = type(cause).__name__
    return NotReachedError(name) if isinstance(cause, not_sent) else BrokenOffError(name)


def _wish(payload: bytes) -> float | None:
    found = re.search(rb'"retry_after"\s*:\s*([0-9]{1,9})', payload)
    return float(found[1]) if found else None


def _number(digits: str) -> int | str:
    """Read a number; one that is longer than any id stays text, so that it spoils its own update alone."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits
