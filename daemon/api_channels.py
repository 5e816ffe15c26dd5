"""Channels and their accounts for the API: as `switchboard channels` says it."""

from collections.abc import Sequence

from console.api.ports import Accounts, Row
from daemon.api_tickets import answers
from daemon.channels import channels
from daemon.look_channels import channel_state, read_accounts
from daemon.settings import Settings
from ticket_store.pool import Pool


class ApiChannels:
    """The channels of this installation, and the accounts of the settings."""

    def __init__(self, *, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    async def all(self, accounts: Accounts) -> Sequence[Row]:
        """Give every channel with those of its accounts that may be seen."""
        async with answers("channel"):
            found = await read_accounts(self._pool, self._settings)
        rows = [channel_state(name, found) for name in channels()]
        return [{**row, "accounts": _seen(row["accounts"], accounts)} for row in rows]


def _seen(rows: Sequence[Row], accounts: Accounts) -> list[Row]:
    return [row for row in rows if accounts is None or row["account"] in accounts]
