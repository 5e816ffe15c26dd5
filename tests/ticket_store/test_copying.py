"""What COPY writes in binary is of exactly the types that the columns have."""

import re
import struct

import pytest
from routing_lab import open_lab

from ticket_store.copying import BINARY, ExactIntDumper, WrittenJsonDumper
from ticket_store.statements import statement

TYPES = """
select t.typname from unnest(%(columns)s::text[]) with ordinality as c (name, place)
join pg_attribute a on a.attrelid = %(relation)s::regclass and a.attname = c.name
join pg_type t on t.oid = a.atttypid order by c.place
"""


async def test_the_types_of_binary_copies_are_those_of_the_columns(database: str) -> None:
    async with open_lab(database) as lab, lab.pool.connection() as connection:
        for name, types in BINARY.items():
            found = re.search(
                r"copy (\w+) \(([^)]+)\)\s+from stdin \(format binary\)", statement("routing_write", name)
            )
            assert found is not None
            columns = [column.strip().strip('"') for column in found[2].split(",")]
            cursor = await connection.execute(TYPES, {"columns": columns, "relation": found[1]})
            assert [row[0] for row in await cursor.fetchall()] == list(types)


def test_a_number_that_is_too_large_for_its_column_is_refused_and_not_cut() -> None:
    assert ExactIntDumper(int).dump(-7) == struct.pack("!i", -7)
    with pytest.raises(struct.error):
        ExactIntDumper(int).dump(2**31)


def test_json_that_is_written_goes_as_it_is() -> None:
    assert WrittenJsonDumper(str).dump('{"a": "ü"}') == b'\x01{"a": "\xc3\xbc"}'
