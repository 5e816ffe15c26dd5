"""Dialogues that are shown on pages of ours (a chat, a form): what such a channel needs of the store.

What we say becomes a line: lines of a dialogue count from 1, and whoever has seen one can ask for those after it. So a
page that was away for a while, or is open in several places, misses nothing and shows nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

from connectors.base import Connector
from schemas.dialogue_rows import DialogueLine, FormLink, OwnWords

Hint = Callable[[str | None], None]
"""Hears the digest of a dialogue with a new line; None: hints may have been missed, look yourself."""


class Dialogues(Protocol):
    """All dialogues; a digest is that of `thread.conversation`. Satisfied in `daemon`. All raise `LaterError`."""

    async def say(
        self, digest: str, *, echo: str, body: str, files: Sequence[Mapping[str, Any]]
    ) -> tuple[int, datetime]:
        """Keep what we say; give its number and time. The same `echo` again is the same line."""
        ...

    async def after(self, digest: str, line: int, *, most: int) -> Sequence[DialogueLine]:
        """Read what came after a line, the oldest first."""
        ...

    async def last(self, digest: str, *, most: int) -> Sequence[DialogueLine]:
        """Read the newest lines, the oldest of them first."""
        ...

    async def own(self, digest: str, *, most: int) -> Sequence[OwnWords]:
        """Read the newest of what the person said, the oldest of them first; what is not routed yet is left out."""
        ...

    async def line(self, digest: str, line: int) -> DialogueLine | None:
        """Read one line."""
        ...

    async def ticket(self, digest: str) -> str | None:
        """Give the number of the ticket on which a dialogue goes on; None while its first message is not routed."""
        ...

    async def age(self, digest: str) -> timedelta | None:
        """Tell how long ago the person's first words came; None while they are not routed, or no longer kept."""
        ...

    async def standing(self, digests: Sequence[str]) -> Mapping[str, int]:
        """Say how many lines these have; those without any are left out."""
        ...

    async def file(self, sha256: str) -> bytes:
        """Read a file's bytes."""
        ...

    async def link(self, account: str, link_id: str) -> FormLink | None:
        """Read a link to a form of an account."""
        ...

    def listen(self, hint: Hint) -> None:
        """Call `hint` from now on, in the running loop. It must not wait."""


@runtime_checkable
class GivesLinks(Connector, Protocol):
    """People come to it by links that operators make and revoke (`FormLink`)."""

    def link_path(self, link_id: str) -> str:
        """Give the path of a link under the account's routes, signed: `/f/...`."""
        ...


@runtime_checkable
class Paged(Connector, Protocol):
    """Its dialogues are shown on pages of ours."""

    def use(self, dialogues: Dialogues) -> None:
        """Take the dialogues; called once, before anything else is asked of it."""
        ...
