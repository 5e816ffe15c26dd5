"""The pages of a form: what a browser may do with them, in which language, and what a dead link says."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from form_lab import BASE, SITE, FormLab, form_lab

from connectors.webform.words import NAMES, WORDS, language_of

pytestmark = pytest.mark.postgres


def test_every_language_has_the_same_words() -> None:
    assert WORDS.keys() == NAMES.keys()
    assert len({frozenset(words) for words in WORDS.values()}) == 1
    assert all(text for words in WORDS.values() for text in words.values())


@pytest.mark.parametrize(
    ("asked", "accepted", "found"),
    [("pt", "ru", "pt"), ("", "de-DE, ru;q=0.9", "ru"), ("xx", "", "en"), ("", "pt-BR,pt;q=0.9", "pt")],
)
def test_the_language_is_that_of_the_address_or_the_browser(asked: str, accepted: str, found: str) -> None:
    assert language_of(asked, accepted) == found


async def test_a_page_runs_our_script_alone_and_is_embedded_by_listed_sites_alone(lab: FormLab) -> None:
    answer = await lab.http.get(f"{BASE}/f/{lab.token(await lab.link())}")
    policy = answer.headers["content-security-policy"]
    assert f"frame-ancestors {SITE};" in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", answer.text) == []
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


async def test_without_listed_sites_nobody_embeds_it(database: str) -> None:
    async with form_lab(database, origins=[]) as lab:
        answer = await lab.http.get(f"{BASE}/dialogue")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


async def test_what_a_link_says_is_shown_as_text_and_not_asked(database: str) -> None:
    async with form_lab(database, ask=["name", "organisation", "installation"]) as lab:
        link = await lab.link(organisation='<img src=x onerror="1">', installation="PX-1")
        page = (await lab.http.get(f"{BASE}/f/{lab.token(link)}")).text
        assert "&lt;img src=x onerror=&quot;1&quot;&gt;" in page
        assert 'id="name"' in page
        assert 'id="organisation"' not in page
        assert 'id="installation"' not in page
        assert 'id="installation"' in (await lab.http.get(f"{BASE}/f/{lab.token(await lab.link())}")).text


@pytest.mark.parametrize(("state", "status", "words"), [("revoked", 410, "withdrawn"), ("expired", 410, "expired")])
async def test_a_dead_link_says_why(lab: FormLab, state: str, status: int, words: str) -> None:
    link = await lab.link(lives=timedelta(days=1))
    if state == "revoked":
        await lab.links.revoke(link.id, now=lab.now)
    else:
        lab.later(days=1)
    answer = await lab.http.get(f"{BASE}/f/{lab.token(link)}")
    assert answer.status_code == status
    assert words in answer.text
    assert "<form" not in answer.text


async def test_a_page_tells_its_script_what_it_needs(lab: FormLab) -> None:
    token = lab.token(await lab.link())
    page = (await lab.http.get(f"{BASE}/f/{token}?lang=ru")).text
    facts = json.loads(unescape(re.findall(r'data-facts="([^"]*)"', page)[0]))
    assert (facts["link"], facts["language"], facts["mode"]) == (token, "ru", "form")
    assert facts["words"] == WORDS["ru"]


async def test_the_script_is_asked_for_again_only_when_it_has_changed(lab: FormLab) -> None:
    first = await lab.http.get(f"{BASE}/form.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = await lab.http.get(f"{BASE}/form.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
