"""Which due notices go out: one a sender, reason and day; so many an address and day; none that has become wrong."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notice_samples import ALL_REASONS, NOW, due

from lifecycle.notices import AccountNotices, Chosen, Limits, choose
from schemas.notice_rows import DueNotice, SpentRow
from schemas.placement import NoticeReason

REASONS = [reason.value for reason in NoticeReason]


def chosen(*notices: DueNotice, spent: tuple[SpentRow, ...] = (), most: int = 5) -> Chosen:
    limits = Limits(per_address_a_day=most)
    return choose(notices, spent, accounts={"support": ALL_REASONS}, limits=limits, now=NOW)


def whys(found: Chosen) -> list[str]:
    return [why for _, why in found.suppress]


def test_a_sender_gets_one_notice_for_a_reason_and_the_first_is_it() -> None:
    found = chosen(due(2), due(1), due(3, address_key=b"bob"))
    assert [notice.id for notice in found.send] == [1, 3]
    assert whys(found) == ["this sender got one for the same reason in the last 24 hours"]


def test_what_was_sent_before_counts() -> None:
    found = chosen(due(), due(2, reason="receipt"), spent=(SpentRow(b"ana", "refused_file", 1),))
    assert [notice.reason for notice in found.send] == ["receipt"]


def test_an_address_gets_no_more_than_the_limit_of_all_reasons() -> None:
    found = chosen(due(), spent=(SpentRow(b"ana", "receipt", 1), SpentRow(b"ana", "held", 1)), most=2)
    assert whys(found) == ["this address got 2 notices in the last 24 hours"]
    assert whys(chosen(due(), most=0)) == ["this address got 0 notices in the last 24 hours"]


@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from(REASONS)), max_size=20),
    st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.sampled_from(REASONS)), unique=True, max_size=6),
    st.integers(0, 4),
)
def test_no_mix_of_notices_passes_the_limits(
    asked: list[tuple[bytes, str]], before: list[tuple[bytes, str]], most: int
) -> None:
    notices = [
        due(number, address_key=key, reason=reason, state="held" if reason == "held" else "ticketed")
        for number, (key, reason) in enumerate(asked)
    ]
    found = chosen(*notices, spent=tuple(SpentRow(*one, 1) for one in before), most=most)
    assert len(found.send) + len(found.suppress) == len(asked)
    sent = [(notice.address_key, notice.reason) for notice in found.send]
    assert len(set(sent)) == len(sent)
    assert not set(sent) & set(before)
    for key in (b"a", b"b"):
        spent = sum(one[0] == key for one in before)
        assert sum(one[0] == key for one in sent) <= max(0, most - spent)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"account": "gone"}, "the account left the settings"),
        ({"received_at": NOW - timedelta(hours=24, seconds=1)}, "the message was received too long ago"),
        ({"visibility": "internal"}, "the message is not the customer's to see"),
        ({"visibility": "unverified"}, "the message is not the customer's to see"),
        ({"ticket_status": "spam"}, "the ticket is spam"),
        ({"state": "discarded", "ticket_number": ""}, "the message is discarded"),
        ({"reason": "held", "state": "ticketed"}, "the message is not held any more"),
        ({"reason": "receipt", "state": "held", "ticket_number": ""}, "the message stands on no ticket any more"),
    ],
)
def test_a_notice_that_has_become_wrong_is_suppressed_and_says_why(more: dict[str, Any], why: str) -> None:
    found = chosen(due(**more))
    assert (found.send, whys(found)) == ([], [why])


def test_a_reason_that_was_switched_off_meanwhile_is_suppressed() -> None:
    accounts = {"support": AccountNotices(reasons=frozenset())}
    found = choose([due()], [], accounts=accounts, limits=Limits(), now=NOW)
    assert whys(found) == ["the account does not send such notices (any more)"]


def test_where_nothing_can_be_sent_every_notice_says_so() -> None:
    limits = Limits(no_way_out="no relay is set")
    found = choose([due()], [], accounts={"support": ALL_REASONS}, limits=limits, now=NOW)
    assert whys(found) == ["no relay is set"]


def test_what_is_suppressed_uses_no_part_of_the_limits() -> None:
    found = chosen(due(1, visibility="internal"), due(2))
    assert [notice.id for notice in found.send] == [2]
