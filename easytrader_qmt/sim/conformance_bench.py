"""A bench for the observed behaviour: the installed vendor layer on the stand-in, before a scripted terminal.

Waits only for short deadlines. Meant for a process of its own: what hangs on it is never released.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim.layer import native_module
from easytrader_qmt.sim.native import ClientSettings, ClientSide, make_module

__all__ = [
    "SHORT", "SOON", "Desk", "Heard", "NotHere", "Row", "Seat", "Wrong", "blocked", "child_environment",
    "expect", "raises", "timely",
]  # fmt: skip

SHORT = 0.15
"""Seconds after which a call whose thread is still alive is said to block."""
SOON = 5.0
"""Seconds after which a call that should return is said not to."""
_NAME = "_easytrader_qmt_conformance_xtquant"


class Wrong(Exception):
    """The stand-in does not do what was observed."""


class NotHere(Exception):
    """The row cannot be looked at on this platform."""


@dataclass(frozen=True)
class Row:
    """One row of the behaviour table: what was observed, and the check that looks at the stand-in.

    ``differs``: the check passes when the stand-in does what this project documents instead.
    """

    key: str
    title: str
    check: Callable[[Desk], None]
    differs: bool = False


class Heard:
    """The vendor's callback object; keeps every call, and does for one of them what it was told to do."""

    def __init__(self, **does: Callable[[Any], None]) -> None:
        self.calls: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._does = does

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)

        def called(argument: Any = None) -> None:
            self.calls.put((name, argument))
            if name in self._does:
                self._does[name](argument)

        return called

    def next(self) -> tuple[str, Any]:
        """The next call: the method's name and its argument."""
        try:
            return self.calls.get(timeout=SOON)
        except Empty:
            raise Wrong("回调没有被调用") from None


class ScriptedTerminal:
    """Takes clients and answers what it was told to; a request without an answer stays unanswered."""

    def __init__(self, settings: ClientSettings, takes: bool) -> None:
        self.client_settings = settings
        self.answers: dict[str, object] = {"subscribe": 0, "queryStockAsset": [{}], "queryStockOrders": []}
        self.asked: list[tuple[str, int, dict[str, Any]]] = []
        self._takes = takes
        self._client: ClientSide | None = None

    @property
    def client(self) -> ClientSide:
        """The client that connected last."""
        if self._client is None:
            raise Wrong("客户端没有连接")
        return self._client

    def attach(self, client: ClientSide, session: int) -> bool:
        """Take it or not, as scripted."""
        self._client = client
        return self._takes

    def detach(self, client: ClientSide) -> None:
        """Nothing to forget."""

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        """Keep the request and answer as scripted."""
        self.asked.append((name, seq, fields))
        if name in self.answers:
            client.answer(name, seq, self.answers[name])


@dataclass(frozen=True)
class Seat:
    """One vendor trader, its terminal and what its callback heard."""

    raw: Any
    account: Any
    terminal: ScriptedTerminal
    heard: Heard

    def order(self, **changes: Any) -> int:
        """Send an asynchronous order; its seq."""
        seq: int = self.raw.order_stock_async(*self.terms(**changes))
        return seq

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """The arguments of an order, with ``changes`` by the vendor's names."""
        usual: dict[str, Any] = {"stock_code": "600036.SH", "order_type": 23, "order_volume": 100}
        usual.update(price_type=11, price=35.0, strategy_name="s", order_remark="r")
        return (self.account, *{**usual, **changes}.values())

    def sent(self, name: str = "orderStock") -> Mapping[str, Any]:
        """The fields of the last request of that name that reached the terminal."""
        return next(fields for asked, _, fields in reversed(self.terminal.asked) if asked == name)

    def expect_heard(self, *names: str) -> list[Any]:
        """Exactly these callbacks, in order, came before now; their arguments."""
        self.terminal.client.push("asset", {})
        heard = [self.heard.next() for _ in names]
        expect([name for name, _ in heard], list(names), "回调")
        expect(self.heard.next()[0], "on_stock_asset", "之后的回调")
        return [argument for _, argument in heard]


