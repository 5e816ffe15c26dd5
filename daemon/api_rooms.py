"""Puts the API's rooms together: what `console/api` asks for, made of the store."""

from console.api.app import Rooms
from daemon.api_access import GateTokens
from daemon.api_actions import ApiActions, ApiSpool
from daemon.api_channels import ApiChannels
from daemon.api_events import ApiEvents
from daemon.api_files import ApiFiles, GateRequests
from daemon.api_tickets import ApiTickets
from daemon.api_webhooks import ApiWebhooks
from daemon.clock import now
from daemon.opened import Opened
from ticket_store.api_requests import ApiRequests
from ticket_store.api_tokens import ApiTokens
from ticket_store.blobs_local import LocalBlobStore


def rooms(store: Opened, blobs: LocalBlobStore) -> Rooms:
    """Give everything that the API works with."""
    requests = ApiRequests(pool=store.pool)
    tickets = ApiTickets(pool=store.pool)
    return Rooms(
        tokens=GateTokens(tokens=ApiTokens(pool=store.pool), clock=now),
        requests=GateRequests(requests=requests, clock=now),
        tickets=tickets,
        actions=ApiActions(store=store),
        spool=ApiSpool(store=store),
        files=ApiFiles(tickets=tickets, requests=requests, blobs=blobs, clock=now),
        events=ApiEvents(pool=store.pool),
        streams=store.settings.api.streams,
        streams_each=store.settings.api.streams_per_token,
        channels=ApiChannels(pool=store.pool, settings=store.settings),
        webhooks=ApiWebhooks(store=store),
    )
