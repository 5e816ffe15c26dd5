"""Each house rule finds the breach it is there for, and leaves alone what looks like one."""

from pathlib import Path

import house_text
import pytest
from house_rules import (
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
from house_tree import Source

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 60
LONG_METHOD = "class A:\n    class B:\n        def f(self):\n" + "            x = 1\n" * 60
MODULE = '"""A module of the router."""\n'
CLASS = MODULE + 'class A:\n    """Of many."""\n'
HIDDEN = "# no" + "qa"
IGNORED = "# type: ign" + "ore"

BREACHES: list[tuple[str, Rule, str]] = [
    ("a clock that is asked", clock, "from datetime import datetime\nx = datetime.now()"),
    ("a clock of the module", clock, "import datetime\nx = datetime.datetime.now(datetime.UTC)"),
    ("a clock that is handed on", clock, "import time\nstart(clock=time.time)"),
    ("a clock that is imported", clock, "from time import time"),
    ("today", clock, "from datetime import date\nx = date.today()"),
    ("a select", sql, 'run("select 1")'),
    ("an update in an f-string", sql, 'run(f"update tickets set {x}")'),
    ("a statement with a line break in front", sql, 'run("""\n   INSERT INTO t values (1)""")'),
    ("a common table expression", sql, 'run("with found as (select 1) select * from found")'),
    ("bytes", sql, 'run(b"copy tickets from stdin")'),
    ("a listen", sql, 'run("listen inbound")'),
    ("a setting", sql, "run(\"set local lock_timeout = '1s'\")"),
    ("a metric by name", metric, "from prometheus_client import Counter"),
    ("a metric by module", metric, "import prometheus_client\nx = prometheus_client.Gauge('a', 'b')"),
    ("a long file", file_lines, "x = 1\n" * 300),
    ("a long function", function_lines, LONG_FUNCTION),
    ("a long method of an inner class", function_lines, LONG_METHOD),
    ("a silencer without a code", silencer, f"x = 1  {HIDDEN}"),
    ("a silencer without a reason", silencer, f"x = 1  {HIDDEN}: S105"),
    ("a silencer with a dash for a reason", silencer, f"x = 1  {HIDDEN}: S105 -"),
    ("a silenced file", silencer, "# ruff: no" + "qa"),
    ("an ignore without a code", silencer, f"x = 1  {IGNORED}"),
    ("an ignore without a reason", silencer, f"x = 1  {IGNORED}[arg-type]"),
    ("a missing docstring", docstring, '"""A module of the router."""\ndef decide(): ...'),
    ("a docstring that is the name", docstring, MODULE + 'def load_view():\n    """Load the view."""'),
    ("a method's docstring that is the name", docstring, CLASS + '    def close_it(self):\n        """Close it."""'),
    ("a module's docstring that is its name", docstring, '"""The worker."""'),
    ("a test without a sentence", sentence_name, "def test_it(): ..."),
    ("a test method without a sentence", sentence_name, "class TestA:\n    def test_two_words(self): ..."),
]  # fmt: skip

INNOCENT: list[tuple[str, Rule, str]] = [
    ("a duration", clock, "import time\nx = time.monotonic()"),
    ("another thing's now", clock, "x = self.clock.now()"),
    ("a docstring that begins with select", sql, 'def f():\n    """Select the nearest."""'),
    ("a name of a statement", sql, 'run(statement("tickets", "select_open"))'),
    ("words for people", sql, 'fail("update the settings: set the port")'),
    ("a uuencoded file's first word", sql, 'line.startswith(b"begin")'),
    ("a counter of the standard library", metric, "from collections import Counter"),
    ("a file of 299 lines", file_lines, "x = 1\n" * 299),
    ("a function of 60 lines", function_lines, "def f():\n" + "    x = 1\n" * 59),
    ("a silencer with its reason", silencer, f"x = 1  {HIDDEN}: S105 - an authentication result"),
    ("a silenced file with code and reason", silencer, f"# ruff: {HIDDEN[2:]}: RUF001 - patterns in other scripts"),
    ("an ignore with its reason", silencer, f"x = 1  {IGNORED}[arg-type]  # the stub is wrong"),
    ("a silencer in a string", silencer, f'x = "{HIDDEN}"'),
    ("a private function", docstring, '"""A module of the router."""\ndef _f(): ...'),
    ("a property of a protocol", docstring, CLASS + "    @property\n    def key(self): ..."),
    ("a docstring that says more", docstring, '"""A module."""\ndef decide():\n    """Choose a ticket, or none."""'),
    ("a name of three words", sentence_name, "def test_mail_is_held(): ..."),
    ("a helper", sentence_name, "def sent(): ..."),
]


@pytest.mark.parametrize(("rule", "text"), [case[1:] for case in BREACHES], ids=[case[0] for case in BREACHES])
def test_a_breach_is_found(rule: Rule, text: str) -> None:
    assert list(rule(Source(where="router/worker.py", text=text)))


@pytest.mark.parametrize(("rule", "text"), [case[1:] for case in INNOCENT], ids=[case[0] for case in INNOCENT])
def test_what_only_looks_like_a_breach_is_left_alone(rule: Rule, text: str) -> None:
    assert not list(rule(Source(where="router/worker.py", text=text)))


def test_the_length_of_a_function_leaves_out_its_docstring_and_decorators() -> None:
    tree = Source(where="a.py", text='@x\ndef f():\n    """One.\n\n    Two.\n    """\n    return 1\n').tree
    assert [length(node) for _, node in functions(tree)] == [2]


GOOD_SQL = "-- name: open_tickets\n-- Gives the open tickets of one account.\nselect 1;\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("select 1;\n", "stands before the first name"),
        ("-- name: Bad Name\n-- Says what it does.\nselect 1;\n", "is no name"),
        ("-- name: open_tickets\nselect 1;\n", "has no comment line"),
        ("-- name: open_tickets\n-- Gives.\nselect 1;\n", "has no comment line"),
        ("-- name: open_tickets\n-- Gives the open tickets.\n-- And more.\nselect 1;\n", "more than one comment"),
        ("-- name: open_tickets\n-- Gives the open tickets.\n", "has no statement"),
    ],
)
def test_an_sql_file_that_breaks_a_rule_is_found(text: str, what: str) -> None:
    (finding,) = house_text.named_statement("bus/sql/log.sql", text)
    assert what in finding.what


