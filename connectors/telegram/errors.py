"""What Telegram's refusals mean for a message of ours. Texts are for people and hold nothing of the message."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, TelegramError

from connectors.sending import ChannelDownError, GoneError, SendError, SendFailedError, SendLaterError
from connectors.telegram.transport import BrokenOffError, BusyError, UnreadableError

_FORBIDDEN: Final[Mapping[str, tuple[str, str]]] = {
    "bot was blocked by the user": ("blocked", "the person has blocked the bot"),
    "user is deactivated": ("gone", "the person's account does not exist any more"),
    "bot was kicked": ("denied", "the bot was removed from the group"),
    "bot is not a member": ("denied", "the bot is not in the group"),
    "bot can't initiate conversation": ("denied", "the person has not begun a conversation with the bot"),
    "bot can't send messages to bots": ("gone", "the other side is a bot"),
    "bot can't send messages to the user": ("denied", "the person takes no messages from the bot"),
}
"""What a 403 says: the state of the other side, and why."""

_GONE: Final[Mapping[str, tuple[str, str]]] = {
    "chat not found": ("gone", "the chat does not exist, or the bot may not see it"),
    "user not found": ("gone", "the person's account does not exist any more"),
    "peer_id_invalid": ("gone", "the person's account does not exist any more"),
    "input_user_deactivated": ("gone", "the person's account does not exist any more"),
    "user_is_blocked": ("blocked", "the person has blocked the bot"),
    "group chat was deactivated": ("gone", "the group does not exist any more"),
    "business_connection_invalid": ("gone", "the business account is not connected any more"),
    "business connection not found": ("gone", "the business account is not connected any more"),
    "business_peer_invalid": ("denied", "the business account may not write to the person now"),
    "chat_write_forbidden": ("denied", "the bot may not write into the group"),
}
"""400s that are final for the other side, not only for this message."""

_STRANGE: Final = re.compile(r"[^A-Za-z0-9 _.,:()'/-]+")


def send_error(error: TelegramError) -> SendError:
    """Say what an error of a call means for the part that was sent."""
    if isinstance(error, Forbidden):
        return _forbidden(str(error))
    return _bad_request(str(error)) if isinstance(error, BadRequest) else _not_now(error)


def _not_now(error: TelegramError) -> SendError:
    if isinstance(error, BusyError):
        after = None if error.seconds is None else timedelta(seconds=error.seconds)
        return SendLaterError("Telegram asks to wait", after=after)
    if isinstance(error, BrokenOffError | UnreadableError):
        return SendLaterError("Telegram's answer did not come: it may have arrived", unsure=True)
    if isinstance(error, Conflict):
        return SendLaterError("Telegram asks to wait")
    token = isinstance(error, InvalidToken)
    return ChannelDownError("Telegram does not accept the bot's token" if token else "Telegram cannot be reached")


def is_gone_file(error: BadRequest) -> bool:
    """Say whether Telegram will never hand out a file."""
    said = str(error).lower()
    return "too big" in said or "invalid file" in said or "wrong remote file" in said


def _forbidden(said: str) -> GoneError:
    state, reason = _known(_FORBIDDEN, said) or ("denied", f"Telegram forbids it: {harmless(said)}")
    return GoneError(state, reason, code="403")


def _bad_request(said: str) -> SendFailedError:
    known = _known(_GONE, said)
    if known is not None:
        return GoneError(*known, code="400")
    return SendFailedError(f"Telegram refused it: {harmless(said)}", code="400")


def _known(table: Mapping[str, tuple[str, str]], said: str) -> tuple[str, str] | None:
    return next((found for key, found in table.items() if key in said.lower()), None)


def harmless(said: str) -> str:
    """Give Telegram's own words; what could be somebody's (other letters, a long text) is cut."""
    return _STRANGE.sub(" ", said)[:100].strip()
