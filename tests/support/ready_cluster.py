"""A cluster with every migration, made once a process and copied: a first start costs more than most tests."""

import atexit
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from postgres_server import components

from ticket_store.embedded import EmbeddedPostgres
from ticket_store.migrate import migrate


def lay_ready_cluster(data_dir: Path) -> None:
    """Put a copy of it where a daemon with this data folder looks for its own; it starts as for the second time."""
    target = data_dir / "postgres"
    target.mkdir(parents=True)
    data_dir.chmod(0o700)  # as the daemon makes it
    subprocess.run(["cp", "-a", str(_ready() / "data"), str(target)], check=True)


@cache
def _ready() -> Path:
    base = Path(mkdtemp(prefix="switchboard-ready-"))
    base.chmod(0o755)  # the user that runs the server passes through
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    folder = base / "postgres"
    with EmbeddedPostgres(folder=folder) as server:
        migrate(server.url(), components())
    return folder
