from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from pydantic import SecretStr
from rich.console import Console

from connectors.mail.settings import MailAccountSettings
from console import tables
from console.moments import age
from daemon.look_channels import account_state, channel_state, notes, rows, stopped_account, stopped_line
from daemon.settings import Settings, StoreSettings
from ticket_store.account_facts import AccountFacts
from ticket_store.channel_states import ChannelState

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAME = "a-shop-with-a-long-name"
MAILBOX = MailAccountSettings.model_validate({"channel": "mail", "addresses": ["support@example.org"]})
SETTINGS = Settings.model_validate({"accounts": {NAME: MAILBOX}})
STATE = ChannelState(
    account=NAME,
    channel="mail",
    state="listening",
    problem="",
    since=NOW - timedelta(hours=5),
    delivered_at=NOW - timedelta(minutes=7),
    seen_at=NOW,
)


def mail(state: ChannelState | None, **facts: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"refused": {}, "paused_until": None, "waiting": 0, "waiting_since": None}
    known = AccountFacts(account=NAME, **{**nothing, **facts})
    return channel_state("mail", [account_state(SETTINGS, NAME, state, known, at=NOW)])


def test_ages_are_said_in_the_unit_that_fits() -> None:
    passed = [0, 90, 720, 30 * 3600, 5 * 86400]
    told = [age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) for seconds in passed]
    assert told == ["0 s", "90 s", "12 min", "30 h", "5 d"]
    assert age(None, NOW) == ""
    assert age((NOW + timedelta(seconds=9)).isoformat(), NOW) == "0 s"


def test_an_account_that_is_well_is_one_row_without_a_note() -> None:
    (row,) = rows(mail(STATE), NOW)
    assert (row["state"], row["delivered"], row["refused"], row["waiting"]) == ("listening", "7 min", 0, 0)
    assert list(notes(mail(STATE), NOW)) == []


def test_what_is_wrong_with_an_account_is_said_below_the_table() -> None:
    channel = mail(
        ChannelState(
            account=NAME,
            channel="mail",
            state="trouble",
            problem="the token is not accepted",
            since=NOW - timedelta(hours=3),
            delivered_at=None,
            seen_at=NOW,
        ),
        refused={"unauthenticated": 3, "too_large": 1},
        paused_until=NOW + timedelta(hours=1),
        waiting=12,
        waiting_since=NOW - timedelta(minutes=10),
    )
    (row,) = rows(channel, NOW)
    assert (row["state"], row["delivered"], row["refused"], row["waiting"]) == ("paused", "never", 4, 12)
    assert list(notes(channel, NOW)) == [
        f"{NAME}: the token is not accepted, for 3 h",
        f"{NAME}: its platform told us to wait until 2026-11-26 13:00:00 UTC",
        f"{NAME}: refused today: 1 too_large, 3 unauthenticated",
        f"{NAME}: the oldest of 12 to send waits for 10 min",
    ]


def test_an_account_that_no_process_serves_any_more_is_silent() -> None:
    gone = ChannelState(
        account=NAME,
        channel="mail",
        state="listening",
        problem="",
        since=NOW - timedelta(days=2),
        delivered_at=None,
        seen_at=NOW - timedelta(minutes=5),
    )
    (row,) = rows(mail(gone), NOW)
    assert row["state"] == "silent"
    assert list(notes(mail(gone), NOW)) == [f"{NAME}: no process serves it, for 5 min"]
    assert next(rows(mail(None), NOW))["state"] == "unknown"


def test_of_a_stopped_daemon_no_account_looks_alive_and_the_age_of_its_words_is_told() -> None:
    account = account_state(SETTINGS, NAME, STATE, None, at=NOW)
    channel = channel_state("mail", [stopped_account(account)])
    (row,) = rows(channel, NOW)
    assert row["state"] == "silent"
    assert list(notes(channel, NOW)) == []
    assert stopped_line(SETTINGS, [account], NOW + timedelta(seconds=40)) == (
        "the daemon is not running (nobody answers at http://127.0.0.1:8080); what stands here was last said 40 s ago, "
        "at 2026-11-26 12:00:00 UTC. `switchboard run` starts it."
    )


def test_where_another_machine_may_run_the_daemon_that_is_said_and_nothing_was_said_yet() -> None:
    elsewhere = SETTINGS.model_copy(update={"store": StoreSettings(url=SecretStr("postgresql://db.example/desk"))})
    unknown = account_state(elsewhere, NAME, None, None, at=NOW)
    assert stopped_account(unknown)["state"] == "unknown"
    line = stopped_line(elsewhere, [unknown], NOW)
    assert "on this machine" in line
    assert line.endswith("though it may be on another; it has said nothing.")


def test_a_channel_without_an_account_says_so_and_how_far_it_is() -> None:
    (row,) = rows(channel_state("telegram", []), NOW)
    assert row == {"channel": "telegram", "rules": "12/0/3", "state": "no account"}


def test_the_table_fits_eighty_columns_whatever_stands_in_it() -> None:
    row = {**next(rows(mail(STATE), NOW)), "channel": "telegram", "delivered": "119 min", "refused": 99_999}
    page = StringIO()
    Console(width=80, file=page).print(tables.table(tables.CHANNELS, [{**row, "waiting": 99_999}]))
    assert all(len(line) <= 80 for line in page.getvalue().splitlines())
    for whole in ("telegram", "listening", "119 min", "99,999", row["rules"]):
        assert whole in page.getvalue()
