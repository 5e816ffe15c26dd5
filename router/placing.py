"""Makes the placer of a routing transaction that may send agents' answers on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from router.announce import Announcer
from router.placed import NewTickets
from router.placer import Placer
from router.policy import Policies
from router.ports import RoutingTransaction
from router.replies import Replies
from router.tokens import Signer
from router.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """What placers have in common. `own_text` cuts from an agent's mail what it quotes, before the customer gets it."""

    policies: Policies
    source: str
    own_text: Callable[[str], str] = str

    def placer(self, transaction: RoutingTransaction, view: View, signer: Signer, now: datetime) -> Placer:
        """Give a placer. Ids of tickets and of messages must have been reserved in the transaction."""
        next_id = transaction.next_message_id
        return Placer(
            view=view,
            policies=self.policies,
            announcer=Announcer(source=self.source, now=now),
            new_tickets=NewTickets(next_id=transaction.next_ticket_id, number=transaction.ticket_number),
            replies=Replies(signer=signer, policies=self.policies, next_id=next_id, now=now, own_text=self.own_text),
        )
