"""Reading tickets over HTTP."""

from pathlib import Path

from api_lab import api_lab
from routing_lab import mail

from console.api import cursors


async def test_a_ticket_is_listed_and_read_with_its_messages(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"), mail("b", answers="a", minutes=1))
        (line,) = (await client.get("/tickets")).json()["items"]
        answer = await client.get(f"/tickets/{line['number']}")
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        assert answer.json()["requester"] == "ana@a.example"
        messages = (await client.get(f"/tickets/{line['number']}/messages")).json()["items"]
        assert [one["text"] for one in messages] == ["text of a", "text of b"]
        one = (await client.get(f"/messages/{messages[1]['id']}")).json()
        assert one == messages[1]
        assert one["decision"]["rule"]


async def test_pages_by_age_show_every_ticket_once_while_new_ones_come(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(*(mail(f"m{n}", sender=f"p{n}@a.example", subject=f"s{n}") for n in range(7)))
        there = {row["number"] for row in await api.lab.rows("select number from tickets")}
        seen: list[str] = []
        cursor: str | None = None
        for turn in range(20):
            query = {"sort": "created", "limit": "2", **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/tickets", params=query)).json()
            seen += [one["number"] for one in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            if turn < 3:
                await api.lab.route(mail(f"new{turn}", sender=f"n{turn}@a.example", subject=f"n{turn}"))
        assert cursor is None
        assert len(seen) == len(set(seen)) == 10
        assert there <= set(seen)


async def test_a_cursor_of_another_listing_is_refused(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(*(mail(f"m{n}", sender=f"p{n}@a.example", subject=f"s{n}") for n in range(3)))
        cursor = (await client.get("/tickets", params={"limit": 1})).json()["next_cursor"]
        bound = {
            "status": None,
            "account": None,
            "channel": None,
            "requester": None,
            "sort": "recent",
            "what": "tickets",
        }
        forged = [cursors.written(place, bound) for place in ("x", f"2026-01-01~{2**70}", "2026-01-01T00:00:00~\0")]
        for query in (
            {"cursor": cursor, "status": "open"},
            *({"cursor": text} for text in ("x", "bnVsbA", *forged)),
        ):
            answer = await client.get("/tickets", params={"limit": 1, **query})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["where"] == "query.cursor"


async def test_a_filter_that_no_path_has_is_refused_and_told(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        for path, query in (("/tickets", {"acount": "sales"}), ("/channels", {"": "x"})):
            answer = await client.get(path, params=query)
            assert answer.status_code == 422
            assert "it has: " in answer.json()["errors"][0]["what"]
        assert (await client.get("/tickets", params={"account": "sales", "limit": "5"})).status_code == 200
