"""What stands in a dialogue on a page of ours, as the store keeps it and as pages are given it."""

from datetime import datetime
from typing import Any, NamedTuple


class DialogueLine(NamedTuple):
    """Something we said. Lines of a dialogue count from 1, without gaps; files: {name, content_type, size, sha256}."""

    line: int
    body: str
    files: list[dict[str, Any]]
    said_at: datetime


class OwnWords(NamedTuple):
    """Something the person at the other end said. `client_id` is the page's own name of it."""

    client_id: str
    body: str
    files: list[dict[str, Any]]
    said_at: datetime


class FormLink(NamedTuple):
    """A link to a form. Without organisation and installation it is for anybody."""

    id: str
    account: str
    label: str
    organisation: str
    installation: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Say whether people may still use it."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
