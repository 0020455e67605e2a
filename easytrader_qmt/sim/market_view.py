"""What the stand-in for the vendor's quote module needs of a simulated market, here or in another process.

Reads only. Never holds a lock while it waits, and never starts a terminal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from easytrader_qmt.sim.bars import Bar
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market import Quote
from easytrader_qmt.sim.tape import Tick

if TYPE_CHECKING:
    from easytrader_qmt.sim.control_client import ControlClient
    from easytrader_qmt.sim.terminal import Terminal

POLL_SECONDS = 0.5
"""How often a terminal in another process is asked what is new, while something is subscribed."""

LOOK_SECONDS = 5.0
"""How often a terminal in this process is looked after without being called."""

_BATCH = 1000


class MarketView(Protocol):
    """A simulated market as its reader sees it. Every method may raise LinkError when the terminal is gone."""

    def alive(self) -> bool:
        """Whether the terminal is there."""
        ...

    def time(self) -> float:
        """The exchange's time, Unix seconds."""
        ...

    def codes(self) -> list[str]:
        """Every security known."""
        ...

    def listing(self, code: str) -> tuple[Instrument, Quote] | None:
        """A security (full code) and its quote; None when it is not known."""
        ...

    def latest(self, codes: Sequence[str]) -> tuple[int, list[Tick]]:
        """The last tick of each security, and the serial after which ticks are newer than all of these."""
        ...

    def ticks(self, code: str) -> list[Tick]:
        """The day's ticks of a security."""
        ...

    def minutes(self, code: str) -> list[Bar]:
        """The day's one-minute bars of a security."""
        ...

    def news(self, serial: int) -> list[Tick]:
        """Ticks after ``serial``; waits a while for one, and answers an empty list when none came."""
        ...

    def interrupt(self) -> None:
        """End a wait in ``news`` at once."""
        ...

    def close(self) -> None:
        """The reader is done."""
        ...


class LocalMarket:
    """The market of a terminal in this process."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._market = terminal.market
        self._woken = threading.Event()
        self._market.watch(self._woken.set)

    def alive(self) -> bool:
        """Whether the terminal runs."""
        return self._terminal.running

    def time(self) -> float:
        """The exchange's time."""
        return self._market.time()

    def codes(self) -> list[str]:
        """Every security known."""
        return list(self._market.codes())

    def listing(self, code: str) -> tuple[Instrument, Quote] | None:
        """A security and its quote."""
        return self._market.listing(code)

    def latest(self, codes: Sequence[str]) -> tuple[int, list[Tick]]:
        """The last ticks."""
        return self._market.latest(codes)

    def ticks(self, code: str) -> list[Tick]:
        """The day's ticks."""
        return list(self._market.ticks(code))

    def minutes(self, code: str) -> list[Bar]:
        """The day's minutes."""
        return list(self._market.bars(code))

    def news(self, serial: int) -> list[Tick]:
        """Ticks after ``serial``, as soon as there are any."""
        self._woken.wait(LOOK_SECONDS)
        # Cleared before it is read: a tick in between wakes the next call.
        self._woken.clear()
        return list(self._market.after(serial))

    def interrupt(self) -> None:
        """End a wait."""
        self._woken.set()

    def close(self) -> None:
        """Do not be woken any more."""
        self._market.unwatch(self._woken.set)
        self._woken.set()


class RemoteMarket:
    """The market of a terminal that runs as a process of its own; what is new is asked for, twice a second."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self._woken = threading.Event()

    def alive(self) -> bool:
        """Whether the terminal answers."""
        with suppress(LinkError):
            return self._control.market.time() is not None
        return False

    def time(self) -> float:
        """The exchange's time."""
        return float(self._control.market.time())

    def codes(self) -> list[str]:
        """Every security known."""
        return list(self._control.market.codes())

    def listing(self, code: str) -> tuple[Instrument, Quote] | None:
        """A security and its quote."""
        found: tuple[Instrument, Quote] | None = self._control.market.listing(code)
        return found

    def latest(self, codes: Sequence[str]) -> tuple[int, list[Tick]]:
        """The last ticks."""
        serial, ticks = self._control.market.latest(list(codes))
        return int(serial), list(ticks)

    def ticks(self, code: str) -> list[Tick]:
        """The day's ticks."""
        return list(self._control.market.ticks(code))

    def minutes(self, code: str) -> list[Bar]:
        """The day's minutes."""
        return list(self._control.market.bars(code))

    def news(self, serial: int) -> list[Tick]:
        """Ticks after ``serial``."""
        self._woken.wait(POLL_SECONDS)
        self._woken.clear()
        return list(self._control.market.after(serial))

    def interrupt(self) -> None:
        """End a wait."""
        self._woken.set()

    def close(self) -> None:
        """End the connection."""
        self._woken.set()
        self._control.close()


def view_calls(terminal: Terminal) -> dict[str, Callable[..., Any]]:
    """What a terminal process answers to a RemoteMarket, by the name of the control call."""
    market = terminal.market

    def listing(code: str) -> Any:
        found = market.listing(code)
        return None if found is None else [asdict(found[0]), asdict(found[1])]

    def latest(codes: Sequence[str]) -> Any:
        serial, ticks = market.latest(codes)
        return [serial, [asdict(one) for one in ticks]]

    return {
        "market.time": market.time,
        "market.listing": listing,
        "market.latest": latest,
        "market.ticks": lambda code: [asdict(one) for one in market.ticks(code)],
        "market.bars": lambda code, period="1m": [asdict(one) for one in market.bars(code, period)],
        "market.after": lambda serial: [asdict(one) for one in market.after(serial, _BATCH)],
    }


def tick_of(fields: dict[str, Any]) -> Tick:
    """A tick from its row."""
    return Tick(**levelled(fields))


def levelled(fields: dict[str, Any]) -> dict[str, Any]:
    """A row whose levels are pairs again, as they were before JSON."""
    sides = {side: tuple((price, volume) for price, volume in fields[side]) for side in ("bids", "asks")}
    return {**fields, **sides}
