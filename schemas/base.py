"""What every wire model shares, and the limits that all of them keep (docs/architecture.md, "Limits")."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict

MAX_FILE_BYTES = 20 * 1024 * 1024
"""One attachment, decoded, in bytes; a larger one is refused and its message kept."""

MAX_INLINE_TEXT_BYTES = 128 * 1024
"""Text or HTML inside a record, in bytes of UTF-8; the rest goes to the blob store."""

MAX_FILES = 100
"""Attachments a message; the rest are refused like files that are too large."""

MAX_QUOTED_IDS = 100
"""Ids taken from References: the first 50 and the last 50."""

MAX_INTEGER = 2**53 - 1
"""The largest number that every reader of JSON holds exactly (RFC 8259, section 6)."""


_set: Final = object.__setattr__
"""What a frozen model leaves to set its parts by."""


class Wire(BaseModel):  # noqa: PLW1641 - pydantic gives frozen models a hash of their fields
    """A frozen model that travels. Unknown keys are ignored, so that a reader survives a newer minor version."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64", val_json_bytes="base64")

    @classmethod
    def complete(cls, **fields: object) -> Self:
        """Make one of values that are right. Nothing is checked or filled in: give all fields, in the model's order.

        A tenth of the time of `model_construct`, which looks for names and defaults.
        """
        made = cls.__new__(cls)
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_fields_set__", set(fields))
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made

    def __eq__(self, other: object) -> bool:
        """Compare fields; there is nothing else in these models. Asked for every default that is left out of JSON."""
        return type(self) is type(other) and self.__dict__ == other.__dict__
