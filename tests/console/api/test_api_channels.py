"""How channels are, over HTTP."""

from datetime import timedelta
from pathlib import Path

from api_lab import ApiLab, api_lab
from routing_lab import mail

from daemon.clock import now
from ticket_store.channel_states import ChannelState, write_states
from ticket_store.refusals import RefusalCounter


async def trouble(api: ApiLab) -> None:
    """Let one account poll in vain, be refused and told to wait; the other was served by a process that is gone."""
    moment = now()
    kept = ChannelState(
        account="support",
        channel="mail",
        state="trouble",
        problem="wrong password",
        since=moment,
        delivered_at=moment,
        seen_at=moment,
    )
    gone = ChannelState(
        account="sales",
        channel="mail",
        state="polling",
        problem="",
        since=moment,
        delivered_at=None,
        seen_at=moment - timedelta(hours=1),
    )
    await write_states(api.store.pool, [kept, gone])
    counter = RefusalCounter(pool=api.store.pool)
    for _ in range(3):
        counter.count(account="support", reason="spf", at=moment)
    await counter.write()
    waits = "insert into send_paces (account, chat, free_at, told_until) values ('support', 'c', %s, %s)"
    await api.lab.run(waits, [moment + timedelta(hours=1)] * 2)


async def test_accounts_are_listed_with_their_states_and_what_went_wrong(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await trouble(api)
        channel = {one["channel"]: one for one in (await client.get("/channels")).json()["items"]}["mail"]
        support, sales = channel["accounts"]
        assert (support["account"], support["state"], support["problem"]) == ("support", "trouble", "wrong password")
        assert support["delivered_at"]
        assert support["refused"] == {"spf": 3}
        assert support["paused_until"]
        assert (support["waiting"], support["waiting_since"]) == (0, None)
        assert (sales["state"], sales["problem"]) == ("silent", "no process serves it")
        assert (sales["refused"], sales["paused_until"], sales["delivered_at"]) == ({}, None, None)
        assert channel["quality"]["authenticated"]["state"] in ("done", "todo", "exempt")
        assert "rules done" in channel["quality_summary"]


async def test_accounts_of_others_are_not_listed(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client(accounts=["sales"]) as client:
        await trouble(api)
        answer = await client.get("/channels")
        assert [row["account"] for one in answer.json()["items"] for row in one["accounts"]] == ["sales"]
        assert "wrong password" not in answer.text


async def test_what_is_not_sent_yet_is_counted_for_its_account(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        (ticket,) = (await client.get("/tickets")).json()["items"]
        await client.post(f"/tickets/{ticket['number']}/reply", json={"text": "Hello"})
        channel = {one["channel"]: one for one in (await client.get("/channels")).json()["items"]}["mail"]
        waiting = {one["account"]: one["waiting"] for one in channel["accounts"]}
        assert waiting == {"support": 1, "sales": 0}
        assert channel["accounts"][0]["waiting_since"]
