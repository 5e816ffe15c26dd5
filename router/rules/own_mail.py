"""Rule 1: a message of ours came back, told by our own signed id as its Message-ID, or by our token in X-Loop."""

from router.findings import Findings
from router.found import OWN
from router.gates import Case
from router.incoming import Incoming
from router.placement import Placement, noted
from schemas.placement import Evidence, Relation, Rule, Source


def is_own(message: Incoming) -> bool:
    """Whether it is a message of ours; what only looks like one is not."""
    return next(message.tokens.at(OWN), None) is not None


def our_own(case: Case, _findings: Findings) -> Placement | None:
    """Note it and stop: answering what we wrote ourselves is how loops begin."""
    token = next(case.message.tokens.at(OWN), None)
    if token is None:
        return None
    evidence = Evidence(source=Source.LOOP, relation=Relation.KNOWN, message_id=token.claim.message_id)
    return noted(why="It is a message of our own that came back.", rule=Rule.LOOP, evidence=(evidence,))
