"""Requests that fit the API's description, and such as almost do: every answer is one that the description has.

`SWITCHBOARD_API_EXAMPLES` says how many of each kind an operation gets; without it so few that it takes seconds.
"""

import os
import random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks
from standing_api import StandingApi

from console.api import events
from console.api.document import document

EXAMPLES = int(os.environ.get("SWITCHBOARD_API_EXAMPLES", "6"))
"""Of each kind and operation."""

load_all_checks()
CHECKS: list[Any] = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.ignored_auth,
]
"""Not `positive_data_acceptance`: a key that came before, or a cursor of nobody, fits and is refused."""
SCHEMA = schemathesis.openapi.from_dict(document())
SCHEMA.config.checks.negative_data_rejection.expected_statuses.append("413")  # a text over 1 MiB, not read to its end
OPERATIONS: list[APIOperation[Any, Any, Any, Any]] = [
    found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
]


@pytest.fixture
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stream end after the events that are there."""
    monkeypatch.setattr(events, "LIFE_SECONDS", 0.05)
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.05)


@pytest.fixture(scope="module")
def tokens(standing: StandingApi) -> list[str]:
    """Give tokens that may do everything, of all accounts and of one."""
    return [standing.run(standing.api.token()), standing.run(standing.api.token(accounts=["support"]))]


def by_name(operation: APIOperation[Any, Any, Any, Any]) -> str:
    return operation.label


@pytest.mark.usefixtures("short_streams")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "odd"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=by_name)
def test_every_answer_is_one_that_the_description_has(
    standing: StandingApi, tokens: list[str], operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode
) -> None:
    things = {"number": things_of(standing, "numbers"), "message_id": things_of(standing, "messages", "held")}
    things |= {"endpoint_id": [standing.support.endpoint], "dispatch_id": [standing.support.dispatch]}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), chance=st.randoms(use_true_random=False))
    def ask(case: Case[Any], chance: random.Random) -> None:
        if mode is GenerationMode.POSITIVE:
            meet(case, things, chance)
        headers = {"Authorization": f"Bearer {chance.choice(tokens)}"}
        case.call_and_validate(
            base_url=standing.api.base.removesuffix("/api/v1"), headers=headers, checks=CHECKS, timeout=30
        )

    ask()


def things_of(standing: StandingApi, *names: str) -> list[Any]:
    return [thing for seeds in (standing.support, standing.sales) for name in names for thing in getattr(seeds, name)]


def meet(case: Case[Any], things: dict[str, list[Any]], chance: random.Random) -> None:
    """Let most requests name what is there: chance alone would never find a ticket."""
    for name, there in things.items():
        if name in (case.path_parameters or {}) and chance.random() < 0.8:
            case.path_parameters[name] = chance.choice(there)
    if isinstance(case.body, dict):
        for name in case.body.keys() & {"into", "ticket", "to"}:
            if isinstance(case.body[name], str) and chance.random() < 0.8:
                case.body[name] = chance.choice(things["number"])


def test_every_operation_of_the_description_is_tried() -> None:
    described = [one for path in document()["paths"].values() for one in path]
    assert len(OPERATIONS) == len(described) > 20
