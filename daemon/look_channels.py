"""What `channels` does: every channel, its accounts with what their intakes last said, and its quality."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from shutil import get_terminal_size
from textwrap import fill
from typing import Any, Final

from console import tables
from console.moments import age, moment
from daemon.channels import channels
from daemon.cli_options import loaded_settings, print_json, print_line, print_table
from daemon.clock import now
from daemon.errors import UserError
from daemon.look import readiness_of
from daemon.opened import Opened, with_store
from daemon.quality import qualities, summary
from daemon.settings import Settings
from ticket_store.account_facts import AccountFacts, account_facts
from ticket_store.channel_states import ChannelState, read_states
from ticket_store.pool import Pool

SILENT: Final = timedelta(minutes=2)
"""A state that nobody has said again for so long is that of a process which is gone."""

STOPPED: Final = "the daemon is not running"

Row = Mapping[str, Any]


def show_channels(*, as_json: bool) -> None:
    """Print them; states are unknown where no store can be asked."""
    settings = loaded_settings().settings
    stopped = readiness_of(settings)["running"] is False
    accounts = _accounts(settings)
    if stopped and settings.store.embedded:
        accounts = list(map(stopped_account, accounts))
    found = [channel_state(name, accounts) for name in channels()]
    if as_json:
        print_json(found)
        return
    at = now()
    if stopped:
        print_line(fill(stopped_line(settings, accounts, at), width=get_terminal_size().columns))
    print_table(tables.table(tables.CHANNELS, [row for channel in found for row in rows(channel, at)]))
    print_line(" rules: done / to do / exempt")
    for line in (line for channel in found for line in notes(channel, at)):
        print_line(fill(line, width=get_terminal_size().columns, initial_indent=" ", subsequent_indent="   "))


async def read_accounts(pool: Pool, settings: Settings) -> list[Row]:
    """Say how every account of the settings is, in their order."""
    states = {state.account: state for state in await read_states(pool)}
    facts = await account_facts(pool, list(settings.accounts), now=now())
    return [account_state(settings, name, states.get(name), facts.get(name), at=now()) for name in settings.accounts]


def channel_state(name: str, accounts: Sequence[Row]) -> dict[str, Any]:
    """Say how a channel is: its accounts among these, and its quality."""
    quality = qualities()[name]
    return {
        "channel": name,
        "what": channels()[name].title,
        "accounts": [account for account in accounts if account["channel"] == name],
        "quality": {rule: {"state": one.state, "why": one.why} for rule, one in quality.items()},
        "quality_summary": summary(quality),
    }


def account_state(
    settings: Settings, name: str, state: ChannelState | None, facts: AccountFacts | None, *, at: datetime
) -> dict[str, Any]:
    """Say how an account is.

    It is listening, polling, in trouble or starting; silent when nobody serves it, and unknown when nobody ever did or
    the store cannot be asked.
    """
    known = asdict(facts or AccountFacts(account=name, refused={}, paused_until=None, waiting=0, waiting_since=None))
    facts_now = {"account": name, "channel": settings.account(name).channel, **_state(state, at), **known}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in facts_now.items()}


def stopped_account(account: Row) -> Row:
    """Say of an account that nobody serves it, whatever was said last. What was never served stays unknown."""
    if account["state"] == "unknown":
        return account
    return {**account, "state": "silent", "problem": STOPPED, "since": account["seen_at"]}


def stopped_line(settings: Settings, accounts: Iterable[Row], at: datetime) -> str:
    """Say that nothing below is of now. A store by URL may be served by another machine, which we cannot ask."""
    where = f"nobody answers at http://{settings.http.host}:{settings.http.port}"
    said = max((account["seen_at"] for account in accounts if account["seen_at"]), default=None)
    last = f"what stands here was last said {age(said, at)} ago, at {moment(said)}" if said else "it has said nothing"
    if settings.store.embedded:
        return f"{STOPPED} ({where}); {last}. `switchboard run` starts it."
    return f"{STOPPED} on this machine ({where}), though it may be on another; {last}."


def _accounts(settings: Settings) -> list[Row]:
    async def read(store: Opened) -> list[Row]:
        return await read_accounts(store.pool, settings)

    try:
        return with_store(read)
    except UserError:
        return [account_state(settings, name, None, None, at=now()) for name in settings.accounts]


def _state(state: ChannelState | None, at: datetime) -> dict[str, Any]:
    if state is None:
        return {"state": "unknown", "problem": "", "since": None, "seen_at": None, "delivered_at": None}
    silent = at - state.seen_at > SILENT
    return {
        "state": "silent" if silent else state.state,
        "problem": "no process serves it" if silent else state.problem,
        "since": state.seen_at if silent else state.since,
        "seen_at": state.seen_at,
        "delivered_at": state.delivered_at,
    }


def rows(channel: Row, at: datetime) -> Iterator[Row]:
    """Give the rows of a channel: one for each account, or one that says that there is none."""
    shared = {"channel": channel["channel"], "rules": _rules(channel)}
    for account in channel["accounts"]:
        yield {
            **shared,
            "account": account["account"],
            "state": "paused" if account["paused_until"] else account["state"],
            "delivered": age(account["delivered_at"], at) or "never",
            "refused": sum(account["refused"].values()),
            "waiting": account["waiting"],
        }
    if not channel["accounts"]:
        yield {**shared, "state": "no account"}


def _rules(channel: Row) -> str:
    count = Counter(rule["state"] for rule in channel["quality"].values())
    return f"{count['done']}/{count['todo']}/{count['exempt']}"


def notes(channel: Row, at: datetime) -> Iterator[str]:
    """Say in sentences what the table has no room for: what is wrong, and what is to do."""
    for account in channel["accounts"]:
        name = f"{account['account']}:"
        if account["problem"] not in ("", STOPPED):  # that one is said once, above the table
            yield f"{name} {account['problem']}, for {age(account['since'], at)}"
        if account["paused_until"]:
            yield f"{name} its platform told us to wait until {moment(account['paused_until'])}"
        if account["refused"]:
            counts = ", ".join(f"{count} {reason}" for reason, count in sorted(account["refused"].items()))
            yield f"{name} refused today: {counts}"
        if account["waiting"]:
            yield f"{name} the oldest of {account['waiting']} to send waits for {age(account['waiting_since'], at)}"
    for rule, one in channel["quality"].items():
        if one["state"] == "todo":
            yield f"{channel['channel']}: to do: {rule}: {one['why']}"
