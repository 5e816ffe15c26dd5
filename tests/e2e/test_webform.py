"""The web form in a real browser: a request becomes a ticket, goes on as a dialogue, and is never lost or doubled."""

from collections.abc import Iterator
from typing import Any

import pytest
from barriers import barriers_of_all_screens
from form_site import CHROMIUM, NUMBER, FormSite, filled, form_site, lines, number_of, send, texts
from playwright.sync_api import Route

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (tests/servers.sh installs it)"),
]


@pytest.fixture(scope="module")
def site() -> Iterator[FormSite]:
    with form_site() as found:
        yield found


@pytest.fixture(scope="module")
def link(site: FormSite) -> str:
    return site.link("--label", "for anybody")


def test_a_request_becomes_a_ticket_of_its_organisation_and_goes_on_as_a_dialogue(site: FormSite) -> None:
    page = site.page(site.link("--organisation", "Fábrica, Lda", "--installation", "PX-1"))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.get_by_label("Summary").fill("Printer stops")
    send(filled(page, "It stops at page 40"))
    number = number_of(page)
    ticket = site.shown(number)
    assert (ticket["ticket"]["subject"], ticket["ticket"]["requester_name"]) == ("Printer stops", "Marta")
    shown = site.daemon.cli("tickets", "show", number).stdout
    assert "organisation: Fábrica, Lda" in shown
    assert "serial number: PX-1" in shown
    site.daemon.cli("tickets", "reply", number, "--text", "Switch it off and on")
    page.get_by_text("Switch it off and on").wait_for(timeout=20_000)
    page.get_by_label("Write a message").fill("It helps")
    page.keyboard.press("Control+Enter")
    site.daemon.wait_until(lambda: texts(site.shown(number))[-1] == "It helps", seconds=20, what="gone on", every=0.3)
    assert lines(page) == ["It stops at page 40", "Switch it off and on", "It helps"]
    messages = site.shown(number)["messages"]
    assert [one["sender_name"] for one in messages if one["direction"] == "in"] == ["Marta", "Marta"]
    sendings = [message["sending"] for message in messages]
    assert "seen" in str(sendings)
    assert said == []
    page.context.close()


def test_a_request_whose_answer_was_lost_is_tried_again_and_is_one_ticket(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "said once, heard twice")
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/api/send", lose, times=1)
    send(page)
    page.get_by_text("It is not sent yet").wait_for(timeout=10_000)
    number = number_of(page)
    assert lost == [202]
    assert texts(site.shown(number)) == ["said once, heard twice"]
    assert len(site.shown(number)["messages"][0]["repeats"]) == 1
    page.context.close()


HURRY = """() => { const later = setTimeout; window.naps = [];
    window.setTimeout = (what, ms) => { if (ms >= 1000) naps.push(ms); return later(what, ms / 1000); }; }"""
"""Naps of a second and more are noted, and all take a thousandth of their time."""


