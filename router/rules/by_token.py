"""Rules 2, 3 and 8: tokens that we signed, in a reply address, in an id that is answered, or in the text.

Rule 2 reads RCPT TO, Delivered-To, X-Original-To, To and Cc; rule 3 In-Reply-To, then References from right to left. A
token in the text also needs a proof of the sender: texts are quoted and passed on.
"""

from typing import Final

from router.rules.joining import RuleFunction, accepted_by
from schemas.placement import Rule

by_reply_token: Final[RuleFunction] = accepted_by(Rule.REPLY_TOKEN)
by_signed_id: Final[RuleFunction] = accepted_by(Rule.SIGNED_ID)
by_body_token: Final[RuleFunction] = accepted_by(Rule.BODY_TOKEN)
