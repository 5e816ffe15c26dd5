"""What `switchboard status` says of troubles and warnings, for people."""

import pytest

from daemon.look import said_of


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        ("relay", "no relay is set (outbound.smtp.host)", "outbound: no relay is set (outbound.smtp.host)"),
        ("relay", "telegram: nothing can be sent on it", "outbound: relay telegram: nothing can be sent on it"),
        ("bus", "business is slow", "outbound: bus business is slow"),
        ("stopping", "", "outbound: stopping"),
    ],
)
def test_the_reason_is_said_once(reason: str, detail: str, said: str) -> None:
    assert said_of({"process": "outbound", "reason": reason, "detail": detail}) == said
