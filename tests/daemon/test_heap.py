"""Free memory goes back to the system: what stays free, once, and not what is used again at once."""

from daemon.heap import WORTH, Heap, open_heap


class Library:
    """What a C library counts as free; it goes on counting what it gave back."""

    def __init__(self) -> None:
        self.free = 0
        self.trims = 0

    def trim(self) -> None:
        self.trims += 1


def heap_of(library: Library) -> Heap:
    return Heap(free=lambda: library.free, trim=library.trim)


async def test_what_is_free_twice_in_a_row_is_given_back_once() -> None:
    library = Library()
    heap = heap_of(library)
    library.free = WORTH
    await heap.look()
    assert library.trims == 0
    for _ in range(3):
        await heap.look()
    assert library.trims == 1


async def test_what_is_free_for_a_moment_is_kept() -> None:
    library = Library()
    heap = heap_of(library)
    for library.free in (0, WORTH, 0, WORTH, 0):
        await heap.look()
    assert library.trims == 0


async def test_what_is_free_anew_after_it_was_used_is_given_back_again() -> None:
    library = Library()
    heap = heap_of(library)
    for library.free in (WORTH, WORTH, 0, WORTH, WORTH):
        await heap.look()
    assert library.trims == 2


async def test_the_heap_of_this_machine_can_be_asked_and_trimmed() -> None:
    heap = open_heap()
    if heap is not None:  # musl and macOS have none
        await heap.look()
        assert heap._free() > 0
        heap._trim()
