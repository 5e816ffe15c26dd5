"""A bot, and Viber on loopback."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.base import Account
from connectors.viber.channel import ViberChannel, connect
from connectors.viber.settings import ViberAccountSettings
from doubles.viber import ViberDouble, viber_double

TOKEN = "4453b6ac12345678-invented-key-7b1"


@pytest.fixture
def viber() -> Iterator[ViberDouble]:
    with viber_double(TOKEN) as found:
        found.webhook = "http://127.0.0.1:9/nobody"
        yield found


@pytest.fixture
async def bot(viber: ViberDouble) -> AsyncIterator[ViberChannel]:
    made = connect(
        account=Account(name="store-viber", channel="viber", scope="store-viber"),
        settings=ViberAccountSettings.model_validate(
            {"token": TOKEN, "base_url": viber.base_url, "timeout_seconds": 1, "sender_name": "Example Store"}
        ),
    )
    yield made
    await made.close()
