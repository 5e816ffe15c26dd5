"""Puts the API's rooms together: what `console/api` asks for, made of the store."""

from console.api.app import Rooms
from daemon.api_access import GateTokens
from daemon.api_tickets import ApiTickets
from daemon.clock import now
from daemon.opened import Opened
from ticket_store.api_tokens import ApiTokens


def rooms(store: Opened) -> Rooms:
    """Give everything that the API works with."""
    return Rooms(
        tokens=GateTokens(tokens=ApiTokens(pool=store.pool), clock=now),
        tickets=ApiTickets(pool=store.pool),
    )
