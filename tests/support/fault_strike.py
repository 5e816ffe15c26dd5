"""How each fault strikes, and how it ends."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import psycopg
from fault_cells import Cell, Fault
from fault_proxy import Proxy
from fault_stage import Stage
from kafka_broker import KafkaBroker

AWAY: Final = 2.0
"""Seconds for which a connection stays cut, names are gone, a disk is full or a clock is wrong."""
JUMP: Final = 3600
"""Seconds by which a clock jumps: more than every lease and window of a retry."""
ENDS_SECONDS: Final = 60.0
"""Seconds in which a broker without room ends."""
PIECE: Final = 1024 * 1024
OLDER: Final = "update log_members set heartbeat_at = heartbeat_at - make_interval(secs => %s)"
"""What a jump of the server's clock is to the leases: all of them are old at once."""


@dataclass(kw_only=True)
class Strike:
    """One fault. `begin` strikes while the point holds; `end` comes when the point has let go, and mends.

    `where` is the process at whose point something is held; `seconds` is how long a stopped process is stopped.
    """

    stage: Stage
    cell: Cell
    where: str
    seconds: float
    _stopped: list[psutil.Process] = field(default_factory=list)

    def provoke(self) -> None:
        """Make happen what does not happen by itself: partitions change hands only when a router comes or goes."""
        if self.cell.point == "between revoke and assign":
            self.stage.daemon.living_child("route-1").terminate()

    def begin(self) -> None:
        """Strike."""
        strikes = {
            Fault.KILL: self._kill,
            Fault.STOP: lambda: self._stop(self._processes()),
            Fault.SILENCE: lambda: self._stop([psutil.Process(self._proxy.pid)]),
            Fault.CUT: self._cut,
            Fault.NAMES: self._unname,
            Fault.DISK: self._fill,
            Fault.CLOCK: self._jump,
        }
        strikes[self.cell.fault]()

    def end(self) -> None:
        """Mend what does not mend by itself."""
        if self.cell.fault in (Fault.STOP, Fault.SILENCE):
            time.sleep(self.seconds)
            self._signal(signal.SIGCONT)
        elif self.cell.fault is not Fault.KILL:
            time.sleep(AWAY)
        if self.cell.fault in (Fault.CUT, Fault.NAMES):
            self._proxy.mend()
        if self.cell.fault is Fault.NAMES:
            time.sleep(AWAY)  # the other side is there again, and nobody finds it
        for left in (self.stage.control / "no-names", self.stage.control / "clock"):
            left.unlink(missing_ok=True)
        if self.cell.fault is Fault.DISK:
            self._make_room()

    def _kill(self) -> None:
        process = self.cell.process
        if process == "postgres":
            self.stage.daemon.kill_postgres()
        elif process == "broker":
            self._broker.kill()
            self._broker.start()
        else:
            self.stage.daemon.living_child(self.where).kill()

    def _stop(self, processes: list[psutil.Process]) -> None:
        self._stopped = processes
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        for process in self._stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _processes(self) -> list[psutil.Process]:
        if self.cell.process == "postgres":
            first = psutil.Process(self.stage.postgres.pid)
            return [first, *first.children()]
        if self.cell.process == "broker":
            return [psutil.Process(self._broker.pid)]
        return [self.stage.daemon.living_child(self.where)]

    @property
    def _proxy(self) -> Proxy:
        """Give what stands between: before the broker, or between PostgreSQL and the process with the point."""
        return self.stage.proxies["kafka" if self.cell.process == "broker" else self.where.partition("-")[0]]

    def _cut(self) -> None:
        self._proxy.cut()

    def _unname(self) -> None:
        (self.stage.control / "no-names").touch()
        self._proxy.cut()

    def _jump(self) -> None:
        if self.cell.process != "postgres":
            (self.stage.control / "clock").write_text(str(JUMP))
            return
        with psycopg.connect(self.stage.postgres.url()) as connection:
            connection.execute(OLDER, (JUMP,))

    @property
    def _broker(self) -> KafkaBroker:
        assert self.stage.broker is not None
        return self.stage.broker

    @property
    def _filler(self) -> Path:
        assert self.stage.small is not None
        return self.stage.small / "filler"

    def _make_room(self) -> None:
        """Give the room back; the broker ended by itself without it, and somebody starts it again."""
        if self.cell.process == "broker":
            process = psutil.Process(self._broker.pid)
            self.stage.daemon.wait_until(
                lambda: process.status() == psutil.STATUS_ZOMBIE, seconds=ENDS_SECONDS, what="without its broker"
            )
        self._filler.unlink()
        if self.cell.process == "broker":
            self._broker.kill()
            self._broker.start()

    def _fill(self) -> None:
        """Take all room of the small disk, to the last byte that it gives."""
        file = os.open(self._filler, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            for piece in (PIECE, 4096):
                with suppress(OSError):  # no space left, as is wanted
                    while True:
                        os.write(file, bytes(piece))
        finally:
            os.close(file)
