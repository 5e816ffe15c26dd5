"""Sampled stacks are counted for the innermost function of ours, or for the library where none of ours is at work."""

from bench.stacks import place, shares

OURS = "process 12:switchboard run;run (asyncio/runners.py:118);decide (router/decide.py:40);sha256 (hashlib.py:9)"
LIBRARY = "process 12:switchboard run;run (asyncio/runners.py:118);encode (json/encoder.py:468)"
IDLE = "process 12:switchboard run;run (asyncio/runners.py:118);select (selectors.py:468)"


def test_a_stack_counts_for_the_innermost_function_of_ours() -> None:
    assert place(OURS.split(";")) == "router/decide.py: decide"


def test_a_path_in_front_of_the_room_is_left_out() -> None:
    assert place(["store (srv/switchboard/bus/postgres_append.py:7)"]) == "bus/postgres_append.py: store"


def test_a_library_that_has_a_folder_like_a_room_is_not_ours() -> None:
    assert place(["f (lib/site-packages/somebody/router/decide.py:1)"]).startswith("lib/site-packages")


def test_a_stack_without_ours_counts_for_its_innermost_file() -> None:
    assert place(LIBRARY.split(";")) == "json/encoder.py"


def test_shares_are_of_samples_at_work_and_the_largest_stands_first() -> None:
    found = shares(f"{LIBRARY} 1\n{OURS} 3\n{IDLE} 9\nbroken line\n")
    assert list(found.items()) == [("router/decide.py: decide", 0.75), ("json/encoder.py", 0.25)]
