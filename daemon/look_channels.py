"""What `channels` does: every channel, its accounts with what their intakes last said, and its quality."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from console import tables
from console.moments import seconds
from daemon.channels import channels
from daemon.cli_options import loaded_settings, print_json, print_rows
from daemon.clock import now
from daemon.errors import UserError
from daemon.opened import Opened, with_store
from daemon.quality import qualities, summary
from daemon.settings import Settings
from ticket_store.channel_states import ChannelState, read_states

SILENT: Final = timedelta(minutes=2)
"""A state that nobody has said again for so long is that of a process which is gone."""


def show_channels(*, as_json: bool) -> None:
    """Print them; states are unknown where no store can be asked."""
    settings = loaded_settings().settings
    states = _states()
    found = [channel_state(name, settings, states) for name in channels()]
    if as_json:
        print_json(found)
        return
    print_rows(
        [row for channel in found for row in _rows(channel)],
        tables.CHANNELS,
        as_json=False,
        nothing="there is no channel",
    )


def _states() -> Mapping[str, ChannelState]:
    try:
        return with_store(_read)
    except UserError:
        return {}


async def _read(store: Opened) -> Mapping[str, ChannelState]:
    return {state.account: state for state in await read_states(store.pool)}


def channel_state(name: str, settings: Settings, states: Mapping[str, ChannelState]) -> dict[str, Any]:
    """Say how a channel is: its accounts of the settings, and its quality."""
    quality = qualities()[name]
    mine = [account for account in settings.accounts if settings.account(account).channel == name]
    return {
        "channel": name,
        "what": channels()[name].title,
        "accounts": [account_state(account, states.get(account), at=now()) for account in mine],
        "quality": {rule: {"state": one.state, "why": one.why} for rule, one in quality.items()},
        "quality_summary": summary(quality),
    }


def account_state(account: str, state: ChannelState | None, *, at: datetime) -> dict[str, Any]:
    """Say how an account comes in: listening, polling, trouble, starting; silent when nobody serves it, or unknown."""
    if state is None:
        return {"account": account, "state": "unknown", "problem": "", "since": None, "delivered_at": None}
    silent = at - state.seen_at > SILENT
    return {
        "account": account,
        "state": "silent" if silent else state.state,
        "problem": "no process serves it" if silent else state.problem,
        "since": (state.seen_at if silent else state.since).isoformat(),
        "delivered_at": state.delivered_at.isoformat() if state.delivered_at else None,
    }


def _rows(channel: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    shared = {"channel": channel["channel"], "quality": channel["quality_summary"]}
    if not channel["accounts"]:
        return [{**shared, "account": "", "state": "no account", "delivered": "", "problem": ""}]
    return [
        {**shared, **account, "delivered": seconds(account["delivered_at"]) if account["delivered_at"] else ""}
        for account in channel["accounts"]
    ]
