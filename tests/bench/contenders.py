"""The three who are measured, each connected to the same counter: raw XtQuantTrader, easytrader, ours.

The process is declared simulated, so that ``import xtquant`` is the vendor's unmodified layer on the stand-in,
for easytrader's own imports too. Log lines of both go to one kind of sink, a text file on disk.
"""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from loguru import logger

from easytrader_qmt.sim import layer
from tests.bench.counter import ACCOUNT, BenchCounter

_counters: dict[str, BenchCounter] = {}


@functools.lru_cache(maxsize=1)
def xtquant() -> Any:
    """The vendor's layer on the stand-in, as ``xtquant``. Declares this process simulated."""
    layer.declare_process_simulated()
    layer.add_finder(_counters.get, first=True)
    import xtquant.xttrader
    import xtquant.xttype

    return xtquant


class Bench:
    """One counter, a folder for its files, and whoever was connected to it; closes them all."""

    def __init__(self, *, delay: float = 0.0) -> None:
        xtquant()
        self._folder = tempfile.TemporaryDirectory(prefix="easytrader-qmt-bench-")
        self.folder = Path(self._folder.name)
        self.home = str(self.folder / "userdata_mini")
        self._sessions = 900
        self._ends: list[Callable[[], object]] = []
        self._open(delay)
        self._logs: list[TextIO] = []

    def _open(self, delay: float) -> None:
        self.counter = BenchCounter(self.home, delay=delay)
        _counters[self.home] = self.counter
        self._ends.append(lambda: _counters.pop(self.home))

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *error: object) -> None:
        for end in reversed(self._ends):
            end()
        for log in self._logs:
            log.close()
        self._folder.cleanup()

    def raw(self, callback: Any = None) -> tuple[Any, Any]:
        """A connected XtQuantTrader and its account."""
        made, account = self.raw_unconnected(callback)
        made.start()
        assert made.connect() == 0
        assert made.subscribe(account) == 0
        self._ends.append(lambda: stop_raw(made))
        return made, account

    def raw_unconnected(self, callback: Any = None) -> tuple[Any, Any]:
        """An XtQuantTrader as its constructor leaves it."""
        self._sessions += 1
        package = xtquant()
        path, session = self.home, self._sessions
        made = off_main(lambda: _quiet()(path, session, callback if callback is not None else Deaf()))
        return made, package.xttype.StockAccount(ACCOUNT)

    def easytrader(self) -> Any:
        """easytrader's MiniqmtTrader, connected; its log lines are off until ``easytrader_lines``."""
        xtquant()
        import easytrader
        from easytrader.miniqmt import miniqmt_trader

        easytrader.log.logger.handlers.clear()
        easytrader.log.logger.disabled = True
        miniqmt_trader.XtQuantTrader = _quiet()
        user = easytrader.use("miniqmt")
        off_main(lambda: user.connect(miniqmt_path=self.home, stock_account=ACCOUNT))
        self._ends.append(lambda: stop_raw(user.trader))
        return user

    def ours(self, *, journal: bool = False, **words: Any) -> Any:
        """Our MiniqmtTrader, connected; with its journal on disk or without one."""
        import easytrader_qmt

        logger.remove()
        user = easytrader_qmt.use("miniqmt")
        user.connect(
            **{
                "miniqmt_path": self.home,
                "stock_account": ACCOUNT,
                "trader_callback": Deaf(),
                "journal": str(self.folder / "orders.db") if journal else False,
                "quotes": False,
                "risk": {"kill_switch_file": str(self.folder / "kill")},
                **words,
            }
        )
        self._ends.append(user.exit)
        return user

    def sink(self, name: str) -> TextIO:
        """A text file to log to."""
        log = (self.folder / f"{name}.log").open("a", encoding="utf-8")
        self._logs.append(log)
        return log

    @contextmanager
    def easytrader_lines(self) -> Iterator[None]:
        """easytrader's own handler and format, on a file instead of stderr."""
        import logging

        from easytrader import log

        handler = logging.StreamHandler(self.sink("easytrader"))
        handler.setFormatter(log.fmt)
        log.logger.handlers[:] = [handler]
        log.logger.disabled = False
        try:
            yield
        finally:
            log.logger.handlers.clear()
            log.logger.disabled = True

    @contextmanager
    def our_lines(self) -> Iterator[None]:
        """loguru's default format on a file instead of stderr, at INFO as easytrader's."""
        number = logger.add(self.sink("ours"), level="INFO")
        try:
            yield
        finally:
            logger.remove(number)


class Deaf:
    """A callback object that hears nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        self.__dict__[name] = _nothing
        return _nothing


def _nothing(*args: object) -> None:
    return None


@functools.lru_cache(maxsize=1)
def _quiet() -> type:
    """The vendor's class without its finaliser, which replaces the main thread's event loop."""
    base: type = xtquant().xttrader.XtQuantTrader
    return type("XtQuantTrader", (base,), {"__del__": lambda self: None})


def stop_raw(made: Any) -> None:
    """Stop a bare XtQuantTrader and what it leaves behind."""
    made.stop()
    made.loop.close()


def off_main(call: Callable[[], Any]) -> Any:
    """Run where the vendor's constructor leaves the main thread's event loop alone."""
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(call()))
    thread.start()
    thread.join()
    return done[0]
