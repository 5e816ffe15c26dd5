"""Sends the files of a part one by one, after Telegram refused them together: it does not say which of them it meant.

A call with several files is refused as a whole, and with it the words under them. So what can arrive arrives alone, the
words with the first file that does, or by themselves. Once something has arrived the part cannot be repeated, so a
pause that Telegram asks for is waited for, within bounds; what does not go even so is named as refused.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from connectors.sending import (
    ChannelDownError,
    ChatFile,
    GoneError,
    Part,
    SendError,
    SendFailedError,
    SendLaterError,
    Sent,
)
from connectors.telegram.calls import BotApi
from connectors.telegram.sender import send
from connectors.telegram.splitting import method_of

MOST_PAUSES: Final = timedelta(seconds=5)
"""Waited in all for the pieces of one part: others wait behind it, and a stop gives what is under way seven seconds."""
LEAST_PAUSE: Final = timedelta(seconds=1)


async def send_what_arrives(api: BotApi, part: Part, contents: Sequence[bytes]) -> Sent:
    """Send a part; where its files are refused, send what Telegram takes of it. Raises what `Sender.send` says."""
    try:
        return await send(api, part, contents)
    except GoneError:
        raise
    except SendFailedError as error:
        if not part.album and (part.file is None or not part.payload.get("caption")):
            raise
        why = error
    pieces = _Pieces(api, part)
    if part.file is not None:
        pieces.refused.append(_named(part.file, why))
    for file, content in zip(part.album, contents if part.album else (), strict=True):
        await pieces.send({"method": method_of(file)}, file, [content])
    if not pieces.arrived and part.payload.get("caption"):
        await pieces.send({"method": "sendMessage", "text": part.payload["caption"]}, None, [])
    if not pieces.arrived:
        raise why
    return pieces.together()


class _Pieces:
    """What has arrived of a part, and what was refused."""

    def __init__(self, api: BotApi, part: Part) -> None:
        self._api = api
        self._part = part
        self.arrived: list[Sent] = []
        self.refused: list[str] = []
        self._patience = MOST_PAUSES
        self._pause: timedelta | None = None
        self._is_over = False

    async def send(self, payload: Mapping[str, Any], file: ChatFile | None, content: Sequence[bytes]) -> None:
        """Send one. What holds it up in the middle must not bring what arrived a second time."""
        if self._is_over:
            self.refused.extend([f"{file.name[:120]}: not sent any more"] if file is not None else [])
            return
        piece = replace(self._part, payload={**payload, **self._words(file)}, file=file, album=())
        try:
            self.arrived.append(await self._patiently(piece, content))
        except GoneError:
            raise
        except SendFailedError as error:
            if file is not None:
                self.refused.append(_named(file, error))
        except (SendLaterError, ChannelDownError) as error:
            if not self.arrived:
                raise self._with_doubt(file, error) from None
            self._end(file, error)

    def together(self) -> Sent:
        """Give all that arrived as one answer."""
        first, *others = self.arrived
        also = [*first.also, *(one.platform_id for one in others if one.platform_id)]
        return replace(first, also=tuple(also), refused=tuple(self.refused), pause=self._pause)

    async def _patiently(self, piece: Part, content: Sequence[bytes]) -> Sent:
        """Send one; a pause is waited for once something has arrived, else it is left to the next attempt."""
        while True:
            try:
                return await send(self._api, piece, content)
            except SendLaterError as error:
                if error.unsure or error.after is None or not self.arrived:
                    raise
                pause = max(error.after, LEAST_PAUSE)
                if pause > self._patience:
                    raise
                self._patience -= pause
                await asyncio.sleep(pause.total_seconds())

    def _with_doubt(self, file: ChatFile | None, error: SendError) -> SendError:
        """Name the file that may have arrived, where nobody knows and nothing is sent again."""
        if file is None or not isinstance(error, SendLaterError) or not error.unsure:
            return error
        left = [*self.refused, "of the files behind it none was sent"] if len(self._part.album) > 1 else self.refused
        return SendLaterError("; ".join([f"{file.name[:120]} may have arrived: {error}", *left]), unsure=True)

    def _end(self, file: ChatFile | None, error: SendError) -> None:
        """Note that nothing more goes, and why."""
        self._is_over = True
        if isinstance(error, SendLaterError):
            self._pause = error.after
        if file is not None:
            doubt = "it may have arrived: " if isinstance(error, SendLaterError) and error.unsure else ""
            self.refused.append(f"{file.name[:120]}: {doubt}{error}")

    def _words(self, file: ChatFile | None) -> Mapping[str, Any]:
        """Give what stands with the first alone: the caption, and which message it answers."""
        names = () if self.arrived else ("answers",) if file is None else ("caption", "answers")
        return {name: self._part.payload[name] for name in names if name in self._part.payload}


def _named(file: ChatFile, error: SendFailedError) -> str:
    return f"{file.name[:120]}: {error}"
