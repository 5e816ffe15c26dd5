"""Files of ours at VK: uploaded first, then named in a message. Source: VK API, "Uploading files to a message"."""

from typing import Final
from urllib.parse import urlsplit

from connectors.sending import ChatFile, SendFailedError
from connectors.tolerant import fields, items, text_of, whole
from connectors.vk.client import VkClient

PICTURES: Final = ("image/jpeg", "image/png", "image/gif")
MAX_PICTURE: Final = 50 * 1024 * 1024
HOSTS: Final = (".vk.com", ".vk.ru", ".userapi.com", ".vkuserphoto.ru", ".vkuser.net")
"""Where VK lets files be uploaded and keeps them."""


async def upload(client: VkClient, file: ChatFile, content: bytes, *, peer: str, own_server: str) -> str:
    """Upload a file for one conversation and give its name in messages. Raises the errors of `connectors.sending`."""
    is_picture = file.content_type in PICTURES and file.size <= MAX_PICTURE
    step = _picture if is_picture else _document
    return await step(client, file, content, peer, own_server)


async def _picture(client: VkClient, file: ChatFile, content: bytes, peer: str, own_server: str) -> str:
    server = fields(await client.call("photos.getMessagesUploadServer", {"peer_id": peer}))
    place = _allowed(server.get("upload_url"), own_server)
    sent = await client.request("POST", place, files={"photo": (file.name, content, file.content_type)})
    parameters = {name: text_of(sent.get(name)) for name in ("photo", "server", "hash")}
    return _named("photo", items(await client.call("photos.saveMessagesPhoto", parameters), 1))


async def _document(client: VkClient, file: ChatFile, content: bytes, peer: str, own_server: str) -> str:
    parameters = {"peer_id": peer, "type": "doc"}
    server = fields(await client.call("docs.getMessagesUploadServer", parameters))
    place = _allowed(server.get("upload_url"), own_server)
    sent = await client.request("POST", place, files={"file": (file.name, content, file.content_type)})
    if not text_of(sent.get("file")):
        raise SendFailedError("VK did not take the file")
    saved = fields(await client.call("docs.save", {"file": text_of(sent.get("file")), "title": file.name}))
    return _named("doc", [saved.get("doc")])


def _named(kind: str, found: list[object]) -> str:
    item = fields(found[0] if found else None)
    owner, number = item.get("owner_id"), whole(item.get("id"))
    if not isinstance(owner, int) or number is None:
        raise SendFailedError("VK did not keep the file")
    key = text_of(item.get("access_key"), 64)
    return f"{kind}{owner}_{number}" + (f"_{key}" if key else "")


def _allowed(url: object, own_server: str) -> str:
    """Upload only where VK keeps files; a stray address would get our customers' documents."""
    place = text_of(url, 4000)
    parts = urlsplit(place)
    host = parts.hostname or ""
    is_vks = parts.scheme == "https" and any(host.endswith(tail) for tail in HOSTS)
    if not is_vks and not (own_server and place.startswith(f"{own_server}/")):
        raise SendFailedError("VK named a place for uploads that is not VK's")
    return place
