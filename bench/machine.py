"""What a figure belongs to: the machine, the versions, the settings of the database. Reports name them."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
import psycopg

ROOT: Final = Path(__file__).parents[1]
SETTINGS: Final = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


def machine() -> dict[str, str]:
    """Name the machine and how busy it is at the moment."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load average": f"{os.getloadavg()[0]:.1f} before the run",
    }


def versions() -> dict[str, str]:
    """Name what ran."""
    return {
        "switchboard": f"{version('switchboard')} at {_commit()}",
        "python": platform.python_version(),
        "aiosmtpd": version("aiosmtpd"),
        "psycopg": version("psycopg"),
    }


def database(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
    """Read the version and the settings that durability hangs on from the server itself."""
    found = {"postgresql": str(_one(connection, "show server_version"))}
    return {**found, **{name: str(_one(connection, f"show {name}")) for name in SETTINGS}}


def _one(connection: psycopg.Connection[tuple[object, ...]], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"
