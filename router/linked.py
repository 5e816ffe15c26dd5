"""People who were proven to be a ticket's requester on another channel."""

from typing import Final

LINKED: Final = "linked"
"""Their role on the ticket."""
