"""Others on the same mails: sinks that keep nothing, and another help desk on the same PostgreSQL.

    python bench/peers.py [--mails 1000] [--runs 3] [--quick]

`smtp-sink` comes from Debian's package postfix: it is downloaded and unpacked under `bench/out`, and nothing of it is
installed. django-helpdesk gets an environment of its own there, and reads the mails from a folder with its own
`get_email`: one process, no SMTP, in a database of its own beside ours. Who is missing is named in the report. They do
less or more than we do for a mail, so the figures say how far apart they are, and no more.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench.drive import DriveError, drive
from bench.kept import OUT, Kept
from bench.machine import database
from bench.mails import RECIPIENT, Mail, Mix
from bench.run import say
from bench.sink import running_sink
from bench.subject import Watch, deployment
from doubles.ports import free_port

SINK_BACKLOG: Final = "100"
PATIENCE: Final = 20.0
INSTALL_SECONDS: Final = 600
HELPDESK: Final = "django-helpdesk"
RUNNER: Final = Path(__file__).with_name("peer_helpdesk.py")


class PeerError(Exception):
    """A peer cannot be had or does not work; says why."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asks for."""

    mails: int
    runs: int
    sessions: int
    quick: bool


def smtp_sink() -> Path:
    """Give the folder into which Debian's postfix is unpacked, fetched on first use. Raises `PeerError`."""
    folder = OUT / "postfix"
    if not (folder / "usr/sbin/smtp-sink").exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise PeerError("apt-get and dpkg are not there")
        folder.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "-qq", "download", "postfix"], cwd=folder)
        run(["dpkg", "-x", str(next(folder.glob("postfix_*.deb"))), str(folder)], cwd=folder)
    return folder


@contextmanager
def running_smtp_sink() -> Iterator[int]:
    """Run postfix's sink and give its port. Raises `PeerError`."""
    folder, port = smtp_sink(), free_port()
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "usr/lib/postfix")}
    user = ["-u", "root"] if os.getuid() == 0 else []
    command = [str(folder / "usr/sbin/smtp-sink"), *user, f"127.0.0.1:{port}", SINK_BACKLOG]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            wait_for(process, port)
            yield port
        finally:
            process.terminate()


def wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when a session with nothing in it succeeds."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise PeerError((process.stderr.read() if process.stderr else b"").decode()[-300:] or "it ended at once")
        try:
            drive([], port=port, sessions=1, processes=1)
        except DriveError:
            time.sleep(0.05)
        else:
            return
    raise PeerError("it does not answer")


def helpdesk_python() -> Path:
    """Give the interpreter of django-helpdesk's environment, made on first use. Raises `PeerError`."""
    python = OUT / "helpdesk" / "bin" / "python"
    ready = OUT / "helpdesk" / ".ready"
    if not ready.exists():
        say(f"installing {HELPDESK} into an environment of its own ...")
        run([sys.executable, "-m", "venv", str(OUT / "helpdesk")])
        run([str(python), "-m", "pip", "install", "--quiet", HELPDESK, "psycopg[binary]"])
        ready.touch()
    return python


def run(command: Sequence[str], *, cwd: Path | None = None, told: str = "") -> str:
    """Run a program and give what it printed. Raises `PeerError` with its last words."""
    try:
        done = subprocess.run(
            command, cwd=cwd, input=told, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(str(error)) from error
    if done.returncode:
        raise PeerError(f"{Path(command[0]).name}: {done.stderr.strip()[-300:]}")
    return done.stdout


def helpdesk(watch: Watch, mails: Sequence[Mail], number: int, kept: Kept) -> None:
    """Let django-helpdesk read the mails from a folder into a database of its own on our server."""
    python = helpdesk_python()
    folder = watch.subject.folder / f"helpdesk{number}"
    (folder / "mails").mkdir(parents=True)
    (folder / "media").mkdir()
    for place, mail in enumerate(mails):
        (folder / "mails" / f"{place:06d}.eml").write_bytes(mail.raw)
    name = f"helpdesk{number}"
    watch.connection.execute(f"create database {name}".encode())
    where = conninfo_to_dict(watch.subject.url())
    parts = {"HOST": where.get("host", ""), "PORT": str(where.get("port", "")), "USER": where.get("user", "")}
    orders = {
        "database": {**parts, "PASSWORD": where.get("password", ""), "NAME": name},
        "media": str(folder / "media"),
        "mails": str(folder / "mails"),
        "address": RECIPIENT,
    }
    found: dict[str, Any] = json.loads(run([str(python), str(RUNNER)], told=json.dumps(orders)).splitlines()[-1])
    kept.add("django-helpdesk, one process from a folder", "mails/s", (len(mails) - found["left"]) / found["seconds"])
    kept.words.append(
        f"django-helpdesk, run {number + 1}: {len(mails)} mails became {found['tickets']} tickets with "
        f"{found['messages']} messages; {found['left']} were left in the folder."
    )


def sinks(options: Options, kept: Kept) -> None:
    """Measure the sinks in turn."""
    for run_number in range(options.runs):
        mails = list(Mix(count=options.mails, seed=run_number, run=f"p{run_number}"))
        with running_sink() as port:
            kept.add("stock aiosmtpd sink", "mails/s", drive(mails, port=port, sessions=options.sessions).rate)
        with running_smtp_sink() as port:
            kept.add("postfix smtp-sink", "mails/s", drive(mails, port=port, sessions=options.sessions).rate)


def desks(options: Options, kept: Kept) -> None:
    """Measure ours and the other desk in turn, on one PostgreSQL."""
    with deployment({}) as subject, subject.running() as watch:
        kept.database = database(watch.connection)
        for number in range(options.runs):
            mails = list(Mix(count=options.mails, seed=number, run=f"d{number}"))
            before, began = watch.routed(), time.perf_counter()
            drive(mails, port=subject.smtp_port, sessions=options.sessions)
            watch.wait_until_routed(before + len(mails))
            rate = len(mails) / (time.perf_counter() - began)
            kept.add("Switchboard, by SMTP to the last ticket", "mails/s", rate)
            say(f"Switchboard: {rate:,.0f} mails/s")
            helpdesk(watch, mails, number, kept)


def main() -> int:
    """Measure what was asked for, print it as Markdown, and keep it."""
    options = parse(sys.argv[1:])
    title = f"Others on the same mails: {options.mails:,} mails of the mix, {options.runs} runs"
    kept = Kept(bench="peers", title=title, quick=options.quick, yardstick="stock aiosmtpd sink")
    for name, measure in (("postfix smtp-sink", sinks), (HELPDESK, desks)):
        try:
            measure(options, kept)
        except (PeerError, OSError, psycopg.Error) as error:
            kept.missing.append(f"{name}: {error}")
            say(kept.missing[-1])
    print(kept.markdown())
    kept.keep()
    return 0


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="peers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mails", type=int, default=1000, help="of one run")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--sessions", type=int, default=10, help="SMTP sessions at a time")
    parser.add_argument("--quick", action="store_true", help="one run of 60 mails")
    found = parser.parse_args(arguments)
    return Options(
        mails=min(found.mails, 60) if found.quick else found.mails,
        runs=1 if found.quick else found.runs,
        sessions=found.sessions,
        quick=found.quick,
    )


if __name__ == "__main__":
    sys.exit(main())
