"""Power loss: what was accepted is on the disk, and not only written.

A killed process loses nothing that it wrote, so no kill can show a missing sync. Here the system calls of intake and
PostgreSQL are traced, everything ends at one moment, and from its folder is taken what no sync covered
(`fault_disk`); the daemon starts on what is left, and every message that somebody has a yes for must be there.

What it cannot show: disks that lie about a sync; bytes that reach the disk without one, in another order (here what is
not synced never survives, and sectors are not torn); removals that come back; what was written before the trace, which
counts as synced. Names are as strict as POSIX allows: a new file that is synced without its folder is gone, though most
file systems would keep it.
"""

import smtplib
from collections.abc import Iterator

import pytest
from fault_mta import conversations
from fault_power import needs_strace, traced
from fault_senders import next_run
from fault_stage import Stage, stage

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]

MAILS = 8
PATIENCE = 120.0


@pytest.fixture(scope="module")
def one_stage() -> Iterator[Stage]:
    """Give one stage for all; the test that breaks a promise comes last."""
    needs_strace()
    with stage() as made:
        yield made


def test_each_mail_is_synced_before_its_yes_as_a_file_and_as_a_record(one_stage: Stage) -> None:
    supply = conversations(replies=0, run=next_run())
    with traced(one_stage) as trace:
        with smtplib.SMTP("127.0.0.1", one_stage.daemon.smtp_port, timeout=30) as client:
            for _ in range(MAILS):
                mail = next(supply)
                client.sendmail(mail.sender, ["support@example.org"], mail.raw)
        trace.end()
    blobs = [sync for sync in trace.disk.syncs if "/blobs/" in sync]
    records = [sync for sync in trace.disk.syncs if "/pg_wal/" in sync]
    assert MAILS <= len(blobs) <= 3 * MAILS
    assert len(records) >= MAILS


def test_what_was_accepted_survives_a_power_loss(one_stage: Stage) -> None:
    senders = one_stage.senders()
    with traced(one_stage) as trace:
        senders.start()
        senders.wait_accepted(20, seconds=PATIENCE)
        lost = trace.cut_power()
    accepted = senders.accepted
    assert lost, "a power loss that takes nothing shows nothing"
    one_stage.daemon.start()
    senders.finish(seconds=PATIENCE)
    assert accepted <= senders.accepted
    assert one_stage.check(senders) == []


def test_without_the_sync_of_blobs_a_power_loss_makes_the_checks_red(one_stage: Stage) -> None:
    (one_stage.control / "sabotage-no blob sync").touch()
    senders = one_stage.senders()
    with traced(one_stage) as trace:
        senders.start()
        senders.wait_accepted(20, seconds=PATIENCE)
        trace.cut_power()
    one_stage.daemon.start()
    senders.finish(seconds=PATIENCE)
    assert "blob" in {finding.kind for finding in one_stage.check(senders, seconds=10)}
