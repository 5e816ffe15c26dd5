"""A message that an old desk shall answer: its raw bytes, sent on by the account that got them."""

from collections.abc import Mapping

from connectors.mail.resend import NotResentError, resend
from router.sending import CannotRenderError
from schemas.message import Party
from schemas.outbound_rows import DueSend
from ticket_store.blobs_local import LocalBlobStore


class Forwarding:
    """Makes the bytes that go on. `desks` gives the address from which each account writes."""

    def __init__(self, *, desks: Mapping[str, Party], blobs: LocalBlobStore) -> None:
        self._desks = desks
        self._blobs = blobs

    def sender(self, send: DueSend) -> str:
        """Give who sends it on, and gets what comes back. Raises `CannotRenderError`."""
        desk = self._desks.get(send.account)
        if desk is None:
            raise CannotRenderError(f"account {send.account!r} is not in the settings, so nobody can send it on")
        return desk.address

    async def render(self, send: DueSend) -> bytes:
        """Make the same bytes for the same message. Raises `CannotRenderError`, `OSError` when its raw is not there."""
        sender = self.sender(send)
        raw = await self._blobs.get(send.raw_sha256 or "")
        try:
            return resend(
                raw,
                sender=sender,
                to=str(send.recipients[0]["address"]),
                resent_id=f"forward.{send.message_id}@{sender.rpartition('@')[2]}",
                at=send.created_at,
            )
        except NotResentError as error:
            raise CannotRenderError(str(error)) from error
