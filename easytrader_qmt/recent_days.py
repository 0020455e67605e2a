"""A mapping that forgets by the day, so that months of one connection do not pile up.

Never forgets what was put in within its days, unless very much came after it, and never looks at the clock to
read. Has no lock: whoever writes from several threads and must not lose an entry holds one.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from easytrader_qmt.clock import Clock, day_begins, day_number

__all__ = ["RecentDays"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")
_NOTHING: Any = object()


class RecentDays(Generic[K, V]):
    """Keeps an entry for at least ``days`` days and as long as at most ``most`` others came after it.

    Holds at most twice of either: entries go by the half, because that costs nothing while it happens.
    ``days=1`` keeps what was put in today or on the day before it.
    """

    def __init__(self, clock: Clock, days: int, most: int) -> None:
        self._clock = clock
        self._days = days
        self._most = most
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._count_from(clock.now())

    def _count_from(self, now: float) -> None:
        # Before as well as after: a clock set back by years must not stop the forgetting.
        day = day_number(now)
        self._from, self._until = day_begins(day - self._days + 1), day_begins(day + self._days)

    def __setitem__(self, key: K, value: V) -> None:
        now = self._clock.now()
        if not self._from <= now < self._until or len(self._young) >= self._most:
            self._count_from(now)
            # In this order: who reads in between finds the same entries twice rather than none.
            self._old = self._young
            self._young = {}
        self._young[key] = value

    def __getitem__(self, key: K) -> V:
        found: V = self.get(key, _NOTHING)
        if found is _NOTHING:
            raise KeyError(key)
        return found

    def get(self, key: K, default: D) -> V | D:
        """What was put in last under a key; ``default`` when nothing is known."""
        # One look each, because another thread may forget the key between two; the young first, because they may
        # become the old in between.
        found: V = self._young.get(key, _NOTHING)
        return self._old.get(key, default) if found is _NOTHING else found

    def __contains__(self, key: object) -> bool:
        return key in self._young or key in self._old

    def discard(self, key: K) -> None:
        """Forget a key, known or not."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def keys(self) -> tuple[K, ...]:
        """The keys known."""
        return tuple({**self._old, **self._young})

    def __len__(self) -> int:
        return len(self.keys())

    def __bool__(self) -> bool:
        return bool(self._young or self._old)
