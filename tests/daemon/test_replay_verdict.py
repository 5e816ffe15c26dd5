"""What is kept of the check of a sender when a delivery is parsed again."""

import pytest
from routing_lab import mail

from daemon.replay import kept_verdict

ANA, BOB = "ana@a.example", "bob@b.example"


@pytest.mark.parametrize(
    ("found", "sender", "kept"),
    [("pass", ANA, "pass"), ("pass", BOB, "none"), ("none", BOB, "none"), ("fail", BOB, "fail")],
)
def test_a_verdict_is_the_senders_that_was_checked(found: str, sender: str, kept: str) -> None:
    assert kept_verdict(mail("one", ANA, verdict=found), mail("one", sender)).result == kept
