"""Endpoints made with a token of the API end with it, unless an operator takes them over."""

from datetime import timedelta

import pytest
from webhook_lab import START, WebhookLab, webhook_lab

from schemas.webhook_rows import EndpointState
from ticket_store.webhooks import MOST_OF_TOKEN, TooManyEndpointsError

MADE = """insert into api_tokens (prefix, digest, name, scopes, created_at, expires_at, revoked_at)
          values ('p', sha256('p'), 'crm', '{webhooks}', %s, %s, null) returning id"""


async def made_token(lab: WebhookLab) -> int:
    async with lab.pool.connection() as connection:
        row = await (await connection.execute(MADE, (START, START + timedelta(hours=1)))).fetchone()
        assert row is not None
        return int(row[0])


async def test_an_endpoint_gets_nothing_after_its_token_has_expired_and_says_why(database: str) -> None:
    async with webhook_lab(database) as lab:
        ended, kept = await lab.endpoint("/token", token_id=await made_token(lab)), await lab.endpoint("/operator")
        lab.now = START + timedelta(hours=2)
        await lab.happened("1", 1)
        assert await lab.send() == 1
        await lab.queue.disable_orphans(now=lab.now)
        shown = await lab.shown(ended)
        assert (shown.state, shown.reason) == (
            EndpointState.DISABLED,
            f"the token that made it has expired; `switchboard webhooks resume {ended}` takes it over",
        )
        assert (await lab.shown(kept)).state == EndpointState.ACTIVE


async def test_an_endpoint_whose_token_was_revoked_goes_on_once_an_operator_has_taken_it_over(database: str) -> None:
    async with webhook_lab(database) as lab:
        token = await made_token(lab)
        endpoint = await lab.endpoint("/token", token_id=token)
        async with lab.pool.connection() as connection:
            await connection.execute("update api_tokens set revoked_at = now() where id = %s", (token,))
        await lab.happened("1", 1)
        assert await lab.send() == 0
        assert await lab.queue.disable_orphans(now=lab.now)
        assert "was revoked" in (await lab.shown(endpoint)).reason
        await lab.webhooks.take_over(endpoint)
        await lab.resume(endpoint)
        assert not await lab.queue.disable_orphans(now=lab.now)
        assert await lab.send() == 1


async def test_the_eleventh_endpoint_of_a_token_is_refused(database: str) -> None:
    async with webhook_lab(database) as lab:
        token = await made_token(lab)
        for _ in range(MOST_OF_TOKEN):
            await lab.endpoint(token_id=token)
        with pytest.raises(TooManyEndpointsError):
            await lab.endpoint(token_id=token)
        await lab.endpoint()
