"""Routes of a form: its pages, and its endpoint. Another site's page is refused before it is heard."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.base import LaterError, RefusedError
from connectors.page_http import STRICT, TooLargeError, caller, later
from connectors.page_hub import Hub
from connectors.page_tokens import ExpiredError
from connectors.webform.endpoint import KEEP_NOTHING, Endpoint, FormMeans
from connectors.webform.limits import FormLimits
from connectors.webform.pages import Pages
from connectors.webform.requests import SayNoError
from schemas.callers import counted

FILES: Final = Path(__file__).with_name("page")
STATIC: Final = {"page.js": "text/javascript", "form.js": "text/javascript", "dialogue.js": "text/javascript"} | {
    "form.css": "text/css"
}
NOES: Final[Mapping[type[Exception], tuple[int, str]]] = {
    ExpiredError: (401, "over"),
    RefusedError: (401, "forged"),
    TooLargeError: (413, "large"),
    TimeoutError: (408, "slow"),
}
"""What each error says to a page; the nearest class counts."""
_Answer = Callable[[Request], Awaitable[Response]]
__all__ = ["FormMeans", "form_routes"]


def form_routes(means: FormMeans) -> Sequence[BaseRoute]:
    """Give the routes of one account."""
    limits, hub = FormLimits(means.settings), Hub(dialogues=means.dialogues)
    means.dialogues.listen(hub.hint)
    endpoint = Endpoint(means=means, limits=limits, hub=hub)
    guard = _Guard(means=means, limits=limits)
    pages = Pages(means=means, limits=limits, endpoint=endpoint)
    calls: dict[str, tuple[str, _Answer]] = {
        "/api/start": ("POST", endpoint.start),
        "/api/send": ("POST", endpoint.send),
        "/api/lines": ("GET", endpoint.lines),
        "/api/say": ("POST", endpoint.say),
        "/api/seen": ("POST", endpoint.seen),
        "/api/files": ("POST", endpoint.upload),
        "/api/files/{line:int}/{place:int}": ("GET", endpoint.hand_out),
    }
    return (
        Route("/f/{link}", pages.form, methods=["GET"]),
        Route("/dialogue", pages.dialogue, methods=["GET"]),
        *(Route(f"/{name}", _static(name, kind), methods=["GET"]) for name, kind in STATIC.items()),
        *(Route(path, guard.guarded(answer), methods=[how, "OPTIONS"]) for path, (how, answer) in calls.items()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    """Asks of every call where it comes from and how often, and says every no in one form: `{"why": word}`."""

    means: FormMeans
    limits: FormLimits

    def guarded(self, answer: _Answer) -> _Answer:
        """Give the route of one call."""

        async def route(request: Request) -> Response:
            origin = request.headers.get("origin", "")
            if origin and not self._is_welcome(request, origin):
                self.means.desk.refused("origin")
                return PlainTextResponse("refused\n", 403, STRICT)
            response = Response(None, 204) if request.method == "OPTIONS" else await self._answered(request, answer)
            if origin in self.means.settings.origins:
                response.headers.update(_cors(origin))
            return response

        return route

    def _is_welcome(self, request: Request, origin: str) -> bool:
        """Whether this page may call: ours, or one of a listed site. Programs name none, and prove themselves."""
        # A proxy may put a host of its own, so the address that people see (`public_url`) counts too.
        named = f"//{request.headers.get('host', '')}"
        ours = {f"https:{named}", f"http:{named}", origin_of(self.means.desk.url)}
        return origin in ours or origin in self.means.settings.origins

    async def _answered(self, request: Request, answer: _Answer) -> Response:
        desk, address = self.means.desk, counted(caller(request, behind_proxy=self.means.settings.behind_proxy))
        wait = self.limits.call(address, at=asyncio.get_running_loop().time())
        if wait:
            desk.refused("flood")
            return _no(SayNoError(429, "rate", after=round(wait, 1) + 0.1))
        try:
            return await answer(request)
        except LaterError:
            return later()
        except SayNoError as error:
            return _no(error)
        except tuple(NOES) as error:
            status, why = next(NOES[kind] for kind in type(error).__mro__ if kind in NOES)
            desk.refused(why)
            return _no(SayNoError(status, why))


def origin_of(url: str) -> str:
    """Give the origin of an address as browsers write it: host in lower case, no port where it is the usual one."""
    parts = urlsplit(url)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"


def _no(error: SayNoError) -> Response:
    after = error.facts.get("after")
    more = {"retry-after": str(round(after) + 1)} if isinstance(after, float) else {}
    return JSONResponse({"why": error.why, **error.facts}, error.status, {**KEEP_NOTHING, **more})


def _static(name: str, kind: str) -> _Answer:
    """Give a file of the page; browsers ask every time whether it has changed."""
    content = (FILES / name).read_bytes()
    mark = f'"{sha256(content).hexdigest()[:32]}"'

    async def route(request: Request) -> Response:
        headers = {"etag": mark, "cache-control": "no-cache", **STRICT}
        if request.headers.get("if-none-match") == mark:
            return Response(None, 304, headers)
        return Response(content, 200, headers, kind)

    return route


def _cors(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-headers": "authorization, content-type, x-file-name",
        "access-control-allow-methods": "GET, POST",
        "access-control-max-age": "600",
        "vary": "origin",
    }