def test_a_page_that_waits_for_its_number_asks_ever_more_seldom_and_for_what_is_new(site: FormSite, link: str) -> None:
    page, asked = filled(site.page(link), "patience"), list[str]()

    def not_yet(route: Route) -> None:
        asked.append(route.request.url.rpartition("/")[2])
        route.fulfill(json={"lines": [], "own": [], "ticket": None, "receipt": "x"})

    def unplaced(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(status=answer.status, json={**answer.json(), "ticket": None})

    page.route("**/api/send", unplaced)
    page.route("**/api/lines*", not_yet)
    page.evaluate(HURRY)
    send(page)
    site.daemon.wait_until(lambda: page.evaluate("naps.length") >= 12, seconds=20, what="twelve naps", every=0.1)
    naps = page.evaluate("naps.slice(0, 12)")
    assert (asked[0], set(asked[1:])) == ("lines", {"lines?after=0"})
    assert (naps, naps[-1]) == (sorted(naps), 30_000)
    assert sum(naps[:9]) > 60_000, "no more than ten looks in the first minute"
    page.unroute("**/api/lines*")
    assert number_of(page)
    page.locator("#log").get_by_text("patience").wait_for(timeout=20_000)
    page.context.close()


def test_what_is_sent_while_the_intake_is_down_survives_a_reload_and_arrives_once(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "written in the dark")
    page.route("**/api/**", lambda route: route.abort())
    send(page)
    page.get_by_text("It is not sent yet").wait_for(timeout=10_000)
    site.daemon.kill_child("ingest")
    page.unroute("**/api/**")
    number = number_of(page)
    assert texts(site.shown(number)) == ["written in the dark"]
    page.reload()
    assert number_of(page) == number
    page.locator("#log").get_by_text("written in the dark").wait_for(timeout=20_000)
    page.context.close()


def test_a_stamp_that_ends_while_nothing_can_be_sent_is_renewed_once(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "written for longer than a stamp lives")
    asked: list[str] = []

    def ended(route: Route) -> None:
        asked.append("send")
        if len(asked) == 1:
            route.abort()
        elif "anew" in asked:
            route.continue_()
        else:
            route.fulfill(status=401, json={"why": "over"})

    def anew(route: Route) -> None:
        asked.append("anew")
        route.continue_()

    page.route("**/api/send", ended)
    page.route("**/api/start", anew)
    send(page)
    assert number_of(page)
    assert asked == ["send", "send", "anew", "send"]
    page.context.close()


def test_a_stamp_that_is_refused_as_new_is_not_renewed_for_ever(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "never taken")
    asked: list[str] = []

    def no(route: Route) -> None:
        asked.append("send")
        route.fulfill(status=401, json={"why": "forged"})

    page.route("**/api/send", no)
    send(page)
    page.get_by_role("alert").wait_for(timeout=10_000)
    assert asked == ["send", "send"]
    page.context.close()


def test_a_draft_and_its_files_survive_a_reload_and_another_tab_sends_its_own(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "half a thought")
    page.locator("#files").set_input_files({"name": "log.txt", "mimeType": "text/plain", "buffer": b"line 1"})
    kept = "JSON.stringify({...localStorage})"
    site.daemon.wait_until(lambda: "handle" in page.evaluate(kept), seconds=20, what="an uploaded file", every=0.1)
    page.reload()
    assert page.get_by_label("What do you need?").input_value() == "half a thought"
    other = page.context.new_page()
    other.goto(link)
    page.get_by_label("What do you need?").fill("the whole thought")
    send(page)
    first = site.shown(number_of(page))
    assert [file["name"] for file in first["messages"][0]["files"]] == ["log.txt"]
    send(filled(other, "another matter"))
    other.get_by_text("A file has to be attached again").wait_for(timeout=10_000)
    other.get_by_role("button", name="Remove: log.txt").click()
    send(other)
    assert number_of(other) != number_of(page)
    page.context.close()


def test_a_file_comes_back_and_one_that_is_too_large_is_said_so(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "see the picture")
    page.evaluate(
        "() => { const all = new DataTransfer(); all.items.add(new File([new Uint8Array(20971521)], 'video.mp4'));"
        " const field = document.getElementById('files'); field.files = all.files;"
        " field.dispatchEvent(new Event('change')); }"
    )
    page.get_by_role("alert").get_by_text("Put it on files.example.org").wait_for(timeout=10_000)
    send(page)
    number = number_of(page)
    (file,) = site.shown(number)["messages"][0]["files"]
    assert (file["name"], file["state"]) == ("video.mp4", "refused")
    answer = site.daemon.folder / "coupon.txt"
    answer.write_text("TEN", encoding="utf-8")
    site.daemon.cli("tickets", "reply", number, "--text", "A coupon", "--attach", str(answer))
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Download: coupon.txt").click(timeout=20_000)
    assert download.value.path().read_text(encoding="utf-8") == "TEN"
    page.context.close()


def test_what_is_missing_or_filled_in_by_a_machine_is_said_and_mended(site: FormSite, link: str) -> None:
    page = site.page(link)
    send(page)
    page.get_by_role("alert").get_by_text("Please fill in what is marked").wait_for()
    assert page.evaluate("document.activeElement.id") == "name"
    filled(page, "by a browser that fills in everything")
    page.evaluate("document.getElementById('website').value = 'https://filled.example'")
    send(page)
    page.get_by_text("Your browser filled in a field").wait_for(timeout=10_000)
    send(page)
    assert number_of(page)
    page.context.close()


@pytest.mark.parametrize(("width", "height", "scheme"), [(1000, 800, "light"), (360, 640, "dark")])
def test_it_is_used_by_keyboard_alone_and_fits_every_screen(
    site: FormSite, link: str, width: int, height: int, scheme: str
) -> None:
    page = site.page(link, width=width, height=height, scheme=scheme)
    typed = {"name": "Marta", "text": "by keyboard alone"}
    for _ in range(15):
        page.keyboard.press("Tab")
        where = page.evaluate("document.activeElement.id")
        assert where != "website", "nobody comes into the trap by keyboard"
        page.keyboard.type(typed.pop(where, ""))
        if where == "send":
            break
    page.keyboard.press("Enter")
    assert number_of(page)
    assert page.evaluate("document.activeElement.id") == "done"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    page.context.close()


def test_nothing_keeps_people_out_of_it(site: FormSite, link: str) -> None:
    page = site.page(link)
    send(page)
    page.get_by_role("alert").get_by_text("Please fill in what is marked").wait_for()
    assert barriers_of_all_screens(page) == []
    send(filled(page, "without barriers"))
    number_of(page)
    page.locator("#log").get_by_text("without barriers").wait_for(timeout=20_000)
    assert barriers_of_all_screens(page) == []
    page.context.close()


@pytest.mark.parametrize(("language", "words"), [("pt", "De que precisa?"), ("ru", "Что вам нужно?")])
def test_it_speaks_three_languages(site: FormSite, link: str, language: str, words: str) -> None:
    page = site.page(link)
    page.locator(f"nav a[lang={language}]").click()
    page.get_by_label(words).wait_for(timeout=10_000)
    assert page.evaluate("document.documentElement.lang") == language
    page.context.close()


def test_a_listed_site_embeds_it_and_no_other(site: FormSite, link: str) -> None:
    page = site.page(f"{site.origin}/?{link}")
    frame: Any = page.frame_locator("iframe")
    frame.get_by_label("Your name").fill("Marta")
    frame.get_by_label("What do you need?").fill("from inside a shop")
    frame.get_by_role("button", name="Send", exact=True).click()
    frame.get_by_text(NUMBER).wait_for(timeout=20_000)
    page.goto(f"{site.origin.replace('127.0.0.1', 'localhost')}/?{link}")
    assert frame.get_by_label("Your name").count() == 0
    page.context.close()


def test_the_private_link_opens_the_dialogue_elsewhere_and_an_altered_one_says_so(site: FormSite, link: str) -> None:
    page = filled(site.page(link), "from the office")
    send(page)
    number = number_of(page)
    private = page.locator("#private").input_value()
    page.context.close()
    page = site.page(private)
    assert number_of(page) == number
    page.locator("#log").get_by_text("from the office").wait_for(timeout=20_000)
    page.context.close()
    page = site.page(private[:-1])
    page.get_by_text("This private link is over, or not complete").wait_for(timeout=10_000)
    page.context.close()


def test_operators_make_list_and_revoke_links(site: FormSite) -> None:
    url = site.link("--organisation", "Fábrica, Lda", "--label", "client area", "--expires", "30d")
    (found,) = [one for one in site.daemon.json("form-links", "list") if one["url"] == url]
    assert (found["state"], found["organisation"], found["label"]) == ("works", "Fábrica, Lda", "client area")
    assert site.daemon.cli("form-links", "revoke", url).stdout.startswith(f"link {found['id']} is revoked")
    page = site.page(url)
    page.get_by_role("heading", name="This link was withdrawn").wait_for(timeout=10_000)
    page.context.close()
    nobody = site.daemon.cli("form-links", "create", "nobody", check=False)
    assert (nobody.returncode, "there is no account 'nobody'" in nobody.stderr) == (2, True)
