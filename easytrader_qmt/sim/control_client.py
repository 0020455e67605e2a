"""What is done to a simulated terminal that runs as a process of its own, with the verbs of ``Terminal`` itself.

Never starts or ends a terminal, and never loses a setting silently: what cannot be set over the link is an
error that names it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from easytrader_qmt.quotes import DayQuote
from easytrader_qmt.sim.bars import Bar
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.link_frames import (
    CLIENT_LIMIT,
    TERMINAL_LIMIT,
    BrokenLinkError,
    Frame,
    encode,
    number_of,
)
from easytrader_qmt.sim.link_handshake import reach
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market import Quote
from easytrader_qmt.sim.market_view import levelled, tick_of
from easytrader_qmt.sim.terminal_home import SimAccount

_NAP = 0.5
"""How long one call waits for the end of a replay: others use the connection in between."""

_SWITCHES = ("delay", "duplicate", "reorder", "answer_while_down")
_SETTABLE = ("trading_hours", *(f"faults.{name}" for name in _SWITCHES))
_STATES = ("home", "running", "clients", "now", "days", "trading_hours")


class ControlClient:
    """A terminal process, as in ``.market.set('600000', last=10)`` and ``.faults.delay = 0.5``.

    Calls, attributes and what they bring are those of ``Terminal``, its ``market`` and its ``faults``; a
    ``market.replay`` brings the number of its ticks. Raises LinkError for what the terminal refuses and when it
    does not answer within ``seconds``, AttributeError for an attribute that cannot be set over the link.
    """

    def __init__(self, directory: str | os.PathLike[str], seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0
        try:
            self._channel = reach(os.fspath(directory), "control", seconds)
        except (BrokenLinkError, OSError) as error:
            raise LinkError(f"连接不上 {os.fspath(directory)} 的仿真终端进程：{error}") from None

    def __getattr__(self, name: str) -> Any:
        return _named(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _assign(self, name, value)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the terminal goes on."""
        self._channel.close()

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Make the control call ``name``, such as ``market.set``; its result as it comes over the link."""
        with self._lock:
            self._next += 1
            asked: Frame = {"type": "control", "id": self._next, "call": name, "args": args, "kwargs": kwargs}
            try:
                self._channel.write(encode(asked, CLIENT_LIMIT), self._seconds)
                reply = self._channel.read(TERMINAL_LIMIT, time.monotonic() + self._seconds)
                if number_of(reply, "id") != self._next:
                    raise BrokenLinkError("答非所问")
            except BrokenLinkError as error:
                # Whatever came later would answer the wrong call.
                self._channel.close()
                raise LinkError(f"仿真终端进程没有回答 {name}：{error}") from None
        if reply["type"] == "error":
            raise LinkError(f"{name}：{reply.get('message')}")
        return reply.get("value")


class _Named:
    """Something of the terminal by its dotted name: a part of it, or a call."""

    def __init__(self, client: ControlClient, name: str) -> None:
        self._client = client
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return _named(self._client, name, f"{self._name}.")

    def __setattr__(self, name: str, value: Any) -> None:
        _assign(self, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._name == "market.replay":
            return _replay(self._client, *args, **kwargs)
        value = self._client.call(self._name, *args, **kwargs)
        made = _MADE.get(self._name)
        return value if made is None else made(value)


def control(path: str | os.PathLike[str], seconds: float = 10.0) -> ControlClient:
    """A control connection to the terminal process at ``path``; raises LinkError where there is none."""
    return ControlClient(path, seconds)


def _named(client: ControlClient, name: str, within: str = "") -> Any:
    """The value of an attribute of the terminal, or something that may be called or has parts."""
    if name.startswith("_"):
        raise AttributeError(name)
    if not within and name == "accounts":
        return tuple(SimAccount(**row) for row in client.call("accounts"))
    if not within and name in _STATES:
        return client.call("state")[name]
    if within == "faults." and name in (*_SWITCHES, "frozen", "logged_out"):
        return client.call("state")["faults"][name]
    return _Named(client, within + name)


def _assign(owner: ControlClient | _Named, name: str, value: Any) -> None:
    if name.startswith("_"):
        object.__setattr__(owner, name, value)
        return
    client, full = (
        (owner, name) if isinstance(owner, ControlClient) else (owner._client, f"{owner._name}.{name}")
    )
    if full not in _SETTABLE:
        raise AttributeError(f"独立进程的仿真终端不能设置 {full}，可设置：{'、'.join(_SETTABLE)}")
    part, _, switch = full.rpartition(".")
    client.call(f"{part}.set" if part else "set", switch, value)


def _replay(
    client: ControlClient,
    file: str | os.PathLike[str],
    speed: float | None = 1.0,
    *,
    background: bool = False,
) -> int:
    """As ``LiveMarket.replay``, of a file on this machine; the number of its ticks."""
    # The terminal has a working directory of its own.
    total = client.call("market.replay", os.path.abspath(file), speed)
    while not background and not client.call("market.join_replay", _NAP):
        pass
    return int(total)


def _listing(found: Any) -> tuple[Instrument, Quote] | None:
    return None if found is None else (Instrument(**found[0]), Quote(**levelled(found[1])))


_MADE: dict[str, Callable[[Any], Any]] = {
    "day_quote": lambda day: None if day is None else DayQuote(**day),
    "market.quote": lambda quote: Quote(**levelled(quote)),
    "market.instrument": lambda instrument: Instrument(**instrument),
    "market.codes": tuple,
    "market.ticks": lambda ticks: tuple(tick_of(one) for one in ticks),
    "market.after": lambda ticks: tuple(tick_of(one) for one in ticks),
    "market.latest": lambda found: (found[0], [tick_of(one) for one in found[1]]),
    "market.bars": lambda bars: [Bar(**one) for one in bars],
    "market.listing": _listing,
}
"""What a call brings in the terminal's own process, from what comes over the link."""
