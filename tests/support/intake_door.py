"""A door of the intake on a port of its own, with the api channel behind it and ports in memory."""

import http.client
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from intake_ports import MemoryBlobs, MemoryDoor, MemorySink
from prometheus_client import CollectorRegistry

from connectors.api.channel import ApiConnector
from connectors.api.settings import ApiAccountSettings
from connectors.api.signature import signed_headers
from connectors.base import Account, Connector, Push
from connectors.intake import Intake, Unmetered
from daemon.account_intake import AccountIntake
from daemon.body_budget import BodyBudget
from daemon.channel_states import ChannelStates
from daemon.connecting import Readers
from daemon.health import Board
from daemon.intake_app import IntakeApp, PushDoor
from daemon.metrics import ChannelMetrics
from daemon.web import WebServer
from doubles.ports import free_port

KEY = b"invented secret for tests alone!"
SECRET = "whsec_aW52ZW50ZWQgc2VjcmV0IGZvciB0ZXN0cyBhbG9uZSE="


def clock() -> datetime:
    return datetime.now(UTC)


def api(name: str) -> ApiConnector:
    settings = ApiAccountSettings.model_validate({"channel": "api", "secret": SECRET})
    return ApiConnector(account=Account(name=name, channel="api", scope=name), settings=settings)


@dataclass(kw_only=True)
class Bench:
    """Accounts around one intake: `flood` bounds what each may have in flight."""

    connectors: Mapping[str, Connector]
    most: int = 500
    connections: int = 2048
    head_seconds: float = 20.0
    budget: BodyBudget = field(default_factory=BodyBudget)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    sink: MemorySink = field(default_factory=MemorySink)
    door: MemoryDoor = field(default_factory=MemoryDoor)
    refused: list[tuple[str, str]] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.board = Board(clock=clock)
        self.metrics = ChannelMetrics(registry=registry)
        self.states = ChannelStates(meter=Unmetered(), board=self.board, metrics=self.metrics, clock=clock)
        readers = Readers(connectors=self.connectors, mail=_no_mail, mail_undecodable=_no_mail)
        self.intake = Intake(
            normalize=readers.normalize,
            undecodable=readers.undecodable,
            blobs=self.blobs,
            sink=self.sink,
            door=self.door,
            meter=self.states,
        )
        self.intakes = {name: self.account_intake(found.account) for name, found in self.connectors.items()}

    def account_intake(self, account: Account) -> AccountIntake:
        return AccountIntake(
            account=account,
            intake=self.intake,
            blobs=self.blobs,
            states=self.states,
            metrics=self.metrics,
            count=lambda name, reason: self.refused.append((name, reason)),
            most=self.most,
        )

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve what is `Push`."""
        doors = {
            (found.account.channel, name): PushDoor(connector=found, intake=self.intakes[name], clock=clock)
            for name, found in self.connectors.items()
            if isinstance(found, Push)
        }
        app = IntakeApp(doors=doors, inner=None, budget=self.budget)
        async with WebServer(
            app=app,
            host="127.0.0.1",
            port=self.port,
            key="intake.port",
            connections=self.connections,
            head_seconds=self.head_seconds,
        ):
            yield

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST"
    ) -> http.client.HTTPResponse:
        """Send a request as a platform does; run it in a thread."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer


def message(number: int, **more: object) -> bytes:
    return json.dumps({"id": f"m{number}", "sender": {"id": "s"}, "text": f"number {number}", **more}).encode()


def signed(body: bytes, *, at: Callable[[], datetime] = clock) -> dict[str, str]:
    return signed_headers(body, keys=[KEY], request="r", at=at())


def _no_mail(*_: object) -> Any:
    raise AssertionError
