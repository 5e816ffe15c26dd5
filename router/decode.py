"""Records into messages. Three ends: a message, a dead letter, or a schema that this program must not guess at."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import to_json

from schemas.message import SCHEMA_HEADER, SCHEMA_MAJOR, InboundMessage

NAME = "inbound-message/"
OURS = f"{NAME}{SCHEMA_MAJOR}.".encode()


class UnknownSchemaError(Exception):
    """The record was written by a program with a schema of another major version: stop the partition, lose nothing."""

    def __init__(self, shown: str) -> None:
        super().__init__(
            f"a record has schema {shown!r}, this program reads {NAME}{SCHEMA_MAJOR}.x: run the program that wrote it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecodable:
    """A record that is no message of ours. `reason` names fields and kinds of mistakes, never values."""

    reason: str


def decode(value: bytes, headers: Sequence[tuple[str, bytes]]) -> InboundMessage | Undecodable:
    """Decode a record. Raises `UnknownSchemaError`."""
    check_schema(headers)
    try:
        return InboundMessage.model_validate_json(value)
    except ValidationError as error:
        return Undecodable(reason=_reason(error))


def check_schema(headers: Sequence[tuple[str, bytes]]) -> None:
    """Raise `UnknownSchemaError` unless the header names our major version. No header at all is read as ours."""
    named = next((content for name, content in headers if name == SCHEMA_HEADER), None)
    if named is not None and not named.startswith(OURS):
        raise UnknownSchemaError(named.decode("ascii", "replace")[:80])


def headers_json(headers: Sequence[tuple[str, bytes]]) -> str:
    """Give headers as they stand with a dead letter: pairs of name and base64 of the value."""
    return to_json([[_storable(name), b64encode(content).decode()] for name, content in headers]).decode()


def _storable(name: str) -> str:
    """Replace what PostgreSQL refuses in text: a dead letter must never be refused itself."""
    return name.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _reason(error: ValidationError) -> str:
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)[:3]
    listed = "; ".join(f"{'.'.join(map(str, mistake['loc'])) or 'value'}: {mistake['type']}" for mistake in mistakes)
    return f"it is no inbound message: {listed}"
