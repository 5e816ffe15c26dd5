"""One database in which many scenarios are played, each with accounts of its own. Brings the fixture `theatre`."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from postgres_server import PostgresServer
from routing_lab import Lab, open_lab
from scenario_file import Scenario, Table
from scenario_stage import Stage

ResultT = TypeVar("ResultT")


class Theatre:
    """Gives stages, and runs what happens on them."""

    def __init__(self, lab: Lab, runner: asyncio.Runner) -> None:
        self.lab = lab
        self._runner = runner
        self._stages = 0

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self._runner.run(work)

    def play(self, scenario: Scenario) -> None:
        self.run(self.stage_of(scenario).play())

    def number(self) -> int:
        """Give a number that no stage has."""
        self._stages += 1
        return self._stages

    def stage_of(self, scenario: Scenario) -> Stage:
        return Stage(self.lab, scenario, self.number())

    def stage(self, **settings: Table) -> Stage:
        """Give a stage without a script."""
        return self.stage_of(Scenario(title="", cites=(), steps=(), settings=dict(settings)))


@pytest.fixture(scope="module")
def theatre(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Theatre]:
    name = postgres_server.create(template=postgres_template)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        lab = runner.run(stack.enter_async_context(open_lab(postgres_server.url(name))))
        yield Theatre(lab, runner)
        runner.run(stack.aclose())
    postgres_server.drop(name)
