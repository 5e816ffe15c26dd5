"""Rule 6: the number of a ticket in the subject, with a right check digit.

Numbers can be read over a shoulder: only a participant joins by one, and only with the proof that the account demands
of a sender (`sender_match`, as in rule 9).
"""

from typing import Final

from router.rules.joining import RuleFunction, accepted_by
from schemas.placement import Rule

by_subject_tag: Final[RuleFunction] = accepted_by(Rule.SUBJECT_TAG)
