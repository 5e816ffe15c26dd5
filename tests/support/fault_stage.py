"""A daemon that can be held at points, with two routers, senders, proxies and perhaps a broker: where cells are played.

One stage serves many cells, one after the other; one in which a cell found something is not used again.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Final

import psycopg
import pytest
from fault_channels import SECRET
from fault_findings import Finding, Left, judge, read, settled, topic
from fault_held import HELD_SECONDS, held_at
from fault_proxy import Proxy
from fault_senders import Senders, next_run
from fault_sockets import account
from faulted import first_life_mark
from house_tree import ROOT
from kafka_broker import KafkaBroker
from running_daemon import RunningDaemon, remove
from tickets_topic import read_topic

from doubles.ports import free_port
from ticket_store.embedded import EmbeddedPostgres, EmbeddedPostgresError

SUPPORT: Final = Path(__file__).parent
COMMAND: Final = ("-m", "faulted")
KEPT: Final = ROOT / ".cache/faults"
SMALL: Final = "size=700m,mode=700"
"""Of the small disk; its bytes are taken from memory only as they are written."""
TOPIC: Final = """
select r.value from log_records r join log_topics t on t.id = r.topic_id
where t.name = 'switchboard.tickets' order by r.partition, r."offset"
"""


class Stage:
    """One daemon and what stands around it. With a `broker` Kafka is the bus, and is reached through the `proxy`.

    `small` is the folder of the small disk, when there is one.
    """

    def __init__(self, *, folder: Path, broker: KafkaBroker | None, proxy: Proxy | None, small: Path | None) -> None:
        self.folder = folder
        self.small = small
        self.control = folder / "control"
        self.control.mkdir()
        self.broker = broker
        self.intake_port = free_port()
        postgres = f"postgres:{folder}/var/postgres/data"
        self.proxies = {"kafka": proxy} if proxy else {}
        self.proxies |= {role: Proxy(folder=self.control, name=role, target=postgres) for role in ("ingest", "route")}
        self.daemon = RunningDaemon(
            folder=folder,
            settings=self._settings(),
            command=(sys.executable, *COMMAND),
            options=("--workers", "2"),
        )

    def _settings(self) -> dict[str, str]:
        ports = {role: self.proxies[role].port for role in ("ingest", "route")}
        return {
            "PYTHONPATH": str(SUPPORT),
            "FAULTED_FOLDER": str(self.control),
            "FAULTED_PORTS": json.dumps(ports),
            "SWITCHBOARD_INTAKE__PORT": str(self.intake_port),
            "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": json.dumps(["support@example.org"]),
            "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
            **account("shop"),
            **(_kafka(self.proxies["kafka"].port) if self.broker else {}),
        }

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The daemon's own server, without a proxy between."""
        return EmbeddedPostgres(folder=self.folder / "var/postgres")

    @contextmanager
    def held(self, point: str, process: str) -> Iterator[Callable[[], int]]:
        """Hold what comes to a point of a process, as long as the context lasts; gives how to count what is held."""
        with held_at(self.control, point, process) as count:
            yield count

    def wait_held(self, count: Callable[[], int]) -> int:
        """Wait until something is held, and give how many."""
        self.daemon.wait_until(lambda: count() > 0, seconds=HELD_SECONDS, what="held at the point", every=0.005)
        return count()

    def wait_more(self, count: Callable[[], int]) -> int:
        """Let what comes at the same time arrive, too, and give how many are held then."""
        time.sleep(0.05)
        return count()

    def is_first_life(self, process: str) -> bool:
        """Whether a child is the one that was forked, and none that was started after it."""
        mark = self.control / first_life_mark(process)
        return mark.exists() and mark.read_text() == str(self.daemon.living_child(process).pid)

    def begin_first_life(self, process: str) -> None:
        """Let a child be the one that was forked: the whole daemon begins again, unless it is already."""
        if not self.is_first_life(process):
            self.daemon.stop()
            self.daemon.start()
        assert self.is_first_life(process), f"{process} was not forked"

    def senders(self) -> Senders:
        """Give everybody who sends, under the name of a new run."""
        return Senders(run=next_run(), smtp_port=self.daemon.smtp_port, http_port=self.intake_port)

    def left(self, run: str) -> Left:
        """Read what stands of a run; nothing while PostgreSQL does not answer."""
        try:
            with psycopg.connect(self.postgres.url()) as connection:
                return read(connection, run)
        except (psycopg.OperationalError, EmbeddedPostgresError):
            return Left(rows=(), events=())

    def check(self, senders: Senders, *, seconds: float = 60.0) -> list[Finding]:
        """Wait until all that was accepted is routed and published, and give what is wrong."""
        left = settled(lambda: self.left(senders.run), senders.accepted, seconds=seconds)
        found = judge(left, senders.accepted, self.folder / "var/blobs")
        found += topic(left, self._topic())
        found += [Finding("refused", what) for what in senders.refused]
        return [*found, *books(self.daemon, seconds=seconds)]

    def _topic(self) -> list[bytes]:
        if self.broker is not None:
            return asyncio.run(read_topic(self.broker.bootstrap))
        with psycopg.connect(self.postgres.url()) as connection:
            return [bytes(row[0]) for row in connection.execute(TOPIC)]

    def keep(self, name: str, findings: Sequence[Finding]) -> None:
        """Keep what was found and what the daemon said, for who looks for the cause."""
        KEPT.mkdir(parents=True, exist_ok=True)
        told = [f"{finding.kind}: {finding.what}" for finding in findings]
        (KEPT / f"{name}.log").write_text("\n".join([*told, self.daemon.log]), encoding="utf-8")

    def close(self) -> None:
        """Leave nothing behind."""
        for proxy in self.proxies.values():
            proxy.close()
        remove(self.daemon)


