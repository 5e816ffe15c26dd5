"""Sends parts, and says where files lie."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from telegram import InputFile, InputMediaDocument, InputMediaPhoto
from telegram.error import BadRequest, ChatMigrated, TelegramError

from connectors import tolerant
from connectors.sending import Part, Remote, SendError, SendFailedError, SendLaterError, Sent
from connectors.telegram.calls import BotApi
from connectors.telegram.errors import is_gone_file, send_error
from connectors.telegram.ids import Address, read_address
from connectors.telegram.shapes import Json, number, raw_text
from connectors.telegram.splitting import ALBUM
from schemas.base import MAX_FILE_BYTES

_FIELDS: Final = {"sendPhoto": "photo", "sendDocument": "document"}
_MEDIA: Final = {"photo": InputMediaPhoto, "document": InputMediaDocument}
_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]{0,254}")
_HOSTS: Final = ("api.telegram.org",)


async def send(api: BotApi, part: Part, contents: Sequence[bytes]) -> Sent:
    """Send one part; a group that has moved is followed at once. Raises what `Sender.send` says."""
    address = read_address(part.to)
    if address is None:
        raise SendFailedError("this is no chat of Telegram")
    try:
        return _sent(await _call(api, part, contents, address))
    except ChatMigrated as error:
        moved = error.new_chat_id
    except TelegramError as error:
        problem = send_error(error)
        raise problem from None
    return await _send_to(api, part, contents, moved)


async def locate(api: BotApi, file_id: str) -> Remote:
    """Say where a file lies. Raises `SendLaterError` and `SendFailedError`."""
    problem: SendError | None = None
    try:
        found = await api.call("getFile", {"file_id": file_id})
    except BadRequest as error:
        problem = _no_file(error)
    except TelegramError as error:
        problem = SendLaterError(f"Telegram cannot be asked now ({type(error).__name__})")
    if problem is not None:
        raise problem
    return _remote(api, found if isinstance(found, dict) else {})


async def _send_to(api: BotApi, part: Part, contents: Sequence[bytes], chat: int) -> Sent:
    try:
        found = _sent(await _call(api, part, contents, Address(chat=chat)))
    except TelegramError as error:
        problem = send_error(error)
        raise problem from None
    return Sent(platform_id=found.platform_id, at=found.at, moved_to=str(chat), also=found.also)


async def _call(api: BotApi, part: Part, contents: Sequence[bytes], address: Address) -> object:
    method = str(part.payload.get("method"))
    data = {**_where(address), **_what(part.payload)}
    named = list(part.album) or ([part.file] if part.file is not None else [])
    if not named:
        return await api.call(method, data)
    if len(contents) != len(named):
        raise SendLaterError("the file's bytes are not there")
    files = [
        InputFile(content, filename=file.name or "file", attach=bool(part.album))
        for file, content in zip(named, contents, strict=True)
    ]
    kind = str(part.payload.get("kind")) if part.album else _FIELDS[method]
    upload = _album if part.album else _single
    try:
        return await upload(api, kind, data, files)
    except BadRequest as error:
        if kind != "photo" or not _is_about_the_picture(error):
            raise
    return await upload(api, "document", data, files)


async def _single(api: BotApi, kind: str, data: Mapping[str, Any], files: Sequence[InputFile]) -> object:
    method = next(method for method, field in _FIELDS.items() if field == kind)
    return await api.call(method, data, files={kind: files[0]})


async def _album(api: BotApi, kind: str, data: Mapping[str, Any], files: Sequence[InputFile]) -> object:
    """Send several files; a caption stands with the first, where clients show it under the whole album."""
    caption = data.get("caption")
    media = [_MEDIA[kind](media=file, caption=caption if number == 0 else None) for number, file in enumerate(files)]
    asked = {name: value for name, value in data.items() if name != "caption"}
    return await api.call(ALBUM, {**asked, "media": media})


def _where(address: Address) -> Mapping[str, Any]:
    return {
        "chat_id": address.chat,
        "message_thread_id": address.topic,
        "direct_messages_topic_id": address.direct,
        "business_connection_id": address.connection or None,
    }


def _what(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    answers = payload.get("answers")
    reply = {"message_id": answers, "allow_sending_without_reply": True} if answers else None
    if "text" not in payload:
        return {"caption": payload.get("caption"), "reply_parameters": reply}
    return {"text": payload["text"], "link_preview_options": {"is_disabled": True}, "reply_parameters": reply}


def _is_about_the_picture(error: BadRequest) -> bool:
    said = str(error).lower()
    return "photo_" in said or "image_process" in said or "invalid_dimensions" in said


def _sent(found: object) -> Sent:
    """Read what Telegram answered: a message, or those of an album. What has no readable id is sent all the same."""
    messages: list[Json] = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    ids = [str(one) for message in messages if (one := number(message, "message_id")) is not None]
    at = tolerant.moment(messages[0].get("date")) if messages else None
    return Sent(platform_id=ids[0] if ids else "", at=at, also=tuple(ids[1:]))


def _no_file(error: BadRequest) -> SendError:
    if "too big" in str(error).lower():
        return SendFailedError(f"it is larger than Telegram hands out to bots (limit {MAX_FILE_BYTES} bytes)")
    if is_gone_file(error):
        return SendFailedError("Telegram does not know the file any more")
    return SendLaterError("Telegram cannot hand out the file now")


def _remote(api: BotApi, found: Json) -> Remote:
    path, size = raw_text(found, "file_path"), number(found, "file_size")
    if size is not None and size > MAX_FILE_BYTES:
        raise SendFailedError(f"it has {size} bytes (limit {MAX_FILE_BYTES})")
    if not path:
        raise SendLaterError("Telegram has not prepared the file yet")
    if _PATH.fullmatch(path) is None or ".." in path or "//" in path:
        raise SendFailedError("Telegram names a place that is none of its files")
    return Remote(url=api.file_url(path), hosts=_HOSTS, base_url="" if api.is_official else api.base_url)
