"""What the doubles share: a free port, and a server of their own in a thread."""

import threading
import time
from collections.abc import Sequence
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

START_SECONDS: Final = 30
STOP_SECONDS: Final = 10


class LoopbackServer:
    """HTTP on one port of the loopback address, from `start` to `stop`."""

    def __init__(self, *, routes: Sequence[Route], port: int) -> None:
        app = Starlette(routes=routes)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def is_ending(self) -> bool:
        """Whether calls that wait shall end."""
        return self._server.should_exit

    def start(self) -> None:
        """Listen. Raises `TimeoutError` when the port is somebody else's."""
        self._thread.start()
        give_up = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > give_up or not self._thread.is_alive():
                raise TimeoutError("a double does not listen")
            time.sleep(0.01)

    def stop(self) -> None:
        """Go away at once, as in an outage; calls that hang are cut off."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(STOP_SECONDS)
