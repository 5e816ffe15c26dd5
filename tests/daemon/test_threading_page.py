"""The page on threading names every policy, with the default that the settings have."""

import re
from collections.abc import Mapping
from enum import Enum

import pytest
from house_tree import ROOT
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.settings import PolicySettings
from daemon.settings_legacy import LegacySettings
from daemon.settings_staff import StaffSettings
from router.decide import RULES
from router.gates import GATES

PAGE = (ROOT / "docs" / "threading.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| ", re.MULTILINE)
HOW_IT_IS_KNOWN = {"tz", "id_domains", "id_patterns", "subject_patterns", "addresses", "accounts", "url", "forward_to"}
"""Keys of an old desk that say how its mail is recognised; docs/how-to/move-from-another-desk.md tells of them."""


def rows(table: str) -> Mapping[str, str]:
    """Give key and default of every row below the mention of a table."""
    _, _, rest = PAGE.partition(f"in `[{table}]`:\n")
    assert rest, table
    return dict(ROW.findall(rest.strip().split("\n\n")[0]))


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if value == ():
        return "none"
    return f"`{value.value if isinstance(value, Enum) else f'{value:g}'}`"


@pytest.mark.parametrize(
    ("table", "model", "told_elsewhere"),
    [
        ("accounts.NAME.policy", PolicySettings, set()),
        ("staff", StaffSettings, set()),
        ("legacy.NAME", LegacySettings, HOW_IT_IS_KNOWN),
    ],
)
def test_the_page_tells_every_policy_with_its_default(
    table: str, model: type[BaseModel], told_elsewhere: set[str]
) -> None:
    fields = {name: default(field) for name, field in model.model_fields.items() if name not in told_elsewhere}
    assert rows(table) == fields


def test_the_page_has_a_row_for_every_rule_and_every_gate_of_the_reference() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \| ", PAGE, flags=re.MULTILINE)]
    assert numbers == [*range(1, 12), *range(1, 9)]
    assert len(RULES) >= 11
    assert len(GATES) >= 7
