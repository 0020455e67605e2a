"""The two ways a campaign's strategy may trade: this package, and easytrader's own MiniqmtTrader.

Both are driven by the rules their documents give; what a document does not give is what its users do. Never
knows a fault.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from easytrader_qmt import errors
from easytrader_qmt.sim import layer, link_client
from tests.faults.campaign_intents import Intent, trade_key

ACCOUNT = "SIM0000000001"
CALL = 1.0
"""``call_timeout``: seconds an answer is waited for."""

_PATIENCE = 0.5
_SETTLE = 3.0
FIRST = CALL + 3 * _PATIENCE
"""The longest a new order may take: its answer, and three turns at a journal that somebody else uses."""
AGAIN = FIRST + max(CALL, _SETTLE) + 4 * CALL
"""The same for an id that was sent before: also two looks at the counter, and the seconds an order may be on
its way."""
QUERY = 3 * CALL
CANCEL = CALL + 0.5 + 2 * CALL
RECONNECT = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """``done`` with the counter's number or ``refused``; ``later``: try again; ``doubt``: sent, unknown."""

    kind: Literal["done", "refused", "later", "doubt"]
    number: int = 0
    text: str = ""


class Ears(Protocol):
    """What a contender tells the strategy, from any thread."""

    def trade(self, key: str, recovered: bool) -> None: ...
    def state(self, state: str) -> None: ...
    def resolved(self, client_order_id: str) -> None: ...


class Contender(Protocol):
    """One account on one terminal."""

    def connect(self) -> bool: ...
    def ready(self) -> bool: ...
    def place(self, intent: Intent) -> Answer: ...
    def cancel(self, number: int) -> Answer: ...
    def trades(self) -> list[str]: ...
    def alive(self) -> bool: ...
    def wait(self, seconds: float) -> None: ...
    def exit(self) -> None: ...


class Ours:
    """This package, as its errors say: what was not sent is sent later, a doubt is asked again by its id."""

    def __init__(self, home: Path, journal: Path, ears: Ears) -> None:
        import easytrader_qmt

        link_client.install()
        layer.declare_process_simulated()
        self._user = easytrader_qmt.use("miniqmt")
        self._home, self._journal = home, journal
        self._user.on("trade", lambda row: ears.trade(trade_key(row), row["recovered"]))
        self._user.on("state", lambda row: ears.state(row["state"]))
        self._user.on("in_doubt", lambda row: ears.resolved(row["client_order_id"]))

    def connect(self) -> bool:
        try:
            self._user.connect(
                str(self._home),
                ACCOUNT,
                reconnect_interval=0.1,
                heartbeat_interval=0.3,
                call_timeout=CALL,
                connect_timeout=CALL,
                stop_timeout=0.5,
                wait=5.0,
                journal=str(self._journal),
                quotes=False,
            )
        except errors.ConnectError:
            return False
        return True

    def ready(self) -> bool:
        return True  # it reconnects by itself, and says so when it is not connected

    def place(self, intent: Intent) -> Answer:
        verb = getattr(self._user, intent.action)
        try:
            told = verb(
                intent.code,
                price=intent.price,
                amount=intent.amount,
                client_order_id=intent.client_order_id,
            )
        except (errors.NotConnected, errors.JournalError) as error:
            return Answer("later", text=f"{type(error).__name__}: {error}")
        except errors.OrderInDoubt as error:
            return Answer("doubt", text=str(error))
        if told["entrust_no"] > 0:
            return Answer("done", told["entrust_no"])
        return Answer("refused", text=told["message"])

    def cancel(self, number: int) -> Answer:
        try:
            told = self._user.cancel_entrust(number)
        except errors.NotConnected as error:
            return Answer("later", text=str(error))
        if told["success"]:
            return Answer("done", number, told["message"])
        over = "不能撤单" in told["message"] and "未能核对" not in told["message"]
        return Answer("refused" if over else "later", text=told["message"])

    def trades(self) -> list[str]:
        return [trade_key(row) for row in self._user.today_trades]

    def alive(self) -> bool:
        try:
            return bool(self._user.balance) and self._user.drain(5.0)
        except (errors.NotConnected, errors.QueryFailed):
            return False

    def wait(self, seconds: float) -> None:
        self._user.wait_ready(seconds)

    def exit(self) -> None:
        self._user.exit()


class Hung(Exception):
    """A call was given up."""


class Easytrader:
    """easytrader 0.23.7 as its users drive it.

    A call that raises, hangs or brings no number is made again, and after the terminal said goodbye or a call
    hung ``connect()`` is called once more: there is no other way in its document. It takes no order id and
    never reconnects by itself.
    """

    def __init__(self, home: Path, journal: Path, ears: Ears) -> None:
        link_client.install()
        layer.declare_process_simulated()
        from easytrader.miniqmt.miniqmt_trader import DefaultXtQuantTraderCallback, MiniqmtTrader

        class Callback(DefaultXtQuantTraderCallback):  # type: ignore[misc]
            def on_stock_trade(inner, trade: Any) -> None:  # noqa: N805
                ears.trade(trade_key(vars_of(trade)), False)

            def on_disconnected(inner) -> None:  # noqa: N805
                self._down = True
                ears.state("LOST")

        self._user, self._callback, self._home, self._ears = MiniqmtTrader(), Callback(), home, ears
        self._down = True
        self._connecting = threading.Lock()

    def connect(self) -> bool:
        with self._connecting:
            if not self._down:
                return True
            try:
                given_up_after(
                    RECONNECT + 1.0, lambda: self._user.connect(str(self._home), ACCOUNT, self._callback)
                )
                self._down = not given_up_after(FIRST, lambda: self._user.balance)
            except Exception:
                return False
        if not self._down:
            self._ears.state("READY")
        return not self._down

    def ready(self) -> bool:
        return not self._down or self.connect()

    def _made(self, call: Callable[[], Any]) -> Any:
        """A call; None when it has to be made again."""
        try:
            return given_up_after(FIRST + 1.0, call)
        except Exception:
            if not self._down:
                self._down = True
                self._ears.state("LOST")
            return None

    def place(self, intent: Intent) -> Answer:
        verb = getattr(self._user, intent.action)
        told = self._made(lambda: verb(intent.code[:6], intent.price, intent.amount))
        if told is None or told["entrust_no"] <= 0:
            return Answer("later", text=f"{told}")
        return Answer("done", told["entrust_no"])

    def cancel(self, number: int) -> Answer:
        told = self._made(lambda: self._user.cancel_entrust(number))
        if told is None:
            return Answer("later")
        return Answer("done" if told["success"] else "refused", number)

    def trades(self) -> list[str]:
        return [trade_key(row) for row in self._made(lambda: self._user.today_trades) or []]

    def alive(self) -> bool:
        return self.ready() and bool(self._made(lambda: self._user.balance))

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def exit(self) -> None:
        return None


def vars_of(trade: Any) -> dict[str, Any]:
    """A vendor's trade as the fields its key is made of."""
    return {name: getattr(trade, name) for name in ("account_id", "stock_code", "traded_id")}


def given_up_after(seconds: float, call: Callable[[], Any]) -> Any:
    """The watchdog people put around a call that may never return; raises Hung."""
    done: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="watched call")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise Hung
    if failed:
        raise failed[0]
    return done[0]


CONTENDERS: dict[str, Callable[[Path, Path, Ears], Contender]] = {"ours": Ours, "easytrader": Easytrader}
