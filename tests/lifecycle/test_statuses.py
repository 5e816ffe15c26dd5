"""Statuses move only as the table says, and every refusal says why."""

from datetime import UTC, datetime

import pytest

from lifecycle.statuses import MOVES, Move, MoveError, Reason, Status, is_closed, move
from schemas.placement import CLOSED, OPEN

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_closing_notes_the_time() -> None:
    assert move("open", Status.CLOSED, reason=Reason.OPERATOR, at=NOW) == Move(
        previous="open", status="closed", reason="operator", closed_at=NOW
    )


def test_reopening_clears_the_time() -> None:
    assert move("closed", Status.OPEN, reason=Reason.OPERATOR, at=NOW) == Move(
        previous="closed", status="open", reason="operator", closed_at=None
    )


@pytest.mark.parametrize("status", Status)
def test_a_move_to_where_the_ticket_stands_is_refused(status: Status) -> None:
    with pytest.raises(MoveError, match=f"the ticket is already {status}"):
        move(status, status, reason=Reason.OPERATOR, at=NOW)


def test_a_reason_that_does_not_fit_is_refused() -> None:
    with pytest.raises(MoveError, match="open to closed is not for the reason reply, only for operator"):
        move("open", Status.CLOSED, reason=Reason.REPLY, at=NOW)


def test_a_status_of_a_newer_version_is_refused() -> None:
    with pytest.raises(MoveError, match="status 'frozen' is not known"):
        move("frozen", Status.OPEN, reason=Reason.OPERATOR, at=NOW)


def test_every_status_has_its_moves_and_none_leads_to_itself() -> None:
    assert set(MOVES) == set(Status)
    assert all(source not in targets for source, targets in MOVES.items())
    assert all(reasons for targets in MOVES.values() for reasons in targets.values())


def test_routing_and_lifecycle_mean_the_same_by_open_and_closed() -> None:
    assert (OPEN, CLOSED) == (Status.OPEN, Status.CLOSED)
    assert is_closed(Status.CLOSED)
    assert not is_closed(Status.OPEN)
