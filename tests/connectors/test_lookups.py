"""Look-ups of names that strangers choose: one that hangs keeps nobody else waiting, and nobody waits for ever."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from connectors.download import Bounds, Downloader
from connectors.lookups import Lookups, owner_of
from connectors.posting import Poster
from connectors.posting_guard import Reach
from connectors.sending import Remote, SendLaterError

HANGS = "hangs.example.org"
ANSWERS = "answers.example.org"
ADDRESS = "198.51.100.7"


class System:
    """A system whose name server does not answer for one name."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.hung = threading.Semaphore(0)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        if host.startswith("hangs"):
            self.hung.release()
            self.go_on.wait(30)
        if host == "nowhere.example.org":
            raise OSError("no such name")
        return [ADDRESS]


@pytest.fixture
def system() -> Iterator[System]:
    found = System()
    yield found
    found.go_on.set()


async def test_a_name_that_hangs_takes_its_places_and_leaves_the_others_to_other_names(system: System) -> None:
    lookups = Lookups(ask=system, threads=3, each=2, kept=0, seconds=0.2)
    hung = await asyncio.gather(*(lookups(HANGS, 443) for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in hung} == {TimeoutError}
    assert await lookups(ANSWERS, 443) == [ADDRESS]
    with pytest.raises(TimeoutError):
        await lookups(HANGS.upper(), 443)
    assert system.asked.count(HANGS) + system.asked.count(HANGS.upper()) == 2


async def hang(lookups: Lookups, names: Iterable[str]) -> None:
    hung = await asyncio.gather(*(lookups(name, 443) for name in names for _ in range(2)), return_exceptions=True)
    assert {type(one) for one in hung} == {TimeoutError}


async def test_one_owner_with_many_names_that_hang_takes_four_threads(system: System) -> None:
    lookups = Lookups(ask=system, seconds=0.3)
    await hang(lookups, [f"hangs{number}.owner.co.uk" for number in range(10)])
    assert len(system.asked) == 4
    assert await lookups("answers.other.co.uk", 443) == [ADDRESS]


async def test_many_owners_whose_names_hang_leave_threads_to_names_that_answered_lately(system: System) -> None:
    lookups = Lookups(ask=system, seconds=0.3)
    await lookups(ANSWERS, 443)
    await hang(lookups, [f"hangs.owner{number}.example" for number in range(20)])
    assert await lookups(ANSWERS, 443) == [ADDRESS]
    with pytest.raises(TimeoutError):
        await lookups("answers.unknown.example", 443)


async def test_a_name_that_answered_once_and_hangs_now_is_one_of_the_unknown(system: System) -> None:
    lookups = Lookups(ask=system, threads=3, each=3, kept=1, seconds=0.3)
    system.go_on.set()
    for name in (HANGS, ANSWERS):
        await lookups(name, 443)
    system.go_on.clear()
    await hang(lookups, [HANGS])
    await hang(lookups, [HANGS])
    assert await lookups(ANSWERS, 443) == [ADDRESS]
    assert system.asked == [HANGS, ANSWERS, HANGS, HANGS, ANSWERS]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("www.person.github.io", "person.github.io"),
        ("localhost", "localhost"),
        ("", ""),
        ("a..b", "a..b"),
    ],
)
def test_an_owner_is_a_registrable_domain(name: str, owner: str) -> None:
    assert owner_of(name) == owner


async def test_it_leaves_the_threads_of_all_else_alone(system: System) -> None:
    lookups = Lookups(ask=system, threads=64, each=64, owned=64, kept=0, seconds=0.2)
    hung = asyncio.gather(*(lookups(HANGS, 443) for _ in range(64)), return_exceptions=True)
    for _ in range(64):
        assert await asyncio.to_thread(system.hung.acquire, timeout=5)
    await hung


async def test_a_name_that_answers_again_is_looked_up_again(system: System) -> None:
    lookups = Lookups(ask=system, threads=2, each=1, seconds=5)
    waiting = [asyncio.create_task(lookups(HANGS, 443)) for _ in range(3)]
    assert await asyncio.to_thread(system.hung.acquire, timeout=5)
    system.go_on.set()
    assert await asyncio.gather(*waiting) == [[ADDRESS]] * 3


async def test_who_gave_up_before_a_thread_was_free_is_not_looked_up_for(system: System) -> None:
    lookups = Lookups(ask=system, threads=1, each=1, seconds=0.1)
    with pytest.raises(TimeoutError):
        await lookups(HANGS, 443)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await lookups(ANSWERS, 443)
    system.go_on.set()
    assert await lookups("other.example.org", 443) == [ADDRESS]
    assert system.asked == [HANGS, "other.example.org"]


async def test_a_name_that_is_not_there_is_said_so(system: System) -> None:
    with pytest.raises(OSError, match="no such name"):
        await Lookups(ask=system)("nowhere.example.org", 443)


async def test_the_system_knows_this_machine() -> None:
    assert set(await Lookups()("localhost", 80)) & {"127.0.0.1", "::1"}


async def test_a_post_whose_name_hangs_ends_in_the_time_of_a_look_up(system: System) -> None:
    poster = Poster(reach=Reach(), clock=lambda: datetime.now(UTC), lookup=Lookups(ask=system, seconds=0.1), seconds=20)
    async with asyncio.timeout(10):
        assert (await poster.post(f"https://{HANGS}/", {}, b"")).problem == "its host is not found now"


async def test_a_download_whose_name_hangs_ends_in_the_time_of_a_look_up(system: System) -> None:
    downloader = Downloader(lookup=Lookups(ask=system, seconds=0.1), bounds=Bounds(connect=20))
    async with asyncio.timeout(10):
        with pytest.raises(SendLaterError, match="not found now"):
            await downloader.get(Remote(url=f"https://{HANGS}/a", hosts=(HANGS,)))
