"""Several machines of one deployment, as the how-to says: each role alone, one PostgreSQL, one Kafka, shared blobs.

Before the two that take in stands a balancer, as a second MX record or a load balancer does.
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import psycopg
from fault_balancer import Balancer
from fault_channels import SECRET
from fault_findings import Finding, Left, judge, read, settled, topic
from fault_senders import Senders, next_run
from fault_sockets import account
from fault_stage import COMMAND, SUPPORT, books
from kafka_admin import assigned_partitions
from kafka_cluster import KafkaCluster
from postgres_server import TEST_SETTINGS
from running_daemon import RunningDaemon, remove
from tickets_topic import read_topic

from doubles.ports import free_ports
from ticket_store.embedded import EmbeddedPostgres

NAMES: Final = ("ingest-1", "ingest-2", "route-1", "route-2")
GROUP: Final = "switchboard.router"
OFFSETS: Final = "select partition from consumer_offsets where consumer = 'switchboard.router' and next_offset > 0"
CATCH_SECONDS: Final = 20.0


class Machines:
    """The processes by name, and what they share."""

    def __init__(self, *, folder: Path, cluster: KafkaCluster, store: str) -> None:
        self.cluster = cluster
        self._folder = folder
        self.control = folder / "control"
        self.control.mkdir()
        self._store = store
        self._ports = iter(free_ports(4 * len(NAMES)))  # all at once: asked for one by one, a port may be given twice
        self.intake_ports = {name: next(self._ports) for name in NAMES if name.startswith("ingest")}
        self.processes = {name: self._process(name) for name in NAMES}
        mail = [self.processes[name].smtp_port for name in self.intake_ports]
        self._smtp, self._http = Balancer(mail), Balancer(list(self.intake_ports.values()))

    def _process(self, name: str) -> RunningDaemon:
        folder = self._folder / name
        folder.mkdir()
        port = self.intake_ports.get(name)
        settings = {**self._settings(), **({"SWITCHBOARD_INTAKE__PORT": str(port)} if port else {})}
        return RunningDaemon(
            folder=folder,
            settings=settings,
            role=name.partition("-")[0],
            command=(sys.executable, *COMMAND),
            options=("--name", name),
            ports=(next(self._ports), next(self._ports), next(self._ports)),
        )

    def _settings(self) -> Mapping[str, str]:
        given = {
            "STORE__URL": self._store,
            "BLOBS__PATH": str(self._folder / "blobs"),
            "BLOBS__SHARED": "true",
            "BUS__ENGINE": "kafka",
            "BUS__KAFKA__BOOTSTRAP_SERVERS": self.cluster.bootstrap,
            "BUS__KAFKA__SESSION_TIMEOUT": "3",
            "BUS__KAFKA__METADATA_MAX_AGE": "2",
            "BUS__KAFKA__PUBLISH_TIMEOUT": "5",
            "BUS__KAFKA__REQUEST_TIMEOUT": "5",
            "ACCOUNTS__SUPPORT__ADDRESSES": json.dumps(["support@example.org"]),
            "ACCOUNTS__ERP__CHANNEL": "api",
            "ACCOUNTS__ERP__SECRET": SECRET,
        }
        return {
            "PYTHONPATH": str(SUPPORT),
            "FAULTED_FOLDER": str(self.control),
            **{f"SWITCHBOARD_{name}": value for name, value in given.items()},
            **account("shop"),
        }

    def start(self) -> None:
        """Bring the schema and everybody up."""
        first = self.processes["ingest-1"]
        first.cli("migrate")
        for process in self.processes.values():
            process.launch()
        self.wait_ready()

    def wait_intake_red(self, *, seconds: float = 60) -> None:
        """Wait until each that takes in says that it is not ready."""
        waiting = [self.processes[name] for name in self.intake_ports]
        give_up = time.monotonic() + seconds
        while waiting := [process for process in waiting if process.is_ready()]:
            assert time.monotonic() < give_up, f"{len(waiting)} are ready after {seconds} s"
            time.sleep(0.1)

    def raise_partitions(self, senders: Senders, count: int) -> None:
        """Spread keys over so many partitions, as the how-to says: nothing is taken in until all is routed."""
        takers = [self.processes[name] for name in self.intake_ports]
        routers = [process for process in self.processes.values() if process not in takers]
        for process in takers:
            process.stop()
        self.wait_routed(senders)
        assert books(takers[0], seconds=60) == []
        for process in routers:
            process.stop()
        for process in (*routers, *takers):
            process.environment["SWITCHBOARD_BUS__PARTITIONS"] = str(count)
            process.launch()
        self.wait_ready()

    def revive(self) -> None:
        """Launch whoever has ended, and wait until all are ready."""
        for process in self.processes.values():
            if not process.lives:
                process.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until every process is ready."""
        for process in self.processes.values():
            process.wait_ready()

    def close(self) -> None:
        """Leave nothing behind."""
        for process in self.processes.values():
            remove(process)
        self._smtp.close()
        self._http.close()

    @contextmanager
    def sending(self) -> Iterator[Senders]:
        """Let everybody send while the context lasts; when it is over all was accepted and all promises were kept."""
        senders = Senders(run=next_run(), smtp_port=self._smtp.port, http_port=self._http.port, sessions=2, callers=1)
        senders.start()
        senders.wait_accepted(20, seconds=60)
        yield senders
        senders.wait_accepted(20, seconds=60)
        senders.finish(seconds=120)
        found = self.check(senders)
        assert not found, found

    def left(self, run: str) -> Left:
        """Read what stands of a run."""
        with psycopg.connect(self._store) as connection:
            return read(connection, run)

    def wait_routed(self, senders: Senders, *, seconds: float = 60) -> None:
        """Wait until all that is accepted now is routed; more keeps coming meanwhile."""
        accepted = senders.accepted
        give_up = time.monotonic() + seconds
        while missing := accepted - {row.token for row in self.left(senders.run).rows}:
            assert time.monotonic() < give_up, f"{len(missing)} of {len(accepted)} are not routed after {seconds} s"
            time.sleep(0.2)

    def wait_read(self, partitions: int, *, seconds: float = 60) -> None:
        """Wait until the routers share so many partitions."""
        give_up = time.monotonic() + seconds
        while (found := asyncio.run(assigned_partitions(self.cluster.bootstrap, GROUP))) != set(range(partitions)):
            assert time.monotonic() < give_up, f"routers read {sorted(found)} after {seconds} s"
            time.sleep(0.2)

    def routed_partitions(self) -> set[int]:
        """Partitions from which something was routed."""
        with psycopg.connect(self._store) as connection:
            return {int(row[0]) for row in connection.execute(OFFSETS)}

    def check(self, senders: Senders) -> list[Finding]:
        """Wait until all that was accepted is routed and published, and give what is wrong."""
        left = settled(lambda: self.left(senders.run), senders.accepted)
        found = judge(left, senders.accepted, self._folder / "blobs")
        found += topic(left, asyncio.run(read_topic(self.cluster.bootstrap)))
        found += [Finding("refused", what) for what in senders.refused]
        return [*found, *books(self.processes["ingest-1"], seconds=60)]


def caught(senders: Senders) -> int:
    """Wait until messages are handed over and not answered, and give how many."""
    give_up = time.monotonic() + CATCH_SECONDS
    while not (number := senders.in_flight):
        assert time.monotonic() < give_up, "nothing is being handed over"
        time.sleep(0.001)
    return number


@contextmanager
def machines(cluster: KafkaCluster) -> Iterator[Machines]:
    """Give all of them started, and take them down."""
    folder = Path(mkdtemp(prefix="switchboard-machines-", dir="/tmp"))
    folder.chmod(0o755)  # the user that runs the embedded server passes through
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = stack.enter_context(EmbeddedPostgres(folder=folder / "postgres", settings=TEST_SETTINGS))
        made = Machines(folder=folder, cluster=cluster, store=postgres.url())
        stack.callback(made.close)
        made.start()
        yield made
