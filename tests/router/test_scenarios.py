"""Conversations in, tickets out: the scenarios that stand in `scenarios/`, each played on a real store."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from postgres_server import PostgresServer
from routing_lab import Lab, open_lab
from scenario_file import Scenario, citations, scenarios
from scenario_stage import Stage

ALL = scenarios()


class Theatre:
    """One database in which every scenario is played."""

    def __init__(self, lab: Lab, runner: asyncio.Runner) -> None:
        self._lab = lab
        self._runner = runner
        self._played = 0

    def play(self, scenario: Scenario) -> None:
        self._played += 1
        self._runner.run(Stage(self._lab, scenario, self._played).play())


@pytest.fixture(scope="module")
def theatre(postgres_server: PostgresServer, postgres_template: str) -> Iterator[Theatre]:
    name = postgres_server.create(template=postgres_template)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        lab = runner.run(stack.enter_async_context(open_lab(postgres_server.url(name))))
        yield Theatre(lab, runner)
        runner.run(stack.aclose())
    postgres_server.drop(name)


@pytest.mark.parametrize("scenario", ALL, ids=[f"{s.file.removesuffix('.yaml')}: {s.title}" for s in ALL])
def test_a_conversation_ends_on_the_right_tickets(theatre: Theatre, scenario: Scenario) -> None:
    theatre.play(scenario)


def test_every_rule_gate_trap_and_issue_has_a_scenario() -> None:
    missing = set(citations()) - {cited for scenario in ALL for cited in scenario.cites}
    assert sorted(missing) == []


def test_scenarios_cite_only_what_is_on_the_list() -> None:
    unknown = {cited for scenario in ALL for cited in scenario.cites} - set(citations())
    assert sorted(unknown) == []


def test_no_two_scenarios_have_the_same_title() -> None:
    titles = [scenario.title for scenario in ALL]
    assert sorted(titles) == sorted(set(titles))