def _kafka(port: int) -> dict[str, str]:
    given = {
        "BOOTSTRAP_SERVERS": f"localhost:{port}",
        "REPLICATION_FACTOR": "1",
        "MIN_INSYNC_REPLICAS": "1",
        "SESSION_TIMEOUT": "3",
    }
    return {
        "SWITCHBOARD_BUS__ENGINE": "kafka",
        "SWITCHBOARD_BLOBS__SHARED": "true",
        **{f"SWITCHBOARD_BUS__KAFKA__{name}": value for name, value in given.items()},
    }


def books(daemon: RunningDaemon, *, seconds: float) -> list[Finding]:
    """Ask for the ledger as people do; what came just now may still be in flight. Nothing here is a dead letter."""
    give_up = time.monotonic() + seconds
    while True:
        asked = daemon.cli("ledger", "--json", check=False)
        facts: dict[str, Any] = json.loads(asked.stdout) if asked.stdout.startswith("{") else {}
        if facts.get("in_flight") == 0 or time.monotonic() > give_up:
            break
        time.sleep(0.2)
    if asked.returncode == 0 and facts.get("balanced") and facts.get("in_flight") == facts.get("dead_lettered") == 0:
        return []
    return [Finding("ledger", f"exit {asked.returncode}: {asked.stdout[:800]}")]


@contextmanager
def kafka_stage(jars: Path, *, small: bool = False) -> Iterator[Stage]:
    """Give a started stage with a broker of its own behind a proxy, and take both down.

    `small`: all that the broker writes lies on a small disk.
    """
    with TemporaryDirectory(prefix="switchboard-broker-", ignore_cleanup_errors=True) as folder, ExitStack() as stack:
        port, data = free_port(), Path(folder) / "kafka"
        if small:
            stack.enter_context(small_disk(data))
        broker = KafkaBroker(jars=jars, folder=data, settings={"advertised.listeners": f"PLAINTEXT://localhost:{port}"})
        stack.callback(broker.stop)
        broker.start()
        proxy = Proxy(folder=Path(folder), name="kafka", target=f"tcp:127.0.0.1:{broker.port}", port=port)
        stack.callback(proxy.close)
        with stage(broker, proxy, disk=data if small else None) as made:
            yield made


@contextmanager
def stage(
    broker: KafkaBroker | None = None, proxy: Proxy | None = None, *, small: bool = False, disk: Path | None = None
) -> Iterator[Stage]:
    """Give a started stage, and take it down. `small`: all that the daemon writes lies on a small disk.

    `disk` is the small disk of a broker that has one.
    """
    folder = Path(mkdtemp(prefix="switchboard-stage-", dir="/tmp"))
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if small:
            disk = folder / "var"
            stack.enter_context(small_disk(disk))
        made = Stage(folder=folder, broker=broker, proxy=proxy, small=disk)
        stack.callback(made.close)
        made.daemon.start()
        yield made


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Make the folder a small disk in memory; only root can."""
    if os.geteuid():
        pytest.skip("a small disk can be mounted by root alone")
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
