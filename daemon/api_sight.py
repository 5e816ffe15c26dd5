"""Which numbers of other tickets a token may be told, and what is left out of what it is shown."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ticket_store import ticket_pages

_WRITTEN: Final = re.compile(r"(?<![0-9-])([0-9]{3})-?([0-9]{3})-?([0-9]{4})(?![0-9-])", re.ASCII)
"""A ticket's number in a sentence, in groups or not."""


async def sorted_out(
    connection: AsyncConnection[TupleRow], accounts: Collection[str], numbers: Collection[str]
) -> tuple[set[str], set[str]]:
    """Give those of some numbers that may be seen, and those that may not; what is no ticket's is in neither."""
    found = await ticket_pages.accounts_of(connection, numbers) if numbers else {}
    seen = {number for number, owners in found.items() if owners[0] in accounts}
    return seen, found.keys() - seen


def numbers_in(decision: Mapping[str, Any]) -> set[str]:
    """Give the numbers of tickets that a decision names, also in words."""
    return _named(decision) | numbers_said(decision.get("explanation", ""))


def numbers_said(text: str) -> set[str]:
    """Give what may be numbers of tickets in words of ours."""
    return {"".join(groups) for groups in _WRITTEN.findall(text)}


def shown_decision(decision: Mapping[str, Any], seen: Collection[str], hidden: Collection[str]) -> dict[str, Any]:
    """Leave out of a decision what names a ticket that may not be seen, its explanation too."""
    shown = dict(decision)
    for name in ("rejected", "suggestions"):
        if name in shown:
            shown[name] = [one for one in shown[name] if str(one.get("ticket", "")) in {*seen, ""}]
    for name in ("continues", "ticket"):
        if shown.get(name) and shown[name] not in seen:
            del shown[name]
    if not _named(decision) <= set(seen) or numbers_said(decision.get("explanation", "")).intersection(hidden):
        shown["explanation"] = ""
    return shown


def _named(decision: Mapping[str, Any]) -> set[str]:
    listed = {str(one.get("ticket", "")) for name in ("rejected", "suggestions") for one in decision.get(name, ())}
    return (listed | {decision.get("continues", ""), decision.get("ticket", "")}) - {""}
