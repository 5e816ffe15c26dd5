"""Channels and their accounts for the API: as `switchboard channels` says it, and what went wrong lately."""

from collections.abc import Mapping, Sequence

from console.api.ports import Accounts, Row
from daemon.api_tickets import answers
from daemon.channels import channels
from daemon.clock import now
from daemon.look_channels import channel_state
from daemon.settings import Settings
from ticket_store.account_facts import AccountFacts, account_facts
from ticket_store.channel_states import read_states
from ticket_store.pool import Pool


class ApiChannels:
    """The channels of this installation, and the accounts of the settings."""

    def __init__(self, *, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    async def all(self, accounts: Accounts) -> Sequence[Row]:
        """Give every channel with those of its accounts that may be seen."""
        async with answers("channel"):
            states = {state.account: state for state in await read_states(self._pool)}
            facts = await account_facts(self._pool, list(self._settings.accounts), now=now())
        rows = [channel_state(name, self._settings, states) for name in channels()]
        return [{**row, "accounts": self._seen(row["accounts"], accounts, facts)} for row in rows]

    @staticmethod
    def _seen(rows: Sequence[Row], accounts: Accounts, facts: Mapping[str, AccountFacts]) -> list[Row]:
        return [
            {**row, "refused": found.refused, "paused_until": found.paused_until}
            for row in rows
            if (accounts is None or row["account"] in accounts) and (found := facts[row["account"]])
        ]
