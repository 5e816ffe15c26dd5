"""Memory is summed over our processes, and a rise is told from noise."""

import os
import socket
import threading
import time

import pytest

from bench.halfway import Halfway
from bench.memory import largest, parse, thinned
from bench.memory_watch import MemoryWatch, held, pss, slope, steady

LIMIT = 64 * 2**20


def test_a_process_holds_some_memory_and_one_that_is_gone_none() -> None:
    assert pss(os.getpid()) > 2**20
    assert pss(2**22 + 1) == 0


def test_all_processes_below_a_supervisor_are_counted_by_role() -> None:
    assert set(held(os.getpid())) >= {"supervisor"}


def test_samples_carry_what_was_counted_beside_them() -> None:
    with MemoryWatch(supervisor=os.getpid(), every=0.01, mark=lambda: 7.0) as memory:
        time.sleep(0.05)
    assert {one.mark for one in memory.samples} == {7.0}
    assert memory.peak() >= memory.first() > 0
    assert memory.peak("ingest") == 0


def test_a_slope_is_that_of_the_line_through_the_points() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2.0
    assert slope([(1, 5), (1, 9)]) == 0.0
    assert slope([]) == 0.0


def test_the_first_samples_do_not_count_for_a_slope() -> None:
    points = [(float(number), 100.0 if number < 3 else 7.0) for number in range(10)]
    assert slope(steady(points)) == 0.0


def test_a_plot_has_few_points() -> None:
    assert len(thinned([(float(n), 0.0) for n in range(10_000)], most=100)) <= 101


def test_the_largest_mail_is_just_under_the_limit() -> None:
    assert 0.95 * LIMIT < len(largest(1).raw) < LIMIT


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--parts", "flow,rest"])
    assert "there is no part rest" in capsys.readouterr().err


def serve(server: socket.socket, got: list[int], answers: list[bytes]) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"220 x\r\n")
        for answer in answers:
            connection.recv(4096)
            connection.sendall(answer)
        while piece := connection.recv(65536):
            got.append(len(piece))


@pytest.mark.parametrize(
    ("answers", "refused"),
    [([b"250-x\r\n250 y\r\n", b"250 x\r\n", b"250 x\r\n", b"354 x\r\n"], {}), ([b"421 x\r\n"], {"421": 1})],
)
def test_a_connection_stands_in_the_middle_of_its_mail_or_was_refused(
    answers: list[bytes], refused: dict[str, int]
) -> None:
    got: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server, got, answers))
        thread.start()
        crowd = Halfway(port=server.getsockname()[1], count=1, size=200_000)
        crowd.open()
        crowd.close()
        thread.join()
    assert crowd.refused == refused
    assert (sum(got) > 200_000) is not bool(refused)
