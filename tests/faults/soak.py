"""A soak: ``python -m tests.faults.soak --minutes 10`` keeps one connection through days, outages and quiet hours.

Time is simulated: a day takes a second or two, and each ends with a look at memory, threads, open files and the
log. Never judges: it prints what a day costs, and the slope over the days; with ``--trace`` also where traced
memory has grown.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from easytrader_qmt.errors import TradeError
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.tape import RECENT_KEPT
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.faults.growth_sites import GrowthSites, top

HOUR = 3600.0
_SOON = 30.0
_A_DAYS_BUYS = 1_000_000.0
WARM_UP = 15
"""Days until everything that is kept for some days is as long as it gets."""
_CODES = {"600000": 10.48, "600036": 35.50, "000001": 11.36}


class SoakPause:
    """The supervisor's waits, on simulated time that passes only while ``let_pass`` says so."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._news = threading.Condition()
        self._allowed = clock.ticks
        self._woken = False
        self._due: float | None = None

    def wait(self, seconds: float | None) -> None:
        with self._news:
            self._due = float("inf") if seconds is None else self._clock.ticks + seconds
            self._news.notify_all()
            self._news.wait_for(lambda: self._woken or self._allowed >= (self._due or 0.0))
            if not self._woken:
                self._advance(self._due)
            self._woken, self._due = False, None

    def wake(self) -> None:
        with self._news:
            self._woken = True
            self._news.notify_all()

    def let_pass(self, seconds: float) -> None:
        """Let time pass, and come back when the supervisor has done what was due in it."""
        with self._news:
            self._allowed = self._clock.ticks + seconds
            self._news.notify_all()
            rested = self._news.wait_for(
                lambda: not self._woken and self._due is not None and self._due > self._allowed, _SOON
            )
            assert rested, "the supervisor does not come to rest"
            self._advance(self._allowed)

    def _advance(self, until: float) -> None:
        self._clock.pass_(max(0.0, until - self._clock.ticks))


@dataclass(frozen=True)
class Day:
    """What the process is at the end of a simulated day. Memory in KiB; ``blocks`` are Python's own, in use."""

    number: int
    rss: int
    blocks: int
    objects: int
    threads: int
    files: int
    log_lines: int
    readies: int
    events: int


class Soak:
    """A bot's life on a terminal in this process."""

    def __init__(self, folder: Path, seed: int) -> None:
        from loguru import logger

        self._rng = random.Random(seed)
        self._clock = FakeClock(wall=1_762_128_000.0)  # a Monday, 08:00 in Shanghai
        self._pause = SoakPause(self._clock)
        self._lines, self._readies, self._events = 0, 0, 0
        self._sink = logger.add(self._count, level="INFO")
        settings = TerminalSettings(connect_timeout=0.0, session_gap=0.0)
        self._terminal = Terminal(folder / "userdata_mini", settings=settings, clock=self._clock)
        self._user = SimTrader(terminal=self._terminal, clock=self._clock, pause=lambda: self._pause)
        self._user.on("state", self._state)
        for name in ("order", "trade", "asset", "position"):
            self._user.on(name, self._heard)
        self._user.connect(heartbeat_interval=30, call_timeout=5, journal=folder / "journal.sqlite3")
        self._day = 0

    def fill_tape(self) -> None:
        """Let the simulated terminal keep all the ticks it ever will: the slope shall be the connection's."""
        for number in range(RECENT_KEPT):
            # Numbers of its own for each tick, as in one that a trade makes.
            volumes = {"bid1_volume": 10_000 + number, "ask1_volume": 10_000 + number}
            self._terminal.market.set("600519", last=1462.5 + number % 2 / 100, **volumes)

    def close(self) -> None:
        """End everything this soak started."""
        from loguru import logger

        self._terminal.faults.clear()
        self._user.exit()
        self._terminal.close()
        logger.remove(self._sink)

    def _count(self, line: str) -> None:
        self._lines += 1

    def _state(self, row: dict[str, object]) -> None:
        self._readies += row["state"] == "READY"

    def _heard(self, row: dict[str, object]) -> None:
        self._events += 1

    # --- a day ---------------------------------------------------------------------------------

    def day(self) -> Day:
        """Night's restart, the morning, the lunch hour, the afternoon, the evening; then what it cost."""
        self._lines = self._readies = self._events = 0
        self._terminal.deposit(_A_DAYS_BUYS)
        self._long_outage(0.1 * HOUR)
        for _ in range(2):
            for _ in range(4):
                self._trade(40)
                self._outage()
                self._pause.let_pass(0.5 * HOUR)
        self._pause.let_pass(2 * HOUR)
        days = self._terminal.days
        self._terminal.next_day()
        self._terminal.days = days  # the clock passes the night by itself
        self._pause.let_pass(16.5 * HOUR)
        self._user.drain(_SOON)
        self._day += 1
        self._clock.slept.clear()
        gc.collect()
        _give_back()
        return Day(
            self._day, _rss(), sys.getallocatedblocks(), len(gc.get_objects()), threading.active_count(), _files(),
            self._lines, self._readies, self._events,
        )  # fmt: skip

    def _trade(self, orders: int) -> None:
        for _ in range(orders):
            code, price = self._rng.choice(list(_CODES.items()))
            # About half of them rest; a close moves at most this much a day.
            price = self._terminal.market.quote(code).last + self._rng.choice((-0.05, 0.05))
            placed = self._user.buy(code, price=price, amount=100)
            if self._rng.random() < 0.5:
                self._user.cancel_entrust(placed["entrust_no"])
        for code, price in _CODES.items():
            self._terminal.market.set(code, last=round(price * self._rng.uniform(0.99, 1.01), 2))
        assert self._user.balance
        assert len(self._user.today_entrusts) >= orders

    def _outage(self) -> None:
        faults = self._terminal.faults
        kind = self._rng.choice(("notice", "silence", "refused", "frozen", "order"))
        if kind == "notice":
            faults.disconnect()
        elif kind == "silence":
            faults.disconnect(notify=False)
        elif kind == "refused":
            faults.refuse_connects(3)
            faults.disconnect()
        elif kind == "frozen":
            faults.disconnect(notify=False)
            faults.refuse_connects(self._rng.randint(1, 40))
        else:
            faults.disconnect(notify=False)
            with contextlib.suppress(TradeError):
                self._user.buy("600000", price=9.6, amount=100)
        self._back(0.1 * HOUR)

    def _long_outage(self, seconds: float) -> None:
        self._terminal.crash()
        self._pause.let_pass(seconds)
        self._terminal.restart()
        self._back(60.0)

    def _back(self, seconds: float) -> None:
        self._pause.let_pass(seconds)
        assert self._user.state == "READY", self._user.state


