"""The web chat in a real browser: words become a ticket, answers reach the page, nothing is lost or shown twice."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from barriers import barriers_of_all_screens
from chat_site import CHROMIUM, ChatSite, chat_site
from playwright.sync_api import Page
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from schemas.base import MAX_FILE_BYTES

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="chromium is not installed (tests/servers.sh installs it)"),
]


@pytest.fixture(scope="module")
def site() -> Iterator[ChatSite]:
    with chat_site() as found:
        yield found


def opened(site: ChatSite, words: str, **more: Any) -> Page:
    page = site.page(**more)
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_label("Write a message").fill(words)
    page.keyboard.press("Enter")
    return page


def shown(page: Page) -> list[str]:
    return [text.splitlines()[-1] for text in page.locator("li").all_inner_texts()]


def test_words_become_a_live_ticket_and_the_answer_reaches_the_page(site: ChatSite) -> None:
    page = opened(site, "My basket is empty")
    ticket = site.ticket("My basket is empty")
    assert ticket["live"] is True
    site.daemon.cli("tickets", "reply", ticket["number"], "--text", "It is full again")
    page.get_by_text("It is full again").wait_for(timeout=20_000)
    site.daemon.wait_until(
        lambda: "seen" in str(site.daemon.json("tickets", "show", ticket["number"])["messages"][-1]["sending"]),
        seconds=20,
        what="seen",
        every=0.3,
    )
    page.context.close()


def test_what_is_written_while_the_intake_is_down_arrives_once_and_stays_after_a_reload(site: ChatSite) -> None:
    page = opened(site, "first words")
    ticket = site.ticket("first words")
    site.daemon.kill_child("ingest")
    page.get_by_label("Write a message").fill("written in the dark")
    page.keyboard.press("Enter")
    site.ticket("written in the dark")
    assert site.texts(ticket["number"]) == ["first words", "written in the dark"]
    page.reload()
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_text("written in the dark").wait_for(timeout=20_000)
    assert shown(page) == ["first words", "written in the dark"]
    page.context.close()


def test_the_visitor_makes_it_a_ticket_like_others(site: ChatSite) -> None:
    page = opened(site, "please write to me")
    ticket = site.ticket("please write to me")
    page.get_by_role("button", name="Make it a ticket").click()
    page.get_by_label("Your e-mail").fill("marta@example.org")
    page.locator("form.mail button").click()
    page.get_by_text("Your request is a ticket now").wait_for(timeout=20_000)
    number = ticket["number"]
    site.daemon.wait_until(
        lambda: not site.daemon.json("tickets", "show", number).get("live"), seconds=20, what="turned", every=0.3
    )
    page.context.close()


def test_a_file_goes_both_ways_and_one_that_is_too_large_is_said_so(site: ChatSite) -> None:
    page = opened(site, "the picture follows")
    ticket = site.ticket("the picture follows")
    content = b"\x89PNG\r\n\x1a\n of a basket"
    page.locator("input[type=file]").set_input_files({"name": "basket.png", "mimeType": "image/png", "buffer": content})
    site.daemon.wait_until(
        lambda: len(site.texts(ticket["number"])) == 2, seconds=30, what="a message with a file", every=0.3
    )
    (file,) = site.daemon.json("tickets", "show", ticket["number"])["messages"][1]["files"]
    assert (file["name"], file["state"], file["size"]) == ("basket.png", "stored", len(content))
    answer = site.daemon.folder / "coupon.txt"
    answer.write_text("TEN", encoding="utf-8")
    site.daemon.cli("tickets", "reply", ticket["number"], "--text", "A coupon", "--attach", str(answer))
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Download: coupon.txt").click(timeout=20_000)
    assert download.value.path().read_text(encoding="utf-8") == "TEN"
    page.context.close()


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1000, 700, "light"), (1000, 700, "dark"), (360, 640, "light")]
)
def test_it_is_used_by_keyboard_alone_and_fits_every_screen(
    site: ChatSite, width: int, height: int, scheme: str
) -> None:
    page = site.page(width=width, height=height, scheme=scheme)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("by keyboard alone")
    page.keyboard.press("Enter")
    page.get_by_text("by keyboard alone").wait_for(timeout=10_000)
    box = page.get_by_role("dialog", name="Support").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["height"] <= height
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Chat with us").is_visible()
    page.context.close()


def test_nothing_in_it_keeps_people_out_on_any_screen(site: ChatSite) -> None:
    page = site.page()
    page.get_by_role("button", name="Chat with us").wait_for(timeout=10_000)
    assert barriers_of_all_screens(page) == []
    page.get_by_role("button", name="Chat with us").click()
    page.get_by_label("Write a message").fill("everybody can read this")
    page.keyboard.press("Enter")
    page.locator("input[type=file]").set_input_files(
        {"name": "film.mov", "mimeType": "video/quicktime", "buffer": bytes(MAX_FILE_BYTES + 1)}
    )
    page.get_by_text("larger than 20 MiB").wait_for(timeout=10_000)
    number = site.ticket("everybody can read this")["number"]
    leaflet = site.daemon.folder / "leaflet.txt"
    leaflet.write_text("large letters", encoding="utf-8")
    site.daemon.cli("tickets", "reply", number, "--text", "and this", "--attach", str(leaflet))
    page.get_by_role("button", name="Download: leaflet.txt").wait_for(timeout=20_000)
    page.get_by_role("button", name="Make it a ticket").click()
    assert barriers_of_all_screens(page) == []
    page.context.close()


def test_the_tab_key_walks_through_every_control_and_stays_in_the_chat(site: ChatSite) -> None:
    page = site.page()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    walked = [focused(page)]
    for _ in range(6):
        page.keyboard.press("Tab")
        walked.append(focused(page))
    controls = ["Send", "Attach a file", "Make it a ticket", "Close chat", "log"]
    assert walked == ["Write a message", *controls, "Write a message"]
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "log"
    page.keyboard.press("Escape")
    assert focused(page) == "Chat with us"
    page.context.close()


def focused(page: Page) -> str:
    """Name what has the focus, as it is spoken."""
    found: str = page.evaluate(
        """() => {
            let one = document.activeElement;
            while (one.shadowRoot) one = one.shadowRoot.activeElement;
            const label = one.labels?.[0]?.textContent || one.getAttribute("aria-label");
            return label || one.getAttribute("role") || one.textContent;
        }"""
    )
    return found


@pytest.mark.parametrize(("language", "words"), [("pt", "Fale connosco"), ("ru", "Написать нам")])
def test_it_speaks_the_languages_of_its_sites(site: ChatSite, language: str, words: str) -> None:
    page = site.page(language=language)
    page.get_by_role("button", name=words).wait_for(timeout=10_000)
    page.context.close()


def socket(site: ChatSite, *, origin: str | None = None) -> ClientConnection:
    url = site.chat.replace("http", "ws") + "/socket"
    return connect(url, origin=Origin(origin or site.origin), max_size=2**20)


def said(connection: ClientConnection) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(connection.recv(timeout=10))
    return found


def test_another_site_is_not_heard(site: ChatSite) -> None:
    with pytest.raises(InvalidStatus):
        socket(site, origin="https://evil.example")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ({"t": "hello", "token": "eyJjaGF0IjoidS4xIn0.AAAA"}, "forged"),
        ({"t": "hello", "user": {"id": "1", "expires": "9999999999", "signature": "0" * 64}}, "forged"),
        ({"t": "say", "id": "1", "text": "x"}, "frame"),
        ({"t": "hello", "page": "x" * 70_000}, "too_big"),
    ],
)
def test_what_is_forged_or_out_of_form_is_closed_with_a_reason(
    site: ChatSite, frame: Mapping[str, Any], reason: str
) -> None:
    with socket(site) as connection:
        connection.send(json.dumps(frame))
        assert said(connection) == {"t": "bye", "reason": reason}
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=10)


def flood(connection: ClientConnection) -> None:
    for _ in range(5_000):
        connection.send(json.dumps({"t": "ping"}))
        connection.recv(timeout=10)


def test_a_visitor_who_floods_is_stopped_and_no_other_is(site: ChatSite) -> None:
    with socket(site) as loud, socket(site) as calm:
        for connection in (loud, calm):
            connection.send(json.dumps({"t": "hello"}))
            assert said(connection)["t"] == "welcome"
        with pytest.raises(ConnectionClosed):
            flood(loud)
        calm.send(json.dumps({"t": "ping"}))
        assert said(calm) == {"t": "pong"}


def test_a_dialogue_is_its_visitors_alone(site: ChatSite) -> None:
    with socket(site) as mine, socket(site) as theirs:
        for connection in (mine, theirs):
            connection.send(json.dumps({"t": "hello"}))
        first, second = said(mine), said(theirs)
        assert first["chat"] != second["chat"]
        mine.send(json.dumps({"t": "say", "id": "s1", "text": "for my eyes"}))
        assert said(mine)["t"] == "ack"
    ticket = site.ticket("for my eyes")
    site.daemon.cli("tickets", "reply", ticket["number"], "--text", "for yours")
    with socket(site) as theirs, socket(site) as mine:
        theirs.send(json.dumps({"t": "hello", "token": second["token"]}))
        assert said(theirs)["lines"] == []
        mine.send(json.dumps({"t": "hello", "token": first["token"]}))
        welcome = said(mine)
        assert [own["text"] for own in welcome["own"]] == ["for my eyes"]
