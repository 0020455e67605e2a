"""The vendor's own traders on the stand-in, without this package's facade."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from easytrader_qmt.sim import Terminal
from tests.facade import Heard, on_a_thread


class Raw:
    """The vendor's traders, made off the main thread and stopped at the end."""

    def __init__(self, package: Any) -> None:
        self.package = package
        self.account = package.xttype.StockAccount("1000001")
        self.made: list[Any] = []
        self.stopped: set[int] = set()

    def trader(self, path: str | Path, session: int = 100, callback: Any = None) -> Any:
        # A class without the finaliser, which replaces the main thread's event loop.
        quiet = type("XtQuantTrader", (self.package.xttrader.XtQuantTrader,), {"__del__": lambda self: None})
        made = on_a_thread(lambda: quiet(str(path), session, callback if callback is not None else Heard()))
        self.made.append(made)
        return made

    def connected(self, terminal: Terminal, session: int = 100, callback: Any = None) -> Any:
        made = self.trader(terminal.home, session, callback)
        made.start()
        assert made.connect() == 0
        assert on_a_thread(lambda: made.subscribe(self.account)) == 0
        return made

    def close(self) -> None:
        for made in self.made:
            for waiting in list(made.cbs.values()):
                waiting(None)
            if made.executor is not None:
                on_a_thread(made.stop)
            made.loop.close()