def test_a_good_sql_file_is_left_alone() -> None:
    assert not list(house_text.named_statement("bus/sql/log.sql", GOOD_SQL + "\n" + GOOD_SQL))


def test_a_migration_without_number_or_comment_is_found() -> None:
    assert list(house_text.migration(Path("initial.sql"), "-- The tables of the log.\n"))
    assert list(house_text.migration(Path("0001_initial.sql"), "create table t ();\n"))
    assert not list(house_text.migration(Path("0001_initial.sql"), "-- The tables of the log.\n"))


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("docs/a.md", "see {0}root{0}switchboard"),
        ("deploy/a.toml", 'path = "{0}home{0}somebody"'),
        ("docs/a.md", "from https://files.{1}hosted.org/packages"),
        ("docs/a.md", "see ..{0}shared{0}corpus"),
    ],
)
def test_a_foreign_word_is_found(where: str, line: str) -> None:
    assert list(house_text.foreign_words(where, line.format("/", "python")))


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("tests/test_a.py", 'ROOT / "..{0}shared{0}corpus"'),
        ("docs/a.md", "kept under {0}var{0}lib{0}switchboard"),
        ("docs/a.md", "https://example.org{0}home{0}page"),
        ("docs/a.md", "the homework{0}works"),
    ],
)
def test_a_word_that_is_ours_is_left_alone(where: str, line: str) -> None:
    assert not list(house_text.foreign_words(where, line.format("/")))
