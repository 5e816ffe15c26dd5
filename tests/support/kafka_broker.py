"""An Apache Kafka broker in KRaft mode, as a process of its own that tests may stop, kill and start again.

Its jars are what Maven resolves from `kafka/pom.xml`, kept in `.cache/kafka` between runs.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from doubles.ports import free_ports

ROOT = Path(__file__).parents[2]
POM = Path(__file__).parent / "kafka" / "pom.xml"
ARCHIVE = "classes.jsa"
"""Beside the jars: what a broker loaded, for the next ones."""
CACHE = ROOT / ".cache" / "kafka"

COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAVEN_SECONDS = 300
START_SECONDS = 90
STOP_SECONDS = 20

JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
"""Small and quick to start; a broker in a test is never hot enough for the second compiler."""
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)
STARTED = b"Kafka Server started"

SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "2000",  # how long a killed broker's registration keeps the next start waiting
    "broker.heartbeat.interval.ms": "500",
    "group.min.session.timeout.ms": "500",
    "log.cleaner.dedupe.buffer.size": "2097152",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


class KafkaUnavailableError(Exception):
    """Kafka cannot be had here; the text says why and what to do."""


def resolve_jars() -> Path:
    """Give the folder with Kafka's jars, resolved by Maven unless this very pom.xml has been resolved before."""
    for tool, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise KafkaUnavailableError(f"`{tool}` is not installed: apt-get install {package} (or run `make test`)")
    folder = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _copy_dependencies(folder)
        if not (folder / ARCHIVE).exists():
            _archive_classes(folder)
    return folder


def _copy_dependencies(folder: Path) -> None:
    """Fill a folder beside the target and rename it: an interrupted run never leaves half of the jars."""
    filling = folder.with_name(f"{folder.name}.{uuid.uuid4().hex[:8]}")
    command = ["mvn", "-B", "-ntp", "-q", "-f", str(POM), COPY_GOAL]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={filling}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAVEN_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(f"Maven did not resolve {POM} within {MAVEN_SECONDS} s") from error
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[:3]
        raise KafkaUnavailableError(f"Maven could not resolve {POM}: {' '.join(said)}")
    if not folder.is_dir():
        filling.rename(folder)


def _archive_classes(folder: Path) -> None:
    """Let a broker keep the classes that it loaded (JEP 350): the next ones start with half of the work."""
    new = folder / f"{ARCHIVE}.new"
    with TemporaryDirectory(prefix="switchboard-broker-", ignore_cleanup_errors=True) as data:
        options = (f"-XX:ArchiveClassesAtExit={new}",)
        broker = KafkaBroker(jars=folder, folder=Path(data) / "kafka", options=options)
        broker.start()
        broker.stop()
    if new.exists():  # a virtual machine without an archive of its own makes none
        new.rename(folder / ARCHIVE)


@dataclass(frozen=True, kw_only=True)
class Node:
    """Who a broker is: its number, its ports, and the cluster to which it belongs."""

    number: int
    port: int
    controller_port: int
    cluster: str

    @property
    def vote(self) -> str:
        """Its part of `controller.quorum.voters`."""
        return f"{self.number}@127.0.0.1:{self.controller_port}"


def new_nodes(count: int) -> list[Node]:
    """Nodes of a new cluster, numbered from 1."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    ports = free_ports(2 * count)
    return [
        Node(number=number, port=ports[2 * number - 2], controller_port=ports[2 * number - 1], cluster=cluster)
        for number in range(1, count + 1)
    ]


class KafkaBroker:
    """One node that is both broker and controller. `start` after `kill` or `stop` uses the same data and ports.

    `settings` go over the usual ones; `scram` are users, as `kafka.tools.StorageTool` takes them. Without a `node` it
    is a cluster of its own. `options` are the virtual machine's.
    """

    def __init__(
        self,
        *,
        jars: Path,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        scram: Sequence[str] = (),
        node: Node | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.node = node or new_nodes(1)[0]
        self.port = self.node.port
        self._jars = jars
        self._folder = folder
        self._settings = dict(settings or {})
        self._scram = scram
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process number while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Format the storage if it is new, start the broker and wait until it serves."""
        if self._process is None:
            self.launch()
            self.wait_started()

    def launch(self) -> None:
        """Format the storage if it is new, and start without waiting: of three, the first serves only with a second."""
        if not self._properties.exists():
            self._format()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", heap="384m", options=self._options),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it shut down in order (SIGTERM); killed when it takes too long."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop answering without closing connections, like a broker that lost its network."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _format(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={value}" for key, value in self._all_settings().items()]
        self._properties.write_text("\n".join(lines) + "\n", encoding="utf-8")
        cluster = f"--cluster-id={self.node.cluster}"  # it may begin with "-"
        arguments = ["format", cluster, "--config", str(self._properties)]
        arguments += [part for user in self._scram for part in ("--add-scram", user)]
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *arguments, heap="64m"), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            self._properties.unlink()
            raise KafkaUnavailableError(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[:300]}")

    def _all_settings(self) -> dict[str, str]:
        own = {
            "node.id": str(self.node.number),
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.node.controller_port}",
            "controller.quorum.voters": self.node.vote,
            "log.dirs": str(self._folder / "data"),
        }
        return SETTINGS | own | self._settings

    def _java(self, main: str, *arguments: str, heap: str, options: Sequence[str] = ()) -> list[str]:
        arguments = arguments or (str(self._properties),)
        archive = self._jars / ARCHIVE
        shared = [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []
        flags = [f"-Xmx{heap}", *JVM, *shared, *options, *LOGGING]
        return ["java", *flags, "-cp", f"{self._jars}{os.sep}*", main, *arguments]

    def wait_started(self) -> None:
        """Wait until it serves."""
        give_up = time.monotonic() + START_SECONDS
        while STARTED not in self._log.read_bytes():
            if self._process is None or self._process.poll() is not None:
                self._process = None
                raise KafkaUnavailableError(f"Kafka ended while starting: {self._said()}")
            if time.monotonic() > give_up:
                self.kill()
                raise KafkaUnavailableError(f"Kafka did not start within {START_SECONDS} s: {self._said()}")
            time.sleep(0.05)

    def _said(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-500:]

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
