"""The conversation's own ticket: key is account, chat and person; in a group, account and chat.

After an explicit reply to a known message and a verified proof, before all that names a sender alone. Never by display
name, and never by an address that only looks like one of another channel.
"""

from typing import Final

from router.rules.joining import RuleFunction, accepted_by
from schemas.placement import Rule

by_conversation: Final[RuleFunction] = accepted_by(Rule.CONVERSATION)
