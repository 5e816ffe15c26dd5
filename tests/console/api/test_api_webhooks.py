"""Endpoints of webhooks over HTTP: kept by tokens with their scope, within their accounts."""

from pathlib import Path

from api_lab import api_lab

URL = "https://crm.example.org/in"


async def test_an_endpoint_is_made_with_its_secret_kept_and_removed(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client(["webhooks"]) as client:
        wanted = {"url": URL, "name": "crm", "accounts": ["sales"], "types": ["ticket.created"]}
        made = await client.post("/webhooks", json=wanted)
        assert made.status_code == 201
        secret, where = made.json()["secret"], f"/webhooks/{made.json()['id']}"
        (listed,) = (await client.get("/webhooks")).json()["items"]
        assert listed | wanted == listed
        assert secret not in (await client.get("/webhooks")).text + (await client.get(where)).text
        rotated = await client.post(f"{where}/rotate", params={"overlap_hours": 1})
        assert rotated.json()["secret"] != secret
        assert (await client.get(where)).json()["secrets"] == 2
        assert (await client.post(f"{where}/pause")).json()["state"] == "paused"
        assert (await client.post(f"{where}/test")).status_code == 409
        assert (await client.post(f"{where}/resume")).json()["state"] == "active"
        sent = await client.post(f"{where}/test")
        assert (sent.status_code, sent.json()["state"], sent.json()["tries"]) == (202, "pending", [])
        again = await client.post(f"{where}/dispatches/{sent.json()['id']}/resend")
        assert (again.status_code, again.json()["event_id"]) == (202, sent.json()["event_id"])
        assert (await client.delete(where)).status_code == 204
        assert (await client.get(where)).status_code == 404


async def test_the_log_is_read_page_by_page(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client(["webhooks"]) as client:
        where = f"/webhooks/{(await client.post('/webhooks', json={'url': URL})).json()['id']}"
        ids = [(await client.post(f"{where}/test")).json()["id"] for _ in range(3)]
        first = (await client.get(f"{where}/dispatches", params={"limit": 2})).json()
        rest = {"limit": 2, "cursor": first["next_cursor"]}
        second = (await client.get(f"{where}/dispatches", params=rest)).json()
        assert [row["id"] for page in (first, second) for row in page["items"]] == ids[::-1]
        assert second["next_cursor"] is None
        other = await client.get(f"{where}/dispatches", params={**rest, "state": "failed"})
        assert other.status_code == 422


async def test_a_token_makes_endpoints_within_its_accounts_alone(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        async with api.client(["webhooks"], accounts=["sales"]) as client:
            assert (await client.post("/webhooks", json={"url": URL})).json()["accounts"] == ["sales"]
            refused = await client.post("/webhooks", json={"url": URL, "accounts": ["sales", "support"]})
            assert refused.status_code == 404
        async with api.client(["webhooks"]) as client:
            every = (await client.post("/webhooks", json={"url": URL})).json()["id"]
        async with api.client(["webhooks"], accounts=["sales", "support"]) as client:
            assert (await client.get(f"/webhooks/{every}")).status_code == 404


async def test_what_must_not_be_asked_or_kept_is_refused_in_words(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client(["webhooks"]) as client:
        inside = await client.post("/webhooks", json={"url": "https://169.254.169.254/"})
        assert inside.status_code == 422
        assert "webhooks.allow_hosts" in inside.text
        unknown = await client.post("/webhooks", json={"url": URL, "accounts": ["nobody"]})
        assert (unknown.status_code, "there is no account" in unknown.text) == (422, True)
        kept = await client.post("/webhooks", json={"url": URL}, headers={"Idempotency-Key": "1"})
        assert (kept.status_code, "holds a secret" in kept.text) == (409, True)
        assert (await client.get("/webhooks")).json()["items"] == []
        assert await api.lab.rows("select * from api_requests") == []
