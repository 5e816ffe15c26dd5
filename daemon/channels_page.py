"""Writes `docs/channels.md`, the page of all channels and their quality, from their folders.

    python -m daemon.channels_page

A test holds the page to the folders.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from daemon.channels import channels
from daemon.quality import RULES, qualities, summary

PAGE: Final = Path(__file__).parents[1] / "docs" / "channels.md"
_MARKS: Final = {"done": "✓", "todo": "to do", "exempt": "no"}
_BEGIN: Final = """\
# Channels

Every channel that Switchboard has, and how far it is. This page is made from `connectors/*/quality.toml` by
`python -m daemon.channels_page`: do not edit it by hand. What a channel must do:
[connector specification](specs/connector.md). How to add one: [how-to](how-to/add-a-channel.md).

✓ done; no: it cannot be, and the reason stands below; to do: what is missing stands below.
"""


def page() -> str:
    """Give the whole page."""
    return "\n".join([_BEGIN, *_table(), "", *_reasons()]).rstrip("\n") + "\n"


def _table() -> Iterator[str]:
    names = list(channels())
    yield f"| rule | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for rule, meaning in RULES.items():
        marks = " | ".join(_MARKS[qualities()[name][rule].state] for name in names)
        yield f"| **{rule}**: {meaning} | {marks} |"


def _reasons() -> Iterator[str]:
    for name, channel in channels().items():
        found = qualities()[name]
        yield from (f"## {name}", "", f"{channel.title} {summary(found).capitalize()}.", "")
        open_ = [(rule, one) for rule, one in found.items() if one.state != "done"]
        yield from (f"- {rule} ({'to do' if one.state == 'todo' else 'exempt'}): {one.why}" for rule, one in open_)
        if open_:
            yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
