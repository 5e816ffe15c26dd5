"""A certificate for `localhost`, made by openssl for one test run."""

import subprocess
from pathlib import Path

COMMAND = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"


def self_signed(folder: Path) -> Path:
    """Give a PEM file with key and certificate."""
    file = folder / "both.pem"
    made = subprocess.run([*COMMAND.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True, timeout=20)
    file.write_bytes(made.stdout)
    return file
