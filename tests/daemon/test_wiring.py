"""What the daemon puts together."""

from pathlib import Path

from daemon.wiring import components

ROOT = Path(__file__).parents[2]


def test_every_room_with_migrations_is_migrated() -> None:
    assert components() == [(folder.parent.name, folder) for folder in sorted(ROOT.glob("*/migrations"))]
