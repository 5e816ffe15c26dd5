"""What signals do to a working process: a hangup stops it, unless it was started to outlive its terminal."""

import signal
import subprocess
import sys

import pytest

PROCESS = """
import asyncio, os, signal, sys, uvloop
from daemon.process import install_signals

if "hangups-end-it" in sys.argv:  # whoever started the tests may have ignored them
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

async def main():
    stop = asyncio.Event()
    install_signals(stop, at_once=lambda: os._exit(1))
    print("ready", flush=True)
    await stop.wait()

uvloop.run(main())
"""


@pytest.mark.parametrize(("wrapper", "ends"), [([], True), (["nohup"], False)])
def test_a_hangup_stops_unless_it_was_ignored_from_the_start(wrapper: list[str], *, ends: bool) -> None:
    command = [*wrapper, sys.executable, "-c", PROCESS, *(["hangups-end-it"] if ends else [])]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(signal.SIGHUP)
        if not ends:
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(0.5)
            run.terminate()
        assert run.wait(10) == 0
