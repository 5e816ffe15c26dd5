"""A record that the router failed on, as it is read to be tried again."""

from typing import NamedTuple


class StoredDeadLetter(NamedTuple):
    """A dead letter to be tried again; `headers` are pairs of name and base64."""

    id: int
    topic: str
    partition: int
    offset: int
    value: bytes
    headers: list[list[str]]
