"""What belongs to another account, tried on every operation that the description has: a new one cannot be forgotten."""

import json
from typing import Any

import pytest
from api_operations import Operation, operations
from standing_api import Seeds, StandingApi

from console.api.tokens import Scope

ALL = operations()
NAMING = [one for one in ALL if one.names]
LISTING = [one for one in ALL if not one.names and one.method == "GET" and one.name != "stream_events"]
NOWHERE = {"number": "0000000000", "message_id": 2**62, "place": 0, "endpoint_id": 2**62, "dispatch_id": 2**62}


def things(seeds: Seeds, operation: Operation) -> dict[str, Any]:
    """Name what an operation is about: a held message where it is about the spool, else one on a ticket."""
    message = seeds.held[0] if operation.path.startswith("/spool") else seeds.filed
    hook = {"endpoint_id": seeds.endpoint, "dispatch_id": seeds.dispatch}
    return {"number": seeds.numbers[0], "message_id": message, "place": 0, **hook}


def by_name(operation: Operation) -> str:
    return operation.name


def kept(standing: StandingApi, account: str) -> list[dict[str, Any]]:
    """Everything that stands in the store of an account's tickets and messages."""
    tickets = "select to_jsonb(t) as row from tickets t where account = %s order by id"
    messages = "select to_jsonb(m) as row from messages m where account = %s order by id"
    waiting = "select to_jsonb(s) as row from spool s join messages m on m.id = s.message_id where m.account = %s"
    hooks = "select to_jsonb(e) as row from webhook_endpoints e where %s = any(accounts) order by id"
    queries = (tickets, messages, waiting, hooks)
    rows = [standing.run(standing.api.lab.rows(query, [account])) for query in queries]
    return [row["row"] for found in rows for row in found]


@pytest.mark.parametrize("operation", NAMING, ids=by_name)
def test_what_is_of_another_account_is_as_if_it_were_not_there(standing: StandingApi, operation: Operation) -> None:
    before = kept(standing, "sales")
    own, foreign = things(standing.support, operation), things(standing.sales, operation)
    with standing.client(accounts=["support"]) as client:
        body = operation.body(own) or None
        answer = client.request(operation.method, operation.url(foreign), json=body)
        nowhere = client.request(operation.method, operation.url({**foreign, **NOWHERE}), json=body)
    assert answer.status_code == 404
    assert answer.json() == nowhere.json()
    assert kept(standing, "sales") == before


@pytest.mark.parametrize("operation", [one for one in ALL if one.numbers], ids=by_name)
def test_a_body_that_names_a_ticket_of_another_account_is_refused(standing: StandingApi, operation: Operation) -> None:
    before = [kept(standing, account) for account in ("support", "sales")]
    own, foreign = things(standing.support, operation), things(standing.sales, operation)
    with standing.client(accounts=["support"]) as client:
        if operation.name == "move_message":
            own["message_id"] = standing.support.messages[0]
        for number in (foreign["number"], NOWHERE["number"]):
            answer = client.request(operation.method, operation.url(own), json=operation.body({"number": number}))
            assert answer.status_code == 404
    assert [kept(standing, account) for account in ("support", "sales")] == before


@pytest.mark.parametrize("operation", [one for one in ALL if one.files], ids=by_name)
def test_a_body_that_names_a_file_of_another_token_is_refused(standing: StandingApi, operation: Operation) -> None:
    own = things(standing.support, operation)
    body = operation.body(own) | {name: [standing.sales.upload] for name in operation.files}
    with standing.client(accounts=["support"]) as client:
        answer = client.request(operation.method, operation.url(own), json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "body.files"


@pytest.mark.parametrize("operation", LISTING, ids=by_name)
def test_a_listing_shows_nothing_of_another_account(standing: StandingApi, operation: Operation) -> None:
    with standing.client(accounts=["support"]) as client, standing.client() as everything:
        assert "sales" in everything.get(operation.path).text
        queries = [{}, *({name: "sales"} for name in operation.query if name in ("account", "requester"))]
        for query in queries:
            answer = client.get(operation.path, params=query)
            assert answer.status_code == 200
            assert hidden(standing, answer.text) == []
        for query in queries[1:]:
            assert client.get(operation.path, params=query).json()["items"] == []


def test_the_stream_tells_nothing_of_another_account(standing: StandingApi) -> None:
    rows = standing.run(standing.api.lab.rows("select account, count(*) as n from api_events group by account"))
    counts = {row["account"]: row["n"] for row in rows}
    heard = ""
    with (
        standing.client(accounts=["support"]) as client,
        client.stream("GET", "/events", headers={"Last-Event-ID": "0"}) as answer,
    ):
        for line in answer.iter_lines():
            heard += line
            if heard.count('"specversion"') == counts["support"]:
                break
    assert counts["sales"]
    assert "ticket.merged" in heard
    assert hidden(standing, heard) == []


@pytest.mark.parametrize("operation", [one for one in NAMING if one.method == "GET"], ids=by_name)
def test_what_is_ones_own_names_nothing_of_another_account(standing: StandingApi, operation: Operation) -> None:
    seeds = standing.support
    with standing.client(accounts=["support"]) as client:
        for number in seeds.numbers:
            for message in (*seeds.messages, *seeds.held, seeds.filed, *came_over(standing)):
                names = {**things(seeds, operation), "number": number, "message_id": message}
                answer = client.get(operation.url(names))
                assert answer.status_code in (200, 404)
                assert hidden(standing, answer.text) == []


def came_over(standing: StandingApi) -> list[int]:
    """Give the message of the other account that somebody put on one's own ticket."""
    rows = standing.run(standing.api.lab.rows("select id from messages where subject = 'Stray'"))
    return [row["id"] for row in rows]


def hidden(standing: StandingApi, text: str) -> list[str]:
    """Give the marks of the other account that stand in an answer."""
    return [mark for mark in standing.sales.marks if json.dumps(mark)[1:-1] in text]


@pytest.mark.parametrize("operation", ALL, ids=by_name)
def test_every_operation_needs_a_scope_of_its_own(standing: StandingApi, operation: Operation) -> None:
    names = things(standing.support, operation)
    let_in = []
    for scope in Scope:
        with standing.client(scope, accounts=["support"]) as client:
            answer = client.request(operation.method, operation.url(names | NOWHERE), headers={"Last-Event-ID": "x"})
        assert answer.status_code in (403, 404, 422, 200)
        if answer.status_code != 403:
            let_in.append(scope)
    assert len(let_in) == 1
