"""What `keys ...` does."""

from console import tables
from daemon.asking import ask
from daemon.cli_options import print_line, print_rows
from daemon.opened import Opened
from ticket_store.listing import as_json as plain
from ticket_store.signing_keys import SigningKeyRow, read_keys, retire, rotate


def list_keys(*, as_json: bool) -> None:
    """Print the keys without their secrets."""

    async def read(store: Opened) -> list[SigningKeyRow]:
        async with store.pool.connection() as connection:
            return await read_keys(connection)

    found = ask(read)
    signing = max(key.id for key in found)
    rows = [
        {
            "id": key.id,
            "state": "retired" if key.retired else "signs" if key.id == signing else "accepted",
            "created_at": plain(key.created_at),
            "retired_at": plain(key.retired_at),
        }
        for key in found
    ]
    print_rows(rows, tables.KEYS, as_json=as_json, nothing="there is no key")


def rotate_keys() -> None:
    """Make a key."""

    async def make(store: Opened) -> SigningKeyRow:
        async with store.pool.connection() as connection:
            await read_keys(connection)
            return await rotate(connection)

    print_line(f"key {ask(make).id} signs from now on; what older keys signed is accepted until they are retired")


def retire_key(key: int) -> None:
    """Refuse a key."""

    async def refuse(store: Opened) -> None:
        async with store.pool.connection() as connection:
            await retire(connection, key)

    ask(refuse)
    print_line(f"key {key} is retired: what it signed is refused")
