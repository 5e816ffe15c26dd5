"""Children that are forked ahead: they wait for the supervisor, end with it, and tell how they ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

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
    program = """
import threading
from types import SimpleNamespace
from daemon.forked import fork_ahead
go_on = threading.Event()
threading.Thread(target=go_on.wait).start()
print(fork_ahead([SimpleNamespace(name="one", run=print)]))
go_on.set()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "{}\n"


def test_a_child_keeps_no_descriptor_of_the_supervisor_but_its_outputs() -> None:
    main = """
    child = forked["two"]
    child.go().recv(4)
    folder = f"/proc/{child.pid}/fd"
    print(sorted(os.readlink(f"{folder}/{name}").partition(":")[0] for name in os.listdir(folder)))"""
    program = PROGRAM.format(main=main, work="line.recv(1)")
    with open(__file__, "rb") as lock:  # noqa: PTH123 - a descriptor of whoever starts the daemon
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, pass_fds=[lock.fileno()], timeout=60, check=True
        )
    kept = done.stdout.decode()
    assert "/dev/null" in kept
    assert kept.count("socket") == 1
    assert __file__ not in kept


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_closed_standard_files_are_opened_before_anything_else_takes_their_places(closed: str, tmp_path: Path) -> None:
    main = f"""
    child = forked["one"]
    child.go().recv(4)
    shown = [os.readlink(f"/proc/{{pid}}/fd/0") for pid in (os.getpid(), child.pid)]
    open("{tmp_path}/shown", "w").write(" ".join(shown))
    child.send_signal(15)
    await child.wait()"""
    (tmp_path / "program.py").write_text(PROGRAM.format(main=main, work="line.recv(1)"))
    command = f"{sys.executable} {tmp_path}/program.py {closed}"
    here = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    subprocess.run(["/bin/sh", "-c", command], timeout=60, check=True, env=here)
    assert (tmp_path / "shown").read_text() == "/dev/null /dev/null"


def test_a_child_is_heard_of_although_whoever_started_us_ignores_the_end_of_children() -> None:
    main = """
    child = forked["one"]
    child.go().recv(4)
    child.send_signal(9)
    print(await child.wait())"""
    program = PROGRAM.format(main=main, work="line.recv(1)")
    ignoring = f"import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{program}"
    done = subprocess.run([sys.executable, "-c", ignoring], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["-9"]