def days(bot: Soak, seconds: float, least: int = 3) -> Iterator[Day]:
    """Days one after another, for ``seconds`` of real time, ``least`` at least."""
    until = time.monotonic() + seconds
    number = 0
    while number < least or time.monotonic() < until:
        number += 1
        yield bot.day()


def slope(values: Sequence[float]) -> float:
    """Growth per day by least squares over the later half, when everything has been used once."""
    later = values[len(values) // 2 :]
    middle = (len(later) - 1) / 2
    mean = sum(later) / len(later)
    spread = sum((place - middle) ** 2 for place in range(len(later)))
    return (
        sum((place - middle) * (value - mean) for place, value in enumerate(later)) / spread
        if spread
        else 0.0
    )


def _give_back() -> None:
    """Let the C library return what it holds free: each short-lived thread leaves holes in an arena of its own."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _rss() -> int:
    """Resident memory in KiB; 0 where the platform does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _files() -> int:
    """Open files; 0 where the platform does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


_COLUMNS = ("rss", "blocks", "objects", "threads", "files", "log_lines", "readies", "events")


def main(argv: Sequence[str] | None = None) -> int:
    """Soak for some minutes and print what a day costs."""
    parser = argparse.ArgumentParser(prog="tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--days", type=int, default=3, help="as many at least, however long it takes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="trace memory: several times slower")
    asked = parser.parse_args(argv)
    from loguru import logger

    logger.remove()
    seen: list[Day] = []
    print(f"{'day':>6}" + "".join(f"{name:>12}" for name in ("rss KiB", *_COLUMNS[1:])))
    with contextlib.ExitStack() as stack:
        sites = stack.enter_context(GrowthSites()) if asked.trace else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak")))
        bot = stack.enter_context(contextlib.closing(Soak(folder, asked.seed)))
        bot.fill_tape()
        for day in days(bot, asked.minutes * 60, asked.days):
            seen.append(day)
            if day.number <= 3 or day.number & (day.number - 1) == 0 or day.number % 100 == 0:
                print(_line(f"{day.number}", [getattr(day, name) for name in _COLUMNS]), flush=True)
            if sites is not None and day.number == WARM_UP:
                sites.begin()
        grown = sites.grown() if sites is not None and len(seen) > WARM_UP else None
    print(_line("last", [getattr(seen[-1], name) for name in _COLUMNS]))
    slopes = [slope([getattr(day, name) for day in seen]) for name in _COLUMNS]
    print(f"{'a day':>6}" + "".join(f"{one:>+12.2f}" for one in slopes))
    lines = sum(day.log_lines for day in seen) / (24 * len(seen))
    print(
        f"{len(seen)} days of 24 hours, {sum(day.readies for day in seen)} outages, seed {asked.seed}; "
        f"{lines:.1f} log lines an hour of simulated time"
    )
    if grown is not None:
        print(f"traced Python memory, day {WARM_UP} to {len(seen)}:")
        print(*top(grown, len(seen) - WARM_UP), sep="\n")
    return 0


def _line(name: str, values: Sequence[int]) -> str:
    return f"{name:>6}" + "".join(f"{value:>12,}" for value in values)


if __name__ == "__main__":
    raise SystemExit(main())
