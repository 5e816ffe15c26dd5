import pytest

from daemon.listings import rows
from ticket_store.listing import MOST_ROWS


class Shelf:
    """Numbers from 1, page after page; remembers what it was asked for."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[tuple[int | None, int]] = []

    async def __call__(self, last: int | None, most: int) -> list[int]:
        self.asked.append((last, most))
        begin = (last or 0) + 1
        return list(range(begin, min(begin + most, self.count + 1)))


@pytest.mark.parametrize("count", [0, 1, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS])
async def test_without_a_limit_every_row_is_read_once_and_in_order(count: int) -> None:
    assert await rows(Shelf(count), most=None) == list(range(1, count + 1))


@pytest.mark.parametrize(("most", "asked"), [(5, [(None, 5)]), (MOST_ROWS + 5, [(None, MOST_ROWS), (MOST_ROWS, 5)])])
async def test_with_a_limit_no_more_is_asked_for_than_that(most: int, asked: list[tuple[int | None, int]]) -> None:
    shelf = Shelf(10 * MOST_ROWS)
    assert await rows(shelf, most=most) == list(range(1, most + 1))
    assert shelf.asked == asked
