"""Models that are made of values known to be right are the same as checked ones."""

import json

import pytest
from routing_lab import START, mail

from router.announce import Announcer, Seen
from router.incoming import receive
from router.opening import new_ticket
from router.placed import NewTickets
from router.placement import Placement
from router.policy import Policies
from schemas.base import Wire
from schemas.events import EventData, EventMessage, TicketEvent, TicketSnapshot
from schemas.message import Party
from schemas.placement import Author, Decision, Outcome, Rule, Visibility


def event() -> str:
    message = receive(mail("m", body="words"), message_id=7, policies=Policies())
    placement = Placement(decision=Decision(rule=Rule.NEW, outcome=Outcome.OPENED, explanation=""))
    ticket = new_ticket(message, placement, NewTickets(next_id=lambda: 3, number="{:010}".format), proven=True)
    announcer = Announcer(source="/switchboard/lab", now=START)
    return announcer.placed(ticket, message, Seen(Rule.NEW, Author.CUSTOMER, Visibility.PUBLIC), opened=True).event


def test_an_event_that_was_not_checked_reads_as_written_and_writes_as_read() -> None:
    written = event()
    assert TicketEvent.model_validate_json(written).text() == written


@pytest.mark.parametrize("model", [TicketEvent, EventData, EventMessage, TicketSnapshot])
def test_every_field_of_an_event_is_given_in_the_order_of_its_model(model: type[Wire]) -> None:
    content = json.loads(event())
    part = {
        TicketEvent: content,
        EventData: content["data"],
        EventMessage: content["data"]["message"],
        TicketSnapshot: content["data"]["ticket"],
    }[model]
    known = [name for name in model.model_fields if name in part]
    assert list(part) == known
    missing = set(model.model_fields) - set(part)
    assert all(model.model_fields[name].default is None for name in missing)


def test_equal_fields_make_equal_models_and_equal_hashes() -> None:
    one, two = Party(address="ana@a.example"), Party.complete(address="ana@a.example", name="")
    assert one == two
    assert hash(one) == hash(two)
    assert one != Party(address="bob@b.example")
    assert one != "ana@a.example"