class Desk:
    """The installed vendor layer, loaded under a private name on a stand-in of its own."""

    def __init__(self) -> None:
        self.folder = vendor.installed_folder()
        self.slept: list[float] = []
        self.shipped: ClientSettings = vars(native_module().__dict__["XtQuantAsyncClient"])["_settings"]
        self._scratch = tempfile.TemporaryDirectory(
            prefix="easytrader-qmt-conformance-", ignore_cleanup_errors=True
        )
        self._terminals: dict[str, ScriptedTerminal] = {}
        self._traders: list[Any] = []
        self._numbers = iter(range(100, 10_000))
        self.native = make_module(
            self._terminals.get,
            vendor.api_generation(self.folder),
            settings=replace(self.shipped, sleep=self.slept.append),
        )
        with warnings.catch_warnings():
            # The vendor's files have escapes that newer Pythons warn about; that is theirs.
            warnings.simplefilter("ignore")
            self.package: Any = vendor.layer(_NAME, self.folder, self.native)
        self._trader_class = vendor.of_module(self.package).trader_class

    def clear(self) -> None:
        """Let go of the traders, whatever hangs in them, and remove what was written."""
        for raw in self._traders:
            raw.async_client.stop()
            for pool in (raw.executor, raw.relaxed_resp_executor):
                if pool is not None:
                    pool.shutdown(wait=False)
            raw.loop.close()
        self._scratch.cleanup()

    def path(self, name: str = "userdata_mini") -> Path:
        """A path that nothing lies at yet."""
        return Path(self._scratch.name) / f"{next(self._numbers)}" / name

    def settle(self, path: str, *, takes: bool = True, **settings: Any) -> ScriptedTerminal:
        """A terminal at ``path`` that leaves no session file, else with the shipped settings."""
        chosen = {"sleep": self.slept.append, "directory_of": lambda path: None, **settings}
        self._terminals[path] = ScriptedTerminal(replace(self.shipped, **chosen), takes)
        return self._terminals[path]

    def made(self, path: str, session: int = 100, callback: Any = None) -> Any:
        """A vendor trader, built off the main thread as one should."""
        self._traders.append(timely(lambda: self._trader_class(path, session, callback)))
        return self._traders[-1]

    def seat(self, way: str = "connected", heard: Heard | None = None, **settings: Any) -> Seat:
        """A trader before a terminal of its own.

        ``way``: ``connected``, ``failed connect``, ``before connect``, ``not started``, ``stopped``.
        """
        path = str(self.path())
        terminal = self.settle(path, takes=way != "failed connect", **settings)
        calls = heard if heard is not None else Heard()
        raw = self.made(path, next(self._numbers), calls)
        if way != "not started":
            raw.start()
        if way in ("connected", "failed connect", "stopped"):
            expect(raw.connect(), -1 if way == "failed connect" else 0, "connect()")
        if way == "stopped":
            raw.stop()
        return Seat(raw, self.package.xttype.StockAccount("1000001"), terminal, calls)


def expect(found: object, wanted: object, what: str = "") -> None:
    """Raise Wrong unless ``found`` is what is wanted."""
    if found != wanted or type(found) is not type(wanted):
        raise Wrong(f"{what}应为 {wanted!r}，得到 {found!r}")


def raises(call: Callable[[], object], *kinds: type[BaseException]) -> BaseException:
    """The exception that ``call`` raises, which is one of ``kinds``."""
    try:
        found = timely(call)
    except kinds as error:
        return error
    except Wrong:
        raise
    except BaseException as error:
        raise Wrong(f"应抛出 {kinds[0].__name__}，抛出了 {error!r}") from error
    raise Wrong(f"应抛出 {kinds[0].__name__}，却返回 {found!r}")


def timely(call: Callable[[], Any]) -> Any:
    """What ``call`` returns, on a thread of its own; Wrong when it does not return."""
    done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True, name="conformance call").start()
    try:
        result, error = done.get(timeout=SOON)
    except Empty:
        raise Wrong(f"{SOON:g} 秒没有返回") from None
    if error is not None:
        raise error
    return result


def blocked(*calls: tuple[str, Callable[[], object]]) -> None:
    """Raise Wrong unless each of the named calls is still at it, its thread alive, after a short deadline."""
    threads = []
    for name, call in calls:
        thread = threading.Thread(target=call, daemon=True, name=name)
        thread.start()
        threads.append(thread)
    threading.Event().wait(SHORT)
    returned = [thread.name for thread in threads if not thread.is_alive()]
    if returned:
        raise Wrong(f"应一直阻塞，却返回了：{'、'.join(returned)}")


def child_environment() -> dict[str, str]:
    """The environment in which a child process imports what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"}
