"""Rule 4: ids in In-Reply-To and References that the index of all ids knows; known before quoted, the nearest wins."""

from typing import Final

from router.rules.joining import RuleFunction, accepted_by
from schemas.placement import Rule

by_ids: Final[RuleFunction] = accepted_by(Rule.IDS)
