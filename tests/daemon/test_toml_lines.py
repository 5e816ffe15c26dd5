import tomllib
from string import ascii_lowercase

from hypothesis import given
from hypothesis import strategies as st

from daemon.toml_lines import key_lines, line_of

EXAMPLE = '''# a comment with = and [brackets]
data_dir = "./var"  # [not.a.table]

[smtp]
host = "127.0.0.1"
banner = """
port = 1
[fake]
"""
sizes = [
  1, # ]
  2,
]
port = 2525
tls.cert = "a"

[accounts."support desk"]
addresses = ["a@b", 'c=d']

[[hooks]]
url = "x"
[[hooks]]
url = "y"
'''


def test_every_key_of_the_example_has_its_line() -> None:
    assert tomllib.loads(EXAMPLE)
    assert key_lines(EXAMPLE) == {
        ("data_dir",): 2,
        ("smtp",): 4,
        ("smtp", "host"): 5,
        ("smtp", "banner"): 6,
        ("smtp", "sizes"): 10,
        ("smtp", "port"): 14,
        ("smtp", "tls", "cert"): 15,
        ("accounts", "support desk"): 17,
        ("accounts", "support desk", "addresses"): 18,
        ("hooks", "0"): 20,
        ("hooks", "0", "url"): 21,
        ("hooks", "1"): 22,
        ("hooks", "1", "url"): 23,
    }


def test_a_missing_key_is_shown_at_its_table() -> None:
    lines = key_lines(EXAMPLE)
    assert line_of(("smtp", "nothing"), lines) == 4
    assert line_of(("nothing",), lines) is None


@given(st.text(alphabet="ab =[]{}\"'#\n\\.,1", max_size=60))
def test_no_text_stops_the_scanner(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in key_lines(text).values())


@given(st.dictionaries(st.text(ascii_lowercase, min_size=1, max_size=6), st.text(max_size=8), max_size=8))
def test_the_line_found_holds_the_key(pairs: dict[str, str]) -> None:
    rows = [f"{key} = {_basic(value)}" for key, value in pairs.items()]
    lines = key_lines("\n".join(rows))
    assert {rows[line - 1].split(" ")[0]: path[-1] for path, line in lines.items()} == {key: key for key in pairs}


def _basic(value: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" for char in value if not "\ud800" <= char <= "\udfff") + '"'
