"""A terminal's market as its user has it: set a quote, read the day, play a recorded one.

Every call takes the terminal's lock for itself. Never fills an order on its own: the counter does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.sim.bars import PERIODS, Bar, merged, midnight
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.market import Market, Quote
from easytrader_qmt.sim.replay import Replay, checked_speed
from easytrader_qmt.sim.replay_rows import Step, checked, read_steps
from easytrader_qmt.sim.tape import Tape, Tick


class LiveMarket:
    """The terminal's market: setting a quote fills the orders that it reaches.

    ``terminal.market.set('600000', last=10.5)``; see ``sim.market.Market`` for what can be set.
    """

    def __init__(
        self,
        market: Market,
        tape: Tape,
        locked: Callable[[Callable[[], Any]], Any],
        clock: Clock,
        now: Callable[[], float],
    ) -> None:
        self._market = market
        self._tape = tape
        self._locked = locked
        self._clock = clock
        self._now = now
        self._starting = threading.Lock()
        self._replay: Replay | None = None

    def set(self, code: str, **changes: Any) -> None:
        """Set a security's quote (yuan, shares); resting orders that it reaches are filled."""
        self._locked(lambda: self._market.set(code, **changes))

    def add(self, code: str, **traits: Any) -> None:
        """Make a security known, such as ``add('600999.SH', name='…', prev_close=14.2)``."""
        self._locked(lambda: self._market.add(code, **traits))

    def suspend(self, code: str) -> None:
        """Suspend a security: orders for it are refused."""
        self._locked(lambda: self._market.suspend(code))

    def resume(self, code: str) -> None:
        """Let a suspended security trade again."""
        self._locked(lambda: self._market.resume(code))

    # --- what there is to read -----------------------------------------------------------------

    def quote(self, code: str) -> Quote:
        """The security's quote as it stands; prices in yuan, volumes in shares."""
        quote: Quote = self._locked(lambda: self._market.quote(code))
        return quote

    def instrument(self, code: str) -> Any:
        """What the simulated exchange knows of a security."""
        return self._locked(lambda: self._market.instrument(code))

    def codes(self) -> tuple[str, ...]:
        """Every security known, such as ``600036.SH``."""
        return tuple(self._locked(self._market.codes))

    def time(self) -> float:
        """The exchange's time, Unix seconds: the terminal's, or where a replay has come to."""
        time: float = self._locked(lambda: self._tape.time(self._now()))
        return time

    def ticks(self, code: str) -> tuple[Tick, ...]:
        """The simulated day's ticks of a security, oldest first; the last ten thousand are kept."""
        ticks: tuple[Tick, ...] = self._locked(lambda: self._tape.ticks(self._full(code)))
        return ticks

    def bars(self, code: str, period: str = "1m") -> list[Bar]:
        """The simulated day's bars in which something happened: 1m, 5m, 15m, 30m, 1h.

        Raises ValueError for another period, `UnknownSecurity` for another security.
        """
        if period not in PERIODS:
            raise ValueError(f"没有周期 {period!r} 的 K 线；可选: {'、'.join(PERIODS)}")
        minutes = self._locked(lambda: self._tape.minutes(self._full(code)))
        return merged(minutes, PERIODS[period])

    def listing(self, code: str) -> tuple[Instrument, Quote] | None:
        """A security (full code) and its quote at one moment; None when it is not known."""

        def find() -> tuple[Instrument, Quote] | None:
            instrument = self._market.find(code)
            return None if instrument is None else (instrument, self._market.quote(code))

        found: tuple[Instrument, Quote] | None = self._locked(find)
        return found

    def latest(self, codes: Sequence[str]) -> tuple[int, list[Tick]]:
        """The last tick of each security (full codes), and the market's last serial at the same moment."""

        def find() -> tuple[int, list[Tick]]:
            found = [self._tape.latest(code) for code in codes]
            return self._tape.serial, [tick for tick in found if tick is not None]

        answer: tuple[int, list[Tick]] = self._locked(find)
        return answer

    def after(self, serial: int, limit: int = 1000) -> tuple[Tick, ...]:
        """At most ``limit`` ticks of any security after the one numbered ``serial``."""
        ticks: tuple[Tick, ...] = self._locked(lambda: self._tape.after(serial, limit))
        return ticks

    def watch(self, woken: Callable[[], None]) -> None:
        """Call ``woken`` after every tick, under the terminal's lock: it may only take note of it."""
        self._locked(lambda: self._tape.watch(woken))

    def unwatch(self, woken: Callable[[], None]) -> None:
        """Do not call it any more."""
        self._locked(lambda: self._tape.unwatch(woken))

    # --- a recorded day ------------------------------------------------------------------------

    def replay(
        self, file: str | os.PathLike[str], speed: float | None = 1.0, *, background: bool = False
    ) -> Replay:
        """Feed a CSV or Parquet file of ticks or minute bars into the market, ``speed`` times as fast.

        ``speed`` None or 0: as fast as possible. See ``sim.replay_rows`` for the columns. The file's times
        of day are played on the terminal's simulated day, and are the exchange's time until the next day.
        The day's ticks and bars are recorded anew, unless the file goes on where another has ended. Comes
        back at the end of the file, or at once with ``background``; `stop_replay` or the handle's ``stop()``
        ends it. Raises InvalidArgument with line numbers before anything is fed, RuntimeError while another
        replay runs.
        """
        speed = checked_speed(speed)
        with self._starting:
            if self._replay is not None and self._replay.feeding:
                raise RuntimeError("已有行情在回放，请先 stop_replay()")
            steps = read_steps(file)
            state = self._locked(self._market.state)
            steps = checked(steps, Market.restore(state), os.path.basename(os.fspath(file)))
            start = self._locked(lambda: self._opened(steps))
            replay = Replay(steps, lambda step: self._feed(step, start, replay), self._clock, speed)
            self._replay = replay
            if background:
                replay.start()
        if not background:
            replay.run()
        return replay

    def stop_replay(self) -> None:
        """Stop the replay that runs, if one does; nothing is fed any more when this comes back."""
        replay = self._replay
        if replay is not None:
            self._locked(replay.stop)

    def join_replay(self, deadline: float | None = None) -> bool:
        """Wait at most ``deadline`` seconds until no replay runs; whether none does. Raises what broke it off."""
        replay = self._replay
        if replay is None:
            return True
        ended = replay.join(deadline)
        if ended and replay.error is not None:
            raise replay.error
        return ended

    def _opened(self, steps: Sequence[Step]) -> float:
        """Make the tape ready; the Unix seconds of the day's midnight."""
        # The day stays the same until the next day is asked for, even where the clock has passed midnight.
        start = midnight(self._tape.time(self._now()))
        first = start + steps[0].time
        if not self._tape.pinned or first < self._tape.latest_time:
            played = {step.code for step in steps}
            self._tape.begin(first, [code for code in self._market.codes() if code not in played])
        self._tape.pin(first)
        return start

    def _feed(self, step: Step, start: float, replay: Replay) -> bool:
        def change() -> bool:
            # A stop or a next day that came first must not see another tick.
            if replay.stopping:
                return False
            self._tape.pin(start + step.time)
            if self._market.find(step.code) is None and step.prev_close is not None:
                self._market.add(step.code, prev_close=step.prev_close)
            if step.volume:
                self._tape.others_traded(step.code, step.volume, step.price)
            self._market.set(step.code, **step.changes)
            return True

        fed: bool = self._locked(change)
        return fed

    def _full(self, code: str) -> str:
        return self._market.instrument(code).stock_code
