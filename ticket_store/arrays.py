"""Lists as binary arrays, made in one go.

psycopg's own way asks item by item, and as text every octet of a digest becomes two. A batch of the router sends some
twenty items a message.
"""

import struct
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap
from psycopg.types.array import ListBinaryDumper

from ticket_store.copying import exact_types

NULL: Final = b"\xff\xff\xff\xff"
TEXT: Final = 25
"""Its oid; what psycopg leaves open is text."""
_head = struct.Struct("!IIIII").pack
"""Dimensions, whether there are nulls, oid of the items, length of the dimension, its lower bound."""
_length = struct.Struct("!i").pack


class ArrayDumper(ListBinaryDumper):
    """Dumps flat lists quickly; what is empty or nested goes psycopg's way."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        """Give the array as PostgreSQL reads it (its `array_recv`)."""
        sub = self.sub_dumper
        if not obj or sub is None or isinstance(obj[0], list):
            return super().dump(obj)
        parts: list[Buffer] = [b""]
        for item in obj:
            dumped = item if item is None or type(item) is bytes else sub.dump(item)
            parts += (NULL,) if dumped is None else (_length(len(dumped)), dumped)
        parts[0] = _head(1, int(None in obj), sub.oid or TEXT, len(obj), 1)
        return b"".join(parts)


def with_arrays() -> AdaptersMap:
    """Give psycopg's adapters with this one for lists, and what COPY in binary needs."""
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(list, ArrayDumper)
    exact_types(adapters)
    return adapters
