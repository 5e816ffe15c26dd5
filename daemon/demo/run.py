"""`demo`: a daemon of its own, a customer on every channel, a dozen mails, and what became of each."""

import shlex
import sys
import tempfile
from pathlib import Path

from console import tables
from daemon import logs
from daemon.cli_options import print_line, print_table
from daemon.demo.channels import ANSWERED, answered, customers, mistakes
from daemon.demo.relay import demo_relay
from daemon.demo.scenes import play_mails, set_desk
from daemon.demo.stage import Agent, Stage
from daemon.errors import NO


def run_demo(*, keep: bool) -> int:
    """Show everything; 0 when all became what it should."""
    logs.configure(level="error", format_="auto", process="demo")
    stage = Stage(Path(tempfile.mkdtemp(prefix="switchboard-demo-")))
    set_desk(stage)
    with demo_relay(stage.relay_port) as relay, customers(stage, relay) as everybody:
        print_line("Starting a daemon of its own (PostgreSQL included), and platforms for it on this machine ...")
        with stage.daemon(keep=keep):
            print_line("\nOne customer on every channel:\n")
            found = answered(stage, Agent(stage), everybody)
            print_line("")
            print_table(
                tables.table(
                    ANSWERED, [one.row() for one in found], title="One ticket a channel, and the answer that went back"
                )
            )
            wrong = [*mistakes(found), *play_mails(stage, relay)]
            for line in wrong:
                print_line(f"NOT AS PROMISED: {line}")
            print_line("Everything became what it should." if not wrong else "")
            if keep:
                print_line("\nThe demo's platforms end with it: what the daemon sends from now on waits.")
                _say_how_to_look(stage)
    return NO if wrong else 0


def _say_how_to_look(stage: Stage) -> None:
    folder, environment = stage.folder, stage.environment
    ours = " ".join(
        f"{name}={shlex.quote(value)}" for name, value in environment.items() if name.startswith("SWITCHBOARD_")
    )
    print_line(f"\nThe daemon goes on in {folder}. To look around:\n")
    print_line(f"  cd {folder}; export {ours}")
    program = shlex.quote(str(Path(sys.executable).with_name("switchboard")))
    for command in ("tickets list", "spool list", "channels", "ledger", "status"):
        print_line(f"  {program} {command}")
    print_line("\nTo stop it and throw everything away, when you are done:\n")
    print_line(f"  kill $(cat {folder}/daemon.lock); cd /; sleep 5; rm -r {folder}")
