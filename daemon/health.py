"""What keeps a process, and the whole daemon, from its work. Readiness is red while any trouble is named."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

Clock = Callable[[], datetime]

BUS: Final = "bus"
STORE: Final = "store"
DISK: Final = "disk"
LAG: Final = "lag"
FUSE: Final = "fuse"
PARTITION: Final = "partition"
OUTBOX: Final = "outbox"
RELAY: Final = "relay"
WEBHOOKS: Final = "webhooks"
STARTING: Final = "starting"
STOPPING: Final = "stopping"
CHILD: Final = "child"
POSTGRES: Final = "postgres"


class Trouble(BaseModel):
    """One thing that is wrong. `reason` is one of the words above, `detail` is for people and holds no message text."""

    model_config = ConfigDict(frozen=True)

    reason: str
    detail: str = ""
    since: AwareDatetime


class Report(BaseModel):
    """What one process says of itself."""

    model_config = ConfigDict(frozen=True)

    process: str
    troubles: tuple[Trouble, ...] = ()
    warnings: tuple[Trouble, ...] = ()
    metrics: str = ""

    @property
    def ready(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.troubles


class Board:
    """The troubles of this process. `changed` is called when one comes or goes."""

    def __init__(self, *, clock: Clock, changed: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._changed = changed
        self._troubles: dict[str, Trouble] = {}
        self._warnings: dict[str, Trouble] = {}

    def set(self, reason: str, detail: str = "", *, name: str = "") -> None:
        """Name a trouble; it keeps its first time while it lasts. `name` tells several of one reason apart."""
        key = f"{reason}:{name}"
        before = self._troubles.get(key)
        now = Trouble(reason=reason, detail=detail, since=before.since if before else self._clock())
        self._troubles[key] = now
        if before != now:
            self._changed()

    def clear(self, reason: str, *, name: str = "") -> None:
        """Say that a trouble is over."""
        if self._troubles.pop(f"{reason}:{name}", None) is not None:
            self._changed()

    def warn(self, reason: str, detail: str, *, name: str = "") -> None:
        """Name something that people should know, although the work goes on: readiness stays green."""
        key = f"{reason}:{name}"
        before = self._warnings.get(key)
        self._warnings[key] = Trouble(reason=reason, detail=detail, since=before.since if before else self._clock())
        if self._warnings[key] != before:
            self._changed()

    def calm(self, reason: str, *, name: str = "") -> None:
        """Say that a warning is over."""
        if self._warnings.pop(f"{reason}:{name}", None) is not None:
            self._changed()

    @property
    def warnings(self) -> tuple[Trouble, ...]:
        """Give what people should know, the oldest first."""
        return tuple(sorted(self._warnings.values(), key=lambda warning: warning.since))

    def __iter__(self) -> Iterator[Trouble]:
        """Give the troubles, the oldest first."""
        return iter(sorted(self._troubles.values(), key=lambda trouble: trouble.since))

    def age(self, reason: str) -> float:
        """Give the seconds that a trouble of this reason has lasted; 0 while there is none."""
        since = [trouble.since for trouble in self._troubles.values() if trouble.reason == reason]
        return max(0.0, (self._clock() - min(since)).total_seconds()) if since else 0.0


def readiness(reports: Mapping[str, Report]) -> tuple[bool, dict[str, object]]:
    """Give whether all is well, and the answer for `/readyz`."""
    troubles = [_said(report, trouble) for report in reports.values() for trouble in report.troubles]
    warnings = [_said(report, warning) for report in reports.values() for warning in report.warnings]
    return not troubles, {"ready": not troubles, "troubles": troubles, "warnings": warnings}


def _said(report: Report, trouble: Trouble) -> dict[str, object]:
    return {"process": report.process, **trouble.model_dump(mode="json")}
