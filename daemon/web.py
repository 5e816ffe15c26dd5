"""`/healthz`, `/readyz` and `/metrics` on the HTTP port."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from daemon.errors import UserError
from daemon.ports import Port, addresses, bound
from daemon.web_protocol import CONNECTIONS, HEAD_SECONDS, bounded

WS_MAX_BYTES: Final = 256 * 1024
"""One frame of a WebSocket; files do not come that way."""
KEEP_ALIVE: Final = 65
"""Seconds that an idle connection is kept; proxies keep theirs for 60."""
GRACE: Final = 1
"""Seconds for answers under way at the end. Never 0: to uvicorn that has run out, also where nothing is under way."""

Readiness = Callable[[], tuple[bool, dict[str, object]]]


def make_app(*, readiness: Readiness, metrics: Callable[[], str]) -> FastAPI:
    """Make the application. `/healthz` says that the process answers, `/readyz` that the work goes on."""
    app = FastAPI(title="Switchboard", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        ready, answer = readiness()
        return JSONResponse(answer, status_code=200 if ready else 503)

    @app.get("/metrics")
    async def metrics_() -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_LATEST)

    return app


class WebServer:
    """Serves an ASGI application inside the running loop; port 0 = not at all. Use as `async with`.

    `key` names the setting of the port in what people read; connections that wait to be taken are `backlog` at most;
    what is being answered at the end has `grace` seconds. HTTP connections are `connections` at most, WebSockets not
    counted; the head of a request has `head_seconds`.
    """

    def __init__(
        self,
        *,
        app: Any,  # noqa: ANN401 - uvicorn's own word for an application
        host: str,
        port: int,
        key: str = "http.port",
        backlog: int = 128,
        grace: int = GRACE,
        connections: int = CONNECTIONS,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._key = key
        self._backlog = backlog
        self._grace = grace
        self._protocol = bounded(most=connections, head_seconds=head_seconds)
        self._server: _Quiet | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._port:
            sock = listen(self._host, self._port, key=self._key, backlog=self._backlog)
            config = uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                proxy_headers=False,
                backlog=self._backlog,
                timeout_keep_alive=KEEP_ALIVE,
                http=self._protocol,
                ws="websockets-sansio",
                ws_max_size=WS_MAX_BYTES,
                ws_per_message_deflate=False,  # lines are short, and every open chat would hold two windows of zlib
                ws_ping_interval=None,  # pages ping by themselves, and a chat that is silent is closed
                timeout_graceful_shutdown=self._grace,
            )
            self._server = _Quiet(config)
            self._task = asyncio.create_task(self._server.serve([sock]), name="http")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task


class _Quiet(uvicorn.Server):
    """Leaves the signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, *, key: str, backlog: int = 128) -> socket.socket:
    """Open a listening socket. Raises `UserError` that names the setting when the address cannot be had."""
    try:
        family, kind, _, _, address = addresses(host, port)[0]
        sock = bound(family, kind, address)
        sock.listen(backlog)
    except OSError as error:
        raise UserError(Port(key, host, port).refusal(error)) from error
    return sock
