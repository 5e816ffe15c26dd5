"""How much one visitor, one address or one account may do: buckets that fill again with time. In memory, bounded."""

from collections import OrderedDict
from typing import Final

MOST_KEYS: Final = 50_000
HOUR: Final = 3600.0


class Buckets:
    """A bucket a key: `burst` at once, `per_second` in the long run. Time is seconds of a clock that never goes back.

    Of more than `most` keys, those that were quiet longest are forgotten, and start full again.
    """

    def __init__(self, *, per_second: float, burst: float, most: int = MOST_KEYS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, *, at: float, amount: float = 1.0) -> float:
        """Take from a bucket: 0 when there was enough, else the seconds until there is; then nothing is taken."""
        left, since = self._left.pop(key, (self._burst, at))
        left = min(self._burst, left + (at - since) * self._per_second)
        missing = amount - left
        self._left[key] = (left if missing > 0 else left - amount, at)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return missing / self._per_second if missing > 0 else 0.0

    def give(self, key: str, *, amount: float = 1.0) -> None:
        """Give back what was taken for nothing."""
        if key in self._left:  # a forgotten bucket is full
            left, since = self._left[key]
            self._left[key] = (min(self._burst, left + amount), since)


class StoredBytes:
    """How many bytes of files each address stores in an hour, and all together. At once no more than that either."""

    def __init__(self, *, each: int, together: int) -> None:
        self._each = Buckets(per_second=each / HOUR, burst=each)
        self._together = Buckets(per_second=together / HOUR, burst=together)

    def take(self, address: str, size: int, *, at: float) -> float:
        """Take room for bytes: 0 when there was enough, else the seconds until there is; then nothing is taken."""
        wait = self._each.take(address, at=at, amount=size)
        if wait:
            return wait
        wait = self._together.take("", at=at, amount=size)
        if wait:
            self._each.give(address, amount=size)
        return wait

    def give(self, address: str, size: int) -> None:
        """Give back what was not stored."""
        self._each.give(address, amount=size)
        self._together.give("", amount=size)


class Recent:
    """What came within so many seconds. Of more than `most`, the oldest are forgotten early."""

    def __init__(self, *, seconds: float, most: int = MOST_KEYS) -> None:
        self._seconds = seconds
        self._most = most
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, key: str, *, at: float) -> None:
        """Remember it from now on; what is remembered already ends no later for it."""
        while self._since and at - next(iter(self._since.values())) >= self._seconds:
            self._since.popitem(last=False)
        self._since.setdefault(key, at)
        if len(self._since) > self._most:
            self._since.popitem(last=False)

    def has(self, key: str, *, at: float) -> bool:
        """Whether it came."""
        since = self._since.get(key)
        return since is not None and at - since < self._seconds


class Seats:
    """How many of a thing each key holds at a time."""

    def __init__(self, *, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._held: dict[str, int] = {}
        self._sum = 0

    def sit(self, key: str) -> bool:
        """Take a seat; False when none is left for this key, or for anybody."""
        held = self._held.get(key, 0)
        if held >= self._each or self._sum >= self._together:
            return False
        self._held[key] = held + 1
        self._sum += 1
        return True

    def leave(self, key: str) -> None:
        """Give a seat back."""
        self._sum -= 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
