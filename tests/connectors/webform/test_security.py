"""What strangers try on a form: forged, altered and replayed tokens, other people's dialogues, bodies and names."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from form_lab import BASE, CLIENT, HOST, SECRET, SITE, FormLab, form_lab

from connectors.page_tokens import Tokens
from connectors.webform.routes import origin_of

pytestmark = pytest.mark.postgres
OTHER = CLIENT[::-1]


async def test_every_changed_letter_of_a_link_opens_nothing(lab: FormLab) -> None:
    token = lab.token(await lab.link())
    for place, letter in enumerate(token):
        altered = token[:place] + ("0" if letter != "0" else "1") + token[place + 1 :]
        answer = await lab.http.get(f"{BASE}/f/{altered}")
        assert answer.status_code == 404
        assert "was changed" in answer.text
        assert (await lab.call("start", {"link": altered, "client": CLIENT})).status_code == 401


async def test_a_link_that_we_never_made_is_not_there_though_it_is_signed(lab: FormLab) -> None:
    """The secret alone makes no link: it must stand in the store."""
    path = lab.form.link_path("0" * 16)
    assert (await lab.http.get(f"{BASE}{path}")).status_code == 404


@pytest.mark.parametrize("client", ["", "short", "x" * 65, "é" * 20, "a\nb" * 8, 17, None])
async def test_a_request_needs_a_name_that_nobody_guesses(lab: FormLab, client: Any) -> None:
    link = lab.token(await lab.link())
    assert (await lab.call("start", {"link": link, "client": client})).status_code == 401


async def test_a_token_is_of_use_for_its_own_purpose_alone(lab: FormLab) -> None:
    link = await lab.link()
    stamp = await lab.start(link)
    dialogue = (await lab.send(stamp)).json()["dialogue"]
    handle = (await lab.upload(b"x", token=stamp)).text
    for token in (stamp, handle, lab.token(link)):
        assert (await lab.call("lines", token=token)).status_code == 401
        assert (await lab.call("say", {"id": "1", "text": "x"}, token=token)).status_code == 401
    for token in (dialogue, handle, lab.token(link)):
        assert (await lab.send(token)).status_code == 401
    assert len(lab.bench.sink.messages) == 1


async def test_every_changed_byte_of_a_dialogues_token_opens_nothing(lab: FormLab) -> None:
    token = await lab.begun(await lab.link())
    for place in range(0, len(token), 5):
        altered = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert (await lab.call("lines", token=altered)).status_code == 401


@pytest.mark.parametrize("account", ["contact", "other"])
async def test_a_token_of_another_account_or_secret_opens_nothing(lab: FormLab, account: str) -> None:
    chat = {"link": "x", "chat": "f.0"}
    secret = SECRET if account == "other" else "an invented secret of somebody else"
    forged = Tokens(secret=secret, account=account).issue("dialogue", chat, expires=lab.now.replace(year=2099))
    assert (await lab.call("lines", token=forged)).status_code == 401
    assert ("contact", "forged") in lab.bench.refused


async def test_a_private_link_ends(database: str) -> None:
    async with form_lab(database, dialogue_days=1) as lab:
        token = await lab.begun(await lab.link())
        lab.later(days=1, seconds=1)
        answer = await lab.call("lines", token=token)
        assert (answer.status_code, answer.json()) == (401, {"why": "over"})


async def test_a_stamp_that_is_used_again_for_ever_makes_no_second_dialogue_and_ends(lab: FormLab) -> None:
    stamp = await lab.start(await lab.link())
    answers = [await lab.send(stamp, text=f"spam {number}") for number in range(3)]
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    lab.later(hours=24)
    assert (await lab.send(stamp)).status_code == 401


async def test_another_persons_dialogue_is_neither_read_nor_written(lab: FormLab) -> None:
    link = await lab.link()
    mine, theirs = await lab.begun(link), await lab.begun(link, OTHER)
    content = (await lab.upload(b"for my eyes", token=mine)).text
    digest = lab.bench.blobs.puts[-1]
    await lab.answer(mine, "for your eyes", files=[{"name": "key.txt", "size": 11, "sha256": digest}])
    assert (await lab.call("lines", token=theirs)).json()["lines"] == []
    assert (await lab.call("files/1/0", token=theirs)).status_code == 404
    assert (await lab.call("files/1/0", token=mine)).content == b"for my eyes"
    answer = await lab.call("say", {"id": "1", "text": "mine now", "files": [content]}, token=theirs)
    assert (answer.status_code, answer.json()["why"]) == (422, "file")


async def test_a_file_is_handed_out_to_be_kept_and_never_shown(lab: FormLab) -> None:
    token = await lab.begun(await lab.link())
    await lab.upload(b"<script>", token=token)
    digest = lab.bench.blobs.puts[-1]
    await lab.answer(token, "see", files=[{"name": 'a"\r\nset-cookie: x.html', "size": 8, "sha256": digest}])
    answer = await lab.call("files/1/0", token=token)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%22%0D%0Aset-cookie")
    assert "set-cookie" not in answer.headers
    assert (await lab.call("files/1/1", token=token)).status_code == 404
    assert (await lab.call("files/99/0", token=token)).status_code == 404


@pytest.mark.parametrize(
    ("said", "kept"),
    [("..%2F..%2Fetc%2Fpasswd", "passwd"), ("C%3A%5Cboot.ini", "boot.ini"), ("a%0D%0Ab", "a b"), ("%00", "file")],
)
async def test_a_files_name_is_data_and_never_a_path_or_a_header(lab: FormLab, said: str, kept: str) -> None:
    stamp = await lab.start(await lab.link())
    handle = await lab.upload(b"x", token=stamp, name=said)
    await lab.send(stamp, files=[handle.text])
    assert [file.name for file in lab.bench.sink.messages[0].files] == [kept]


async def test_what_people_type_makes_no_header(lab: FormLab) -> None:
    stamp = await lab.start(await lab.link())
    await lab.send(stamp, name="Eve\r\nBcc: all@example.org", subject="Hi\r\nX: y", text="a\0b\r\nc")
    (message,) = lab.bench.sink.messages
    assert (message.sender.name, message.subject) == ("Eve Bcc: all@example.org", "Hi X: y")
    assert message.text.content == "a\ufffdb\nc"


async def test_bodies_have_an_end(lab: FormLab) -> None:
    link = await lab.link()
    stamp = await lab.start(link)
    assert (await lab.send(stamp, text="x" * 300_000)).status_code == 413
    assert (await lab.call("start", {"link": "x" * 3_000, "client": CLIENT})).status_code == 413
    assert (await lab.upload(b"x" * (20 * 1024 * 1024 + 1), token=stamp)).status_code == 413
    assert not lab.bench.sink.messages


async def test_who_proves_nothing_is_refused_before_a_body_is_read(lab: FormLab) -> None:
    read = []

    async def endless() -> AsyncIterator[bytes]:
        read.append(True)
        yield b"{}"

    headers = {"authorization": "Bearer forged.token"}
    for path in ("send", "say", "seen", "files"):
        answer = await lab.http.post(f"{BASE}/api/{path}", content=endless(), headers=headers)
        assert (answer.status_code, read) == (401, [])


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 2_000, b'{"link": NaN}'])
async def test_what_is_no_json_object_is_refused(lab: FormLab, body: bytes) -> None:
    assert (await lab.http.post(f"{BASE}/api/start", content=body)).status_code == 400


@pytest.mark.parametrize(
    ("origin", "status"),
    [(SITE, 200), (HOST, 200), ("", 200), ("https://evil.example", 403), ("null", 403), (f"{SITE}.evil.example", 403)],
)
async def test_pages_of_other_sites_are_not_heard(lab: FormLab, origin: str, status: int) -> None:
    headers = {"origin": origin} if origin else {}
    answer = await lab.call("start", {"link": lab.token(await lab.link()), "client": CLIENT}, **headers)
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (SITE if origin == SITE else None)


@pytest.mark.parametrize(
    ("origin", "status"),
    [(HOST, 200), ("http://127.0.0.1:8081", 200), ("http://desk.example.org", 403), ("https://evil.example", 403)],
)
async def test_our_own_page_is_heard_behind_a_proxy_that_names_another_host(
    lab: FormLab, origin: str, status: int
) -> None:
    headers = {"host": "127.0.0.1:8081", "origin": origin}
    answer = await lab.call("start", {"link": lab.token(await lab.link()), "client": CLIENT}, **headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Desk.Example.org/webform/contact", "https://desk.example.org"),
        ("https://desk.example.org:443/a", "https://desk.example.org"),
        ("http://127.0.0.1:80/a", "http://127.0.0.1"),
        ("http://desk.example.org:8443", "http://desk.example.org:8443"),
        ("http://[::1]:8081/a", "http://[::1]:8081"),
    ],
)
def test_an_origin_is_told_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin


async def test_one_address_that_floods_is_stopped(lab: FormLab) -> None:
    statuses = [(await lab.call("lines", token="x")).status_code for _ in range(610)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert ("contact", "flood") in lab.bench.refused


async def test_no_secret_and_no_token_stands_in_what_is_stored(lab: FormLab) -> None:
    stamp = await lab.start(await lab.link())
    token = (await lab.send(stamp)).json()["dialogue"]
    await lab.call("say", {"id": "m1", "text": "more"}, token=token)
    stored = b"".join(lab.bench.blobs.contents.values()).decode()
    stored += "".join(message.model_dump_json() for message in lab.bench.sink.messages)
    for hidden in (SECRET, stamp, token, CLIENT):
        assert hidden not in stored
