"""The daemon as a whole: killed parts come back, killed wholes leave nothing behind, and stopping is quick."""

import json
import os
import signal
import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.error import HTTPError

import psutil
import pytest
from running_daemon import RunningDaemon, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

LATER = 451
SECRET = "the-card-number-is-4111"


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with running_daemon({"SWITCHBOARD_LOG__LEVEL": "debug"}, first_start=True) as started:
        yield started


def send(daemon: RunningDaemon, name: str, *, sender: str = "ana@customer.example") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "support@example.org", f"Subject {SECRET} {name}"
    mail["Message-ID"] = f"<{name}@customer.example>"
    mail.set_content(f"Hello, {SECRET}.")
    daemon.wait_until(lambda: _taken(daemon, mail), seconds=30, what="taken")


def _taken(daemon: RunningDaemon, mail: EmailMessage) -> bool:
    """Try once, as a mail server does again and again while the answer is "later"."""
    try:
        with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30) as smtp:
            smtp.send_message(mail)
    except smtplib.SMTPDataError as error:
        if error.smtp_code != LATER:
            raise
        return False
    return True


def readiness(daemon: RunningDaemon) -> dict[str, object]:
    try:
        return dict(json.loads(daemon.get("/readyz")))
    except HTTPError as error:
        return {**json.loads(error.read()), "code": error.code}


def metric(daemon: RunningDaemon, name: str) -> float:
    values = [line.rpartition(" ")[2] for line in daemon.get("/metrics").splitlines() if line.startswith(name)]
    return sum(map(float, values))


def running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def postgres_pid(daemon: RunningDaemon) -> int:
    return int((daemon.folder / "var/postgres/data/postmaster.pid").read_text().split()[0])


def test_a_daemon_says_once_that_everything_is_ready_with_its_addresses_and_what_to_try(daemon: RunningDaemon) -> None:
    said: list[dict[str, str]] = []

    def told() -> bool:
        lines = [json.loads(line) for line in daemon.log.splitlines() if line.startswith("{")]
        said[:] = [line for line in lines if line["event"] == "everything is ready"]
        return bool(said)

    daemon.wait_until(told, seconds=10, what="told")
    (line,) = said
    assert (line["smtp"], line["http"]) == (f"127.0.0.1:{daemon.smtp_port}", f"http://127.0.0.1:{daemon.http_port}")
    assert "`switchboard tickets list`" in line["next"]
    assert "api" not in line, "its port is off"


def test_a_ready_daemon_says_so_and_counts_in_one_place(daemon: RunningDaemon) -> None:
    assert daemon.get("/healthz") == "ok\n"
    assert readiness(daemon) == {"ready": True, "troubles": [], "warnings": []}
    send(daemon, "counted")
    daemon.settle(1)
    daemon.wait_until(lambda: metric(daemon, "switchboard_routed_total{") >= 1, seconds=10, what="counted")
    assert metric(daemon, "switchboard_shortest_patience_seconds{") == 4 * 86_400
    text = daemon.get("/metrics")
    assert 'switchboard_accepted_total{account="support",kind="message",process="ingest"} 1.0' in text
    assert 'switchboard_routed_total{outcome="opened",process="route-0",rule="new"} 1.0' in text
    assert 'switchboard_batch_phase_seconds_count{phase="write",process="route-0"}' in text


@pytest.mark.parametrize("name", ["ingest", "route"])
def test_a_killed_child_is_named_and_started_again(daemon: RunningDaemon, name: str) -> None:
    before = daemon.child(name)
    assert before is not None
    before.kill()
    daemon.wait_until(lambda: not readiness(daemon)["ready"], seconds=5, what="red")
    daemon.wait_until(daemon.is_ready, seconds=60, what="ready again")
    after = daemon.child(name)
    assert after is not None
    assert after.pid != before.pid
    assert metric(daemon, f'switchboard_restarts_total{{of="{name}') >= 1
    send(daemon, f"after-{name}")


def test_readiness_is_red_while_postgres_is_gone_and_green_again_by_itself(daemon: RunningDaemon) -> None:
    daemon.kill_postgres()
    daemon.wait_until(lambda: not readiness(daemon)["ready"], seconds=10, what="red")
    daemon.wait_until(daemon.is_ready, seconds=60, what="green")
    send(daemon, "after-postgres")
    assert daemon.settle(2)["balanced"] is True


def test_a_refused_recipient_stands_beside_the_balance(daemon: RunningDaemon) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30) as smtp:
        smtp.ehlo()
        smtp.mail("ana@customer.example")
        assert smtp.rcpt("nobody@example.org")[0] == 550
    daemon.wait_until(lambda: daemon.json("ledger")["refused"] == 1, seconds=20, what="counted as refused")
    assert daemon.json("ledger")["balanced"] is True


def test_the_log_holds_neither_message_text_nor_whole_addresses(daemon: RunningDaemon) -> None:
    send(daemon, "logged", sender="very.private@customer.example")
    daemon.wait_until(lambda: len(daemon.json("tickets", "list")) > 0, seconds=30, what="ticketed")
    assert SECRET not in daemon.log
    assert "very.private@" not in daemon.log
    assert all(json.loads(line)["level"] for line in daemon.log.splitlines() if line.startswith("{"))


def test_a_second_daemon_in_the_same_folder_is_refused_in_a_sentence(daemon: RunningDaemon) -> None:
    refused = daemon.cli("run", check=False)
    assert refused.returncode == 3
    assert "another daemon runs in" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_sigterm_ends_everything_within_ten_seconds_and_postgres_last() -> None:
    with running_daemon() as daemon:
        postgres = postgres_pid(daemon)
        children = [child.pid for child in psutil.Process(daemon.pid).children()]
        idle = smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30)
        idle.ehlo()
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10
        assert idle.getreply()[0] == 421
        idle.close()
        assert not [pid for pid in (*children, postgres) if running(pid)]


def test_children_of_a_killed_supervisor_go_and_the_next_start_adopts_postgres() -> None:
    with running_daemon() as daemon:
        send(daemon, "before")
        postgres = postgres_pid(daemon)
        children = [child.pid for child in psutil.Process(daemon.pid).children() if child.pid != postgres]
        assert len(children) == 3
        daemon.kill()
        daemon.wait_until(lambda: not any(map(running, children)), seconds=10, what="without children")
        assert running(postgres)
        daemon.start()
        assert postgres_pid(daemon) == postgres
        send(daemon, "after")
        assert daemon.settle(2)["ticketed"] == 2


def test_a_second_signal_ends_it_at_once() -> None:
    with running_daemon() as daemon:
        children = [child.pid for child in psutil.Process(daemon.pid).children()]
        stopped = daemon.child("ingest")
        assert stopped is not None
        stopped.suspend()
        os.kill(daemon.pid, signal.SIGTERM)
        time.sleep(0.5)
        began = time.monotonic()
        daemon.stop()
        assert time.monotonic() - began < 5
        assert not [pid for pid in children if running(pid)]


def test_the_roles_run_alone_as_on_several_machines() -> None:
    with running_daemon(role="ingest") as ingest:
        send(ingest, "alone")
        assert ingest.json("ledger")["in_flight"] == 1
        route = RunningDaemon(folder=ingest.folder, role="route")
        try:
            route.start()
            ledger = ingest.settle(1)
            assert (ledger["ticketed"], ledger["balanced"]) == (1, True)
            assert metric(route, "switchboard_routed_total{") == 1
        finally:
            assert route.stop() == 0
        assert ingest.is_ready()
