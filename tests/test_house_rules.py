"""The house rules, held over the whole tree. What must stay as it is has a reason in `waivers.toml`."""

import math
import re
import tomllib
from collections.abc import Iterable
from functools import cache

import pytest
from house_rules import (
    USUAL_FUNCTION_LINES,
    Finding,
    Rule,
    clock,
    docstring,
    file_lines,
    function_lines,
    functions,
    length,
    metric,
    sentence_name,
    silencer,
    sql,
)
from house_text import foreign_words, migration, named_statement, statements
from house_tree import ROOT, Source, files, room_sources, shown, sources

WAIVERS = tomllib.loads((ROOT / "tests" / "waivers.toml").read_text(encoding="utf-8"))["waiver"]
METRICS_MODULE = "daemon/metrics.py"
OWN_CLOCKS = {"daemon", "doubles"}
"""The program, and the doubles: a platform is another machine, with a clock of its own."""


def found_by(rule: Rule, where: Iterable[Source]) -> list[Finding]:
    return sorted(finding for source in where for finding in rule(source))


def clock_findings() -> list[Finding]:
    return found_by(clock, (source for source in room_sources() if source.room not in OWN_CLOCKS))


def sql_findings() -> list[Finding]:
    return found_by(sql, room_sources())


def metric_findings() -> list[Finding]:
    return found_by(metric, (source for source in room_sources() if source.where != METRICS_MODULE))


def file_findings() -> list[Finding]:
    return found_by(file_lines, sources())


def function_findings() -> list[Finding]:
    return found_by(function_lines, sources())


def silencer_findings() -> list[Finding]:
    return found_by(silencer, sources())


def docstring_findings() -> list[Finding]:
    return found_by(docstring, room_sources())


def name_findings() -> list[Finding]:
    return found_by(
        sentence_name, (source for source in sources() if source.where.rpartition("/")[2].startswith("test_"))
    )


def statement_findings() -> list[Finding]:
    return sorted(f for where, text in sql_files("sql").items() for f in named_statement(where, text))


def unused_findings() -> list[Finding]:
    """A statement that no module names by a string of its own is dead."""
    strings = {name for source in room_sources() for name in re.findall(r"""["'.](\w+)""", source.text)}
    named = ((where, name) for where, content in sql_files("sql").items() for name, _ in statements(content) if name)
    return [Finding("sql-unused", f"{where}:{name}", "is used nowhere") for where, name in named if name not in strings]


def migration_findings() -> list[Finding]:
    return sorted(f for where, text in sql_files("migrations").items() for f in migration(ROOT / where, text))


def word_findings() -> list[Finding]:
    texts = ((shown(path), path.read_text(encoding="utf-8", errors="replace")) for path in files())
    return sorted(finding for where, text in texts for finding in foreign_words(where, text))


def sql_files(folder: str) -> dict[str, str]:
    found = (path for path in files() if path.suffix == ".sql" and path.parent.name == folder)
    return {shown(path): path.read_text(encoding="utf-8") for path in found}


RULES = {
    "clock": clock_findings,
    "sql": sql_findings,
    "metric": metric_findings,
    "file-lines": file_findings,
    "function-lines": function_findings,
    "silencer": silencer_findings,
    "docstring": docstring_findings,
    "test-name": name_findings,
    "sql-name and sql-comment": statement_findings,
    "sql-unused": unused_findings,
    "migration": migration_findings,
    "foreign-word": word_findings,
}


@cache
def findings_of(rule: str) -> tuple[Finding, ...]:
    return tuple(RULES[rule]())


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps_the_rule(rule: str) -> None:
    waived = {(waiver["rule"], waiver["where"]) for waiver in WAIVERS}
    broken = [finding for finding in findings_of(rule) if (finding.rule, finding.where) not in waived]
    assert not broken, "\n".join(map(str, broken))


def test_nine_of_ten_functions_have_thirty_lines_or_fewer() -> None:
    lengths = sorted(length(node) for source in room_sources() for _, node in functions(source.tree))
    assert lengths[math.ceil(0.9 * len(lengths)) - 1] <= USUAL_FUNCTION_LINES


def test_half_of_the_functions_have_ten_lines_or_fewer() -> None:
    lengths = sorted(length(node) for source in room_sources() for _, node in functions(source.tree))
    assert lengths[len(lengths) // 2] <= 10


def test_no_waiver_is_kept_for_what_has_become_right() -> None:
    broken = {(finding.rule, finding.where) for rule in RULES for finding in findings_of(rule)}
    assert [waiver for waiver in WAIVERS if (waiver["rule"], waiver["where"]) not in broken] == []


def test_every_waiver_gives_its_reason_and_nothing_else() -> None:
    assert [waiver for waiver in WAIVERS if set(waiver) != {"rule", "where", "reason"}] == []
    assert [waiver for waiver in WAIVERS if len(waiver["reason"].split()) < 5] == []


def test_every_statement_file_lies_in_a_folder_that_the_rules_look_into() -> None:
    """Files elsewhere would escape them; the bench and the tests have none."""
    assert [shown(path) for path in files() if path.suffix == ".sql"] == sorted(
        sql_files("sql") | sql_files("migrations")
    )
