"""Agents' commands on a running daemon: what is sent, shown, merged, moved and undone, through kills and outages."""

from collections.abc import Iterator

import pytest
from running_daemon import RunningDaemon, running_daemon
from way_back import customers_mail, messages, opened, replied, send, through

from doubles.mail_relay import MailRelay, mail_relay

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    with running_daemon(through(relay)) as found:
        yield found


def test_a_ticket_shows_who_speaks_and_how_far_each_mail_has_come(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "dan@d.example", "<d1@d.example>")
    replied(daemon, relay, ticket, "dan@d.example")
    daemon.cli("tickets", "note", ticket["number"], "--text", "Dan is new here", "--by", "Rui")

    def sent() -> bool:
        return "to dan@d.example: sent" in daemon.cli("tickets", "show", ticket["number"]).stdout

    daemon.wait_until(sent, seconds=20, what="shown as sent", every=0.5)
    page = daemon.cli("tickets", "show", ticket["number"]).stdout
    assert "(an agent)" in page
    assert "INTERNAL: customers never see it" in page
    assert "Noted by Rui." in page
    found = messages(daemon, ticket["number"], 3)
    assert [(m["author"], m["visibility"]) for m in found] == [
        ("customer", "public"),
        ("agent", "public"),
        ("agent", "internal"),
    ]
    assert found[1]["sending"]["recipients"][0]["state"] == "sent"
    assert found[2]["sending"] is None


def test_tickets_are_merged_messages_moved_and_all_of_it_undone_by_command(daemon: RunningDaemon) -> None:
    one = opened(daemon, "eva@e.example", "<e1@e.example>")
    send(daemon, customers_mail("eva@e.example", "Scanner", Message_ID="<e2@e.example>"), "support@desk.example")
    daemon.wait_until(
        lambda: len(daemon.json("tickets", "list", "--requester", "eva@e.example")) == 2,
        seconds=30,
        what="two tickets",
        every=0.3,
    )
    two = next(
        t for t in daemon.json("tickets", "list", "--requester", "eva@e.example") if t["number"] != one["number"]
    )
    daemon.cli("tickets", "merge", two["number"], "--into", one["number"])
    shown = daemon.json("tickets", "show", one["number"])
    assert (shown["merged_from"], len(shown["messages"])) == ([two["number"]], 2)
    assert daemon.json("tickets", "show", two["number"])["merged_into"] == one["number"]
    daemon.cli("tickets", "reopen", two["number"])
    message = daemon.json("tickets", "show", two["number"])["messages"][0]["id"]
    assert "is on ticket" in daemon.cli("tickets", "move", str(message), "--to", one["number"]).stdout
    assert len(daemon.json("tickets", "show", one["number"])["messages"]) == 2
    assert daemon.cli("tickets", "move", str(message), check=False).returncode == 2
    assert daemon.cli("tickets", "move", "999999", "--new", check=False).returncode == 4
    daemon.cli("tickets", "spam", one["number"])
    refused = daemon.cli("tickets", "reply", one["number"], "--text", "Hello", check=False)
    assert (refused.returncode, "spam" in refused.stderr) == (1, True)


def test_the_same_request_key_sends_one_mail(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "fay@f.example", "<f1@f.example>")
    said = [daemon.json("tickets", "reply", ticket["number"], "--text", "Hi", "--request-key", "k") for _ in range(2)]
    assert said[0]["message_id"] == said[1]["message_id"]
    daemon.wait_until(
        lambda: [t for t in relay.taken if "fay@f.example" in t.rcpt_to] != [], seconds=20, what="sent", every=0.3
    )
    assert len([t for t in relay.taken if "fay@f.example" in t.rcpt_to]) == 1


def test_replies_survive_kills_of_the_worker_and_an_outage_of_the_relay(
    daemon: RunningDaemon, relay: MailRelay
) -> None:
    ticket = opened(daemon, "gil@g.example", "<g1@g.example>")
    port = relay.port
    relay.stop()
    for turn in range(3):
        daemon.cli("tickets", "reply", ticket["number"], "--text", f"Turn {turn}")
        daemon.kill_child("outbound")
    daemon.wait_until(daemon.is_ready, seconds=60, what="ready again")
    daemon.wait_until(lambda: "relay" in daemon.get("/readyz"), seconds=30, what="warned about the relay", every=0.5)
    relay.start(port)

    def there() -> bool:
        return len({t.raw for t in relay.taken if "gil@g.example" in t.rcpt_to}) == 3

    daemon.wait_until(there, seconds=60, what="all three sent", every=0.5)
    order = [t.mail.get_content().strip() for t in relay.taken if "gil@g.example" in t.rcpt_to]
    assert sorted(set(order), key=order.index) == ["Turn 0", "Turn 1", "Turn 2"]


def test_keys_rotate_and_retire_by_command(daemon: RunningDaemon) -> None:
    before = daemon.json("keys", "list")
    daemon.cli("keys", "rotate")
    keys = daemon.json("keys", "list")
    assert len(keys) == len(before) + 1
    assert [key["state"] for key in keys[-2:]] == ["accepted", "signs"]
    assert all("secret" not in key for key in keys)
    assert daemon.cli("keys", "retire", str(keys[-1]["id"]), check=False).returncode == 1
    daemon.cli("keys", "retire", str(keys[-2]["id"]))
    assert daemon.json("keys", "list")[-2]["state"] == "retired"


def test_without_a_relay_replies_wait_and_everybody_is_told() -> None:
    with running_daemon() as alone:
        ticket = opened(alone, "hal@h.example", "<h1@h.example>")
        said = alone.cli("tickets", "reply", ticket["number"], "--text", "Hello")
        assert "no relay is set" in said.stderr
        alone.wait_until(lambda: "no relay is set" in alone.get("/readyz"), seconds=20, what="warned", every=0.5)
        assert alone.is_ready()
        assert "relay no relay" not in alone.cli("status").stdout
        assert "no relay is set" in alone.cli("status").stdout.replace("\n", " ")
        assert alone.json("status")["sends_queued"] == 1
        assert "switchboard_sends_queued" in alone.get("/metrics")
