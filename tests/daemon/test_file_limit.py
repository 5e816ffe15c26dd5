"""A process may have as many sockets as the system allows: thousands of chats are open at a time."""

import subprocess
import sys

from house_tree import ROOT

SCRIPT = """
import resource
from daemon.file_limit import raise_file_limit
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(hard, 9000)))
raise_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_a_process_takes_as_many_files_as_the_system_allows() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    soft, hard = done.stdout.split()
    assert soft == hard != "256"
