"""What a channel's own routes have of the daemon (`connectors.base.RoutesDesk`), and where they are mounted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Mount

from connectors.base import Delivery, LaterError, Routes
from daemon.account_intake import AccountIntake
from daemon.body_budget import BodyBudget, CrowdedError
from schemas.message import BlobRef


class AccountRoutesDesk:
    """The desk of one account's routes. `uploads` is the room of files on their way in, one for all accounts."""

    def __init__(
        self, *, intake: AccountIntake, public_url: str, clock: Callable[[], datetime], uploads: BodyBudget
    ) -> None:
        account = intake.account
        self.url = f"{public_url.rstrip('/')}/{account.channel}/{account.name}"
        self._intake = intake
        self._clock = clock
        self._uploads = uploads

    def now(self) -> datetime:
        """Tell the time."""
        return self._clock()

    def check(self) -> None:
        """Raise `LaterError` while nothing is taken."""
        self._intake.check()

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Store them all."""
        return await self._intake.accept(deliveries)

    async def put(self, content: bytes) -> BlobRef:
        """Store a file."""
        return await self._intake.put(content)

    @contextmanager
    def hold(self) -> Iterator[Callable[[int], None]]:
        """Count a file's bytes while they are in memory. Nobody is dropped for it: who finds no room comes again."""
        with self._uploads.hold(self._intake.account.name) as held:
            self._uploads.whole(held)

            def grow(size: int) -> None:
                try:
                    self._uploads.grow(held, size)
                except CrowdedError as error:
                    self.refused("crowded")
                    raise LaterError("files of others stand in memory") from error

            yield grow

    def refused(self, reason: str) -> None:
        """Count what was not accepted."""
        self._intake.refused(reason)

    def well(self) -> None:
        """Say that all is well again."""
        self._intake.states.serve(self._intake.account, "listening")

    def trouble(self, problem: str) -> None:
        """Say what is wrong."""
        self._intake.states.trouble(self._intake.account, problem)


def mounted(routes: Mapping[str, Routes], desk: Callable[[str], AccountRoutesDesk]) -> Starlette | None:
    """Give the application with every account's routes under `/<channel>/<account>`; None when nobody has any."""
    mounts = [
        Mount(f"/{connector.account.channel}/{name}", routes=list(connector.routes(desk(name))))
        for name, connector in routes.items()
    ]
    return Starlette(routes=mounts) if mounts else None
