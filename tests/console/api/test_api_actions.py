"""What tokens do on tickets and with held messages, over a real server."""

from pathlib import Path

import httpx
from api_lab import ApiLab, api_lab
from routing_lab import mail

from console.api.tokens import Scope


async def number(api: ApiLab, account: str = "support") -> str:
    rows = await api.lab.rows("select number from tickets where account = %s order by id limit 1", [account])
    return str(rows[0]["number"])


async def version(client: httpx.AsyncClient, ticket: str) -> int:
    return int((await client.get(f"/tickets/{ticket}")).json()["version"])


async def test_a_reply_with_a_key_is_written_once_however_often_it_comes(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        path, key = f"/tickets/{await number(api)}/reply", {"Idempotency-Key": "k1"}
        first = await client.post(path, json={"text": "Hello"}, headers=key)
        again = await client.post(path, json={"text": "Hello"}, headers=key)
        other = await client.post(path, json={"text": "Other"}, headers=key)
        assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert other.json()["type"].endswith("idempotency-key-reused")
        assert first.json()["recipients"] == ["ana@a.example"]
        sent = await api.lab.rows("select count(*) as count from sends")
        assert sent[0]["count"] == 1


async def test_a_key_at_work_is_refused_until_its_worker_is_gone(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        path, key = f"/tickets/{await number(api)}/note", {"Idempotency-Key": "k1"}
        await client.post(path, json={"text": "Hello"}, headers=key)
        await api.lab.run("update api_requests set status = null, lease_until = now() + interval '1 minute'")
        assert (await client.post(path, json={"text": "Hello"}, headers=key)).status_code == 409
        await api.lab.run("update api_requests set lease_until = now() - interval '1 minute'")
        done = await client.post(path, json={"text": "Hello"}, headers=key)
        assert done.status_code == 201
        assert done.json()["repeated"] is True
        assert len(await api.lab.rows("select 1 from messages where direction = 'out'")) == 1


async def test_status_moves_keep_to_the_version_that_was_seen(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        ticket = await number(api)
        stale = {"If-Match": f'"{await version(client, ticket) - 1}"'}
        fresh = {"If-Match": f'"{await version(client, ticket)}"'}
        assert (await client.post(f"/tickets/{ticket}/close", headers=stale)).status_code == 412
        assert (await client.post(f"/tickets/{ticket}/close", headers=fresh)).status_code == 204
        assert (await client.get(f"/tickets/{ticket}")).json()["status"] == "closed"
        assert (await client.post(f"/tickets/{ticket}/close")).status_code == 409
        assert (await client.post(f"/tickets/{ticket}/reopen")).status_code == 204
        assert (await client.post(f"/tickets/{ticket}/spam")).status_code == 204


async def test_nothing_is_done_on_tickets_of_other_accounts(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        await api.lab.route(mail("a"), mail("b", sender="bob@b.example", account="sales", scope="sales"))
        own, foreign = await number(api), await number(api, "sales")
        message = (await api.lab.rows("select id from messages where account = 'sales'"))[0]["id"]
        async with api.client(accounts=["support"]) as client:
            answers = [
                await client.post(f"/tickets/{foreign}/reply", json={"text": "x"}),
                await client.post(f"/tickets/{foreign}/note", json={"text": "x"}),
                await client.post(f"/tickets/{foreign}/close"),
                await client.post(f"/tickets/{foreign}/requester", json={"address": "eve@e.example"}),
                await client.post(f"/tickets/{own}/merge", json={"into": foreign}),
                await client.post(f"/tickets/{foreign}/merge", json={"into": own}),
                await client.post(f"/messages/{message}/move", json={"to": own}),
            ]
        assert [one.status_code for one in answers] == [404] * len(answers)
        assert await api.lab.rows("select 1 from messages where direction = 'out'") == []
        async with api.client([Scope.TICKETS_READ]) as client:
            assert (await client.post(f"/tickets/{own}/close")).status_code == 403


async def test_a_held_message_is_shown_and_placed(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"), mail("lost", sender="bob@b.example", answers="nobody", subject="Re: x"))
        (held,) = (await client.get("/spool")).json()["items"]
        detail = (await client.get(f"/spool/{held['id']}")).json()
        assert detail["explanation"]
        assert detail["text"] == "text of lost"
        async with api.client(accounts=["sales"]) as stranger:
            assert (await stranger.get("/spool")).json()["items"] == []
            assert (await stranger.get(f"/spool/{held['id']}")).status_code == 404
            assert (await stranger.post(f"/spool/{held['id']}/open")).status_code == 404
        filed = await client.post(f"/spool/{held['id']}/link", json={"ticket": await number(api)})
        assert filed.json()["ticket"] == await number(api)
        assert (await client.post(f"/spool/{held['id']}/open")).status_code == 404


async def test_a_file_goes_up_with_a_reply_and_comes_down_as_bytes_alone(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        ticket, html = await number(api), b"<script>alert(1)</script>"
        up = await client.post("/uploads", params={"name": '../../e"\r\nX: y.html'}, content=html)
        assert up.status_code == 201
        assert "/" not in up.json()["name"]
        async with api.client() as other:
            taken = await other.post(f"/tickets/{ticket}/note", json={"text": "x", "files": [up.json()["id"]]})
            assert taken.status_code == 422
        said = await client.post(f"/tickets/{ticket}/reply", json={"text": "see", "files": [up.json()["id"]]})
        down = await client.get(f"/messages/{said.json()['message_id']}/files/0")
        assert down.content == html
        assert down.headers["content-type"] == "application/octet-stream"
        assert down.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert down.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in down.headers["content-security-policy"]
        assert "x" not in down.headers
        assert (await client.get(f"/messages/{said.json()['message_id']}/files/1")).status_code == 404


async def test_what_is_too_large_or_written_wrongly_is_refused_in_words(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        path = f"/tickets/{await number(api)}/reply"
        assert (await client.post(path, content=b"x" * (1024 * 1024 + 1))).status_code == 413
        assert (await client.post("/uploads", params={"name": "x"}, content=b"x" * (20 * 2**20 + 1))).status_code == 413
        for body in (
            {"text": " "},
            {"text": "\0"},
            {"text": "x", "html": "y"},
            {"text": "x", "cc": ["a\r\nBcc: e@e.example"]},
        ):
            answer = await client.post(path, json=body)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["where"].startswith("body.")
