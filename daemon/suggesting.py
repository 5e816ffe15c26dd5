"""Suggestions for held messages, as commands show them: made fresh from what the store knows now."""

from collections.abc import Collection
from typing import Any

from daemon.clock import now
from daemon.opened import Opened
from daemon.wiring import policies
from router.keys import Keyring
from router.suggest import Suggester
from ticket_store.numbers import TicketNumbers
from ticket_store.routing import RoutingStore
from ticket_store.suggestions import SuggestionStore

PAGE = 500
"""Held messages asked about at once."""


async def suggestions(store: Opened, message_ids: Collection[int]) -> dict[int, list[dict[str, Any]]]:
    """Give the likeliest tickets of held messages as plain data, the likeliest first."""
    routing = RoutingStore(pool=store.pool, numbers=TicketNumbers(key=store.instance.ticket_number_key))
    suggester = Suggester(
        store=SuggestionStore(pool=store.pool),
        policies=policies(store.settings),
        keyring=Keyring(store=routing, clock=now),
    )
    found: dict[int, list[dict[str, Any]]] = {}
    wanted = sorted(message_ids)
    for start in range(0, len(wanted), PAGE):
        page = await suggester.suggest(wanted[start : start + PAGE])
        found |= {held: [one.model_dump() for one in likely] for held, likely in page.items()}
    return found
