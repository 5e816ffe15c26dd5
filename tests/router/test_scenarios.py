"""Conversations in, tickets out: the scenarios that stand in `scenarios/`, each played on a real store."""

import pytest
import yaml
from scenario_file import Plain, Scenario, ScenarioError, citations, scenario_of, scenarios
from scenario_theatre import Theatre

ALL = scenarios()


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


STOLEN = """
title: Somebody who knows an id writes in the customer's name
cites: [spoofing]
steps:
  - mail: first
    from: ana
    subject: Printer
  - mail: forged
    from: ana
    really: eve
    answers: first
"""


def test_the_check_after_every_scenario_sees_a_stranger_on_a_ticket(theatre: Theatre) -> None:
    scenario = scenario_of(yaml.load(STOLEN, Loader=Plain), "stolen")  # noqa: S506 - a safe loader with fewer words
    with pytest.raises(AssertionError, match=r"eve@elsewhere\.example writes on a ticket of"):
        theatre.play(scenario)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("title: x\ncites: [rule 1]\nsteps: [{mail: a, form: ana}]", "there is no 'form' here"),
        ("title: x\ncites: [rule 1]\nsteps: [{male: a}]", "a step begins with one of"),
        ("title: x\ncites: [rule 1]\nsteps: [{mail: a, time: tomorrow}]", "a time is written"),
        ("title: x\nsteps: [{mail: a}]", "needs title, cites and steps"),
    ],
)
def test_a_scenario_with_a_mistake_says_where(text: str, why: str) -> None:
    with pytest.raises(ScenarioError, match=why):
        scenario_of(yaml.load(text, Loader=Plain), "here")  # noqa: S506 - a safe loader with fewer words
