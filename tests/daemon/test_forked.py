"""Children that are forked ahead: they wait for the supervisor, end with it, and tell how they ended."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

if not hasattr(os, "pidfd_open"):
    pytest.skip("children are forked where there is pidfd_open(2)", allow_module_level=True)

PROGRAM = """
import asyncio, os, socket, sys
from types import SimpleNamespace
from daemon.forked import fork_ahead, show_as

def work(fd):
    show_as("work", "work-7")
    line = socket.socket(fileno=fd)
    line.send(b"here")
    {work}

async def main(forked):
    {main}

forked = fork_ahead([SimpleNamespace(name="one", run=work), SimpleNamespace(name="two", run=work)])
assert set(forked) == {{"one", "two"}}
asyncio.run(main(forked))
"""


def ran(*, main: str, work: str = "pass") -> str:
    """Run a small supervisor, and give what it printed."""
    program = PROGRAM.format(main=main, work=work)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_child_works_only_after_it_was_let_go_and_its_exit_code_is_told() -> None:
    work = "raise SystemExit(line.recv(1)[0])"
    main = """
    child = forked["one"]
    await asyncio.sleep(0.2)
    print(child.returncode)
    line = child.go()
    print(line.recv(4))
    line.send(bytes([7]))
    print(await child.wait(), await child.wait(), child.returncode)"""
    assert ran(main=main, work=work).split("\n")[:-1] == ["None", "b'here'", "7 7 7"]


def test_a_signal_ends_a_child_and_is_told_apart_from_an_exit_code() -> None:
    main = """
    child = forked["two"]
    child.go().recv(4)
    child.send_signal(15)
    print(await child.wait())
    try:
        child.send_signal(15)
    except ProcessLookupError:
        print("gone")"""
    assert ran(main=main, work="line.recv(1)").split() == [str(-signal.SIGTERM), "gone"]


def test_a_child_that_died_before_it_was_let_go_is_told_like_any_other() -> None:
    main = """
    child = forked["one"]
    child.send_signal(9)
    code = await child.wait()
    child.go()
    print(code)"""
    assert ran(main=main).split() == [str(-signal.SIGKILL)]


@pytest.mark.parametrize("let_go", ["", "child.go().recv(4)"])
def test_children_end_with_a_supervisor_that_was_killed(let_go: str) -> None:
    main = f"""
    child = forked["two"]
    {let_go or "pass"}
    print(forked["one"].pid, child.pid, flush=True)
    os.kill(os.getpid(), 9)"""
    program = PROGRAM.format(main=main, work="line.recv(1)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    children = [int(word) for word in done.stdout.split()]
    assert len(children) == 2
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in children if psutil.pid_exists(pid)], timeout=10)
    assert not alive


def test_a_child_is_shown_by_what_it_does_in_a_session_of_its_own_without_input() -> None:
    main = """
    child = forked["one"]
    child.go().recv(4)
    print(open(f"/proc/{child.pid}/cmdline").read().strip(chr(0)).strip(), sep="")
    print(os.getsid(child.pid) == child.pid, os.readlink(f"/proc/{child.pid}/fd/0"))"""
    shown, rest = ran(main=main, work="line.recv(1)").splitlines()
    assert shown.strip() == "switchboard run work --name work-7"
    assert rest == "True /dev/null"


def test_nothing_is_forked_once_there_are_threads() -> None:
    from daemon.forked import fork_ahead  # noqa: PLC0415 - beside its other tests, which run in processes of their own

    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    try:
        assert fork_ahead([]) == {}
    finally:
        go_on.set()
        thread.join()
