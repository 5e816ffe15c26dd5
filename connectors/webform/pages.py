"""The pages of a form: the form itself, the private page of a dialogue, and what is said when a link does not work.

Without a script inside, without a style inside, without anything of others; who may embed them stands in the settings.
"""

import asyncio
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from connectors.base import LaterError, RefusedError
from connectors.page_http import STRICT, caller
from connectors.webform.endpoint import Endpoint, FormMeans
from connectors.webform.limits import FormLimits
from connectors.webform.requests import TRAP, SayNoError
from connectors.webform.words import NAMES, WORDS, language_of
from schemas.callers import counted
from schemas.dialogue_rows import FormLink

PAGE: Final = Path(__file__).with_name("page")
PARTS: Final = ("page", "form", "talk")
TYPES: Final[Mapping[str, str]] = {
    "name": 'type="text" autocomplete="name"',
    "email": 'type="email" autocomplete="email" aria-describedby="email-why"',
    "phone": 'type="tel" autocomplete="tel"',
    "organisation": 'type="text" autocomplete="organization"',
    "installation": 'type="text" autocomplete="off" spellcheck="false"',
}
AGAIN: Final = 10
"""Seconds after which a page that could not be had asks again."""


class Pages:
    """Gives the pages of one account."""

    def __init__(self, *, means: FormMeans, limits: FormLimits, endpoint: Endpoint) -> None:
        self._means = means
        self._limits = limits
        self._endpoint = endpoint
        self._templates = {name: Template((PAGE / f"{name}.html").read_text("utf-8")) for name in PARTS}
        self._headers = {**STRICT, **_headers(means.settings.origins)}

    async def form(self, request: Request) -> Response:
        """Give the form of a link, or say why there is none."""
        address = counted(caller(request, behind_proxy=self._means.settings.behind_proxy))
        if self._limits.call(address, at=asyncio.get_running_loop().time()):
            self._means.desk.refused("flood")
            return self._closed(request, 429, "later")
        try:
            text = request.path_params["link"]
            link = await self._endpoint.open_link(self._means.handed.link_id(text))
        except RefusedError:
            self._means.desk.refused("forged")
            return self._closed(request, 404, "unknown")
        except SayNoError as error:
            return self._closed(request, error.status, error.why)
        except LaterError:
            return self._closed(request, 503, "later")
        words = WORDS[_language(request)]
        fields = "".join(self._field(name, words) for name in self._means.settings.ask if not getattr(link, name, ""))
        facts = {**_escaped(words), "for": _for_whom(link, words), "fields": fields, "trap_name": TRAP}
        form = self._templates["form"].substitute(facts)
        talk = self._templates["talk"].substitute(_escaped(words))
        return self._page(request, form + talk, base="..", mode="form", link=text)

    async def dialogue(self, request: Request) -> Response:
        """Give the page of a dialogue. What opens it stands behind the # of the address, which browsers send nobody."""
        talk = self._templates["talk"].substitute(_escaped(WORDS[_language(request)]))
        return self._page(request, talk, base=".", mode="dialogue")

    def _closed(self, request: Request, status: int, why: str) -> Response:
        words = WORDS[_language(request)]
        content = f"<h2>{escape(words[f'{why}_title'])}</h2><p>{escape(words[why])}</p>"
        response = self._page(request, content, base="..", mode="closed", status=status)
        if why == "later":
            response.headers.update({"retry-after": str(AGAIN), "refresh": str(AGAIN)})
        return response

    def _field(self, name: str, words: Mapping[str, str]) -> str:
        is_needed = name in self._means.settings.needed
        needed = f" <small>({escape(words['needed'])})</small>" if is_needed else ""
        kind = TYPES[name] + (" required" if is_needed else "")
        why = f'<p class="why" id="email-why">{escape(words["email_why"])}</p>' if name == "email" else ""
        label = f'<label for="{name}">{escape(words[name])}{needed}</label>'
        return f'<div class="field">{label}<input id="{name}" name="{name}" maxlength="200" {kind}>{why}</div>'

    def _page(
        self, request: Request, content: str, *, base: str, mode: str, status: int = 200, link: str = ""
    ) -> Response:
        settings, language = self._means.settings, _language(request)
        facts = {"base": base, "mode": mode, "link": link, "language": language, "tooLarge": settings.too_large}
        page = self._templates["page"].substitute(
            language=language,
            title=escape(settings.title),
            base=base,
            facts=escape(json.dumps({**facts, "words": WORDS[language]}, ensure_ascii=False)),
            languages=_languages(language, WORDS[language]),
            noscript=escape(WORDS[language]["noscript"]),
            content=content,
            script=f'<script type="module" src="{base}/form.js"></script>' if mode != "closed" else "",
        )
        return HTMLResponse(page, status, self._headers)


def _language(request: Request) -> str:
    return language_of(request.query_params.get("lang", ""), request.headers.get("accept-language", "")[:200])


def _languages(current: str, words: Mapping[str, str]) -> str:
    links = "".join(
        f'<a href="?lang={code}" lang="{code}" hreflang="{code}"{" aria-current=true" * (code == current)}>{name}</a>'
        for code, name in NAMES.items()
    )
    return f'<nav aria-label="{escape(words["languages"])}">{links}</nav>'


def _for_whom(link: FormLink, words: Mapping[str, str]) -> str:
    told = [
        f"<div><dt>{escape(words[f'for_{name}'])}</dt><dd>{escape(value)}</dd></div>"
        for name, value in (("organisation", link.organisation), ("installation", link.installation))
        if value
    ]
    return f"<dl>{''.join(told)}</dl>" if told else ""


def _escaped(words: Mapping[str, str]) -> dict[str, str]:
    return {f"w_{name}": escape(text) for name, text in words.items()}


def _headers(origins: tuple[str, ...]) -> dict[str, str]:
    """Say what a browser may do with our pages: nothing but show them, run our own script, and call us."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(origins) or "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
        "vary": "accept-language",
        **({} if origins else {"x-frame-options": "DENY"}),
    }
