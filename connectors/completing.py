"""The contract of platforms that tell only the beginning of a large message: the rest is asked for before the store."""

from typing import Protocol, runtime_checkable

from connectors.base import Connector, Delivery


@runtime_checkable
class Completes(Connector, Protocol):
    """Its platform cuts some messages, and gives them whole when it is asked."""

    async def complete(self, delivery: Delivery) -> Delivery:
        """Give the delivery with the whole message, after `authenticate`; most are whole, and nobody is asked.

        Bounded in time. `LaterError` lets the platform bring it again, which is the retry; what is refused for good, or
        has waited for minutes, comes back as it is: a cut message is better than none.
        """
        ...
