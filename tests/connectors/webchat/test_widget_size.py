"""The widget is small: a shop's page loads it for everybody, whoever may chat or not."""

import gzip
from pathlib import Path
from typing import Final

import connectors.webchat.channel as webchat

MOST_BYTES: Final = 15_000
"""What it may have gzipped, at level 9."""


def test_the_widget_has_less_than_15_kb_gzipped() -> None:
    widget = Path(webchat.__file__).with_name("widget.js").read_bytes()
    assert 1000 < len(gzip.compress(widget, 9)) < MOST_BYTES
