"""Pauses between batches: as long as the work took, within bounds, and none where none is wanted."""

from router.pace import LONGEST, Pace


class Watch:
    """A timer that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pause_after(seconds: float, count: int) -> float:
    """Give the pause after a batch of so many that took so long, of at most 500."""
    watch = Watch()
    pace = Pace(limit=500, timer=watch)
    pace.begin()
    watch.now += seconds
    return round(pace.pause(count), 6)


def test_a_small_batch_is_followed_by_a_pause_as_long_as_it_took() -> None:
    assert pause_after(0.008, 3) == 0.008


def test_no_pause_is_longer_than_the_longest() -> None:
    assert pause_after(3.0, 3) == LONGEST


def test_nothing_to_do_means_no_pause_since_the_next_message_wakes_the_loop() -> None:
    assert pause_after(0.008, 0) == 0.0


def test_a_large_batch_means_no_pause_since_more_waits_already() -> None:
    assert pause_after(0.008, 250) == 0.0
    assert pause_after(0.008, 249) == 0.008
