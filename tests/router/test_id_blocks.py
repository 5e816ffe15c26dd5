"""Numbers taken ahead: a sequence may go back in a crash, and then gives the same ones to somebody else."""

import signal

import psutil
import psycopg
import pytest
from postgres_server import components
from routing_lab import Lab, mail, open_lab

from ticket_store.embedded import EmbeddedPostgres
from ticket_store.migrate import migrate


def processes_of(server: EmbeddedPostgres) -> list[psutil.Process]:
    assert server.pid is not None
    first = psutil.Process(server.pid)
    return [first, *first.children(recursive=True)]


def end(processes: list[psutil.Process]) -> None:
    """End them at one moment, so that none writes what the others left."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            process.send_signal(number)
    psutil.wait_procs(processes, timeout=20)


async def fail(lab: Lab) -> None:
    """Take numbers in a transaction that comes to nothing."""
    async with lab.store.transaction() as failed:
        await failed.reserve_ticket_ids(1)
        raise ZeroDivisionError


async def crash(lab: Lab, server: EmbeddedPostgres) -> None:
    """Take numbers while nobody writes the log, and end the server before their transaction does."""
    for process in processes_of(server):
        if "walwriter" in " ".join(process.cmdline()):
            process.suspend()
    async with lab.store.transaction() as failed:
        processes = processes_of(server)
        await failed.reserve_ticket_ids(1)
        await failed.message_ids(1)
        end(processes)
        await failed.message_ids(1)


async def test_what_a_failed_transaction_took_from_a_sequence_is_handed_out_by_nobody(database: str) -> None:
    async with open_lab(database) as lab:
        with pytest.raises(ZeroDivisionError):
            await fail(lab)
        async with lab.store.transaction() as pending, lab.store.transaction() as other:
            await pending.reserve_ticket_ids(1)
            await other.reserve_ticket_ids(1)
            assert (pending.next_ticket_id(), other.next_ticket_id()) == (501, 1001)


async def test_a_server_that_crashes_and_gives_the_same_numbers_again_costs_no_message(
    own_postgres: EmbeddedPostgres,
) -> None:
    migrate(own_postgres.url(), components())
    async with open_lab(own_postgres.url()) as lab, open_lab(own_postgres.url()) as other:
        with pytest.raises(psycopg.OperationalError):
            await crash(lab, own_postgres)
        own_postgres.start()
        await other.route(mail("one"))
        await lab.route(mail("two", "bob"))
        await other.route(mail("three", "cid"))
        assert set(await lab.threads()) == {"one", "two", "three"}
