"""A simulated MiniQMT terminal: a counter and a market that live at a ``userdata_mini`` path.

Serves any number of clients of the stand-in. Fills and cancels go on at the counter while clients are away.
Never reaches a real broker, a real market or the network.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from easytrader_qmt.clock import Clock, SystemClock
from easytrader_qmt.quotes import DayQuote, price
from easytrader_qmt.sim import registry
from easytrader_qmt.sim.calendar_days import DAY, days_to_next
from easytrader_qmt.sim.counter import Counter, Event
from easytrader_qmt.sim.faults import DelayLine, Faults, Message
from easytrader_qmt.sim.live_market import LiveMarket
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.native import ClientSettings, ClientSide
from easytrader_qmt.sim.requests import Asked, answer_to
from easytrader_qmt.sim.tape import Tape
from easytrader_qmt.sim.terminal_clients import Clients
from easytrader_qmt.sim.terminal_home import (
    CREDIT_ACCOUNT,
    STOCK_ACCOUNT,
    USUAL_ACCOUNTS,
    SimAccount,
    TerminalSettings,
    make_home,
)

__all__ = ["CREDIT_ACCOUNT", "STOCK_ACCOUNT", "SimAccount", "Terminal", "TerminalSettings"]


class Terminal:
    """One simulated terminal in this process. ``home`` is its ``userdata_mini``; None makes a temporary one.

    ``days`` is how far ``next_day`` had moved the one on whose ``counter`` and ``market`` this one goes on.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        settings: TerminalSettings | None = None,
        clock: Clock | None = None,
        counter: Counter | None = None,
        market: Market | None = None,
        days: int = 0,
    ) -> None:
        self.settings = settings if settings is not None else TerminalSettings()
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.home = make_home(self, home)
        self._market = market if market is not None else Market()
        self.counter = counter if counter is not None else Counter(self._market)
        self.faults = Faults(_terminal=self)
        # Before the tape: its first day is the one that these days lead to.
        self.days = days
        self._tape = Tape(self._market, self.now)
        self.market = LiveMarket(self._market, self._tape, self._locked, self.clock, lambda: self.now)
        self._lock = threading.RLock()
        self._clients = Clients(self.clock.monotonic)
        self._backlog: list[tuple[ClientSide, str, int, dict[str, Any]]] = []
        self._running = True
        self._moved: set[str] = set()
        self._market.on_change = self._moved.add
        self._delayed = DelayLine(Message.say, self.clock.monotonic)
        self.on_mutation: Callable[[], None] | None = None
        if counter is None:
            for one in USUAL_ACCOUNTS:
                self.counter.open_account(one.account_id, one.account_type, cash=self.settings.cash)
        registry.settle_in(self.home, self)

    # --- what a user does ----------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The terminal's time, Unix seconds; ``next_day`` moves it on."""
        return self.clock.now() + self.days * DAY

    @property
    def exchange_time(self) -> float:
        """The exchange's time, which is the counter's too: ``now``, or where a replay has come to."""
        return self._tape.time(self.now)

    @property
    def running(self) -> bool:
        """Whether it serves clients: not after a crash, nor once closed."""
        return self._running

    @property
    def accounts(self) -> tuple[SimAccount, ...]:
        """The counter's accounts."""
        with self._lock:
            return tuple(
                SimAccount(row["account_id"], row["account_type"]) for row in self.counter.account_infos()
            )

    @property
    def trading_hours(self) -> bool:
        """Whether orders outside the exchanges' hours are refused; off by default."""
        return self.counter.trading_hours

    @trading_hours.setter
    def trading_hours(self, on: bool) -> None:
        self._locked(lambda: setattr(self.counter, "trading_hours", on))

    def orders(self, account_id: str = STOCK_ACCOUNT) -> list[dict[str, Any]]:
        """The counter's own book of today's orders: the truth, whatever clients were told."""
        with self._lock:
            return list(self.counter.orders(account_id))

    def trades(self, account_id: str = STOCK_ACCOUNT) -> list[dict[str, Any]]:
        """The counter's own book of today's trades."""
        with self._lock:
            return list(self.counter.trades(account_id))

    def holdings(self, account_id: str = STOCK_ACCOUNT) -> dict[str, Any]:
        """An account in the counter's own book: its ``asset`` row, None for an unknown one, and ``positions``."""
        with self._lock:
            return {"asset": self.counter.asset(account_id), "positions": self.counter.positions(account_id)}

    def deposit(self, yuan: float, account_id: str = STOCK_ACCOUNT) -> None:
        """Give an account money (take it with a negative amount)."""
        with self._lock:
            self._tell(self.counter.deposit(account_id, yuan, self.exchange_time))

    def hold(self, code: str, volume: int, price: float, account_id: str = STOCK_ACCOUNT) -> None:
        """Give an account a position from yesterday, in shares at ``price`` yuan, that can be sold today."""
        with self._lock:
            self._tell(self.counter.hold(account_id, code, volume, price))

    def order_by_hand(
        self, action: str, code: str, price: float, amount: int, account_id: str = STOCK_ACCOUNT
    ) -> str:
        """Place a limit order as a person at the terminal would; returns its order_sysid, it has no order_id."""
        order_type = {"buy": 23, "sell": 24}[action]
        kind = next(row.account_type for row in self.accounts if row.account_id == account_id)
        code = self.market.instrument(code).stock_code
        with self._lock:
            now = self.exchange_time
            placed = self.counter.place(
                account_id, kind, code, order_type, amount, 11, price, "", "", now, by_hand=True
            )
            self._tell(placed.events)
            sysids = [event.fields["order_sysid"] for event in placed.events if event.kind == "order"]
        return str(sysids[-1]) if sysids else ""

    def day_quote(self, stock_code: str) -> DayQuote | None:
        """The security's day as the simulated market has it; None when it does not know the security."""
        with self._lock:
            instrument = self._market.find(stock_code)
            if instrument is None:
                return None
            quote = self._market.quote(stock_code)
            return DayQuote(
                price(quote.lower_limit), price(quote.upper_limit), price(quote.last), instrument.suspended
            )

    def push_account_status(self, status: int, account_id: str = STOCK_ACCOUNT) -> None:
        """Push an account's status (0 ok; -1, 3, 7, 8, 9 bad; 1, 2, 4, 5 coming up; 6 after the close)."""
        kind = next(row.account_type for row in self.accounts if row.account_id == account_id)
        fields = {"account_id": account_id, "account_type": kind, "status": status}
        with self._lock:
            self._tell((Event(account_id, "account_status", fields),))

    def next_day(self) -> None:
        """Settle the day and go on to the next weekday: resting orders end, T+1 shares become available, today's
        lists start empty.
        """
        with self._lock:
            self.market.stop_replay()
            events = self.counter.settle(self.exchange_time)
            self.days += days_to_next(self.now)
            self._tape.begin(self.now)
            self._tell(events)

    def crash(self, notify: bool = True) -> None:
        """The terminal process dies; the counter goes on. ``notify``: clients notice the broken link."""
        self._running = False
        self._tape.wake()
        self.work_off(drop=True)
        self.drop_clients(notify)

    def restart(self) -> None:
        """Start the terminal again, its state kept."""
        self._running = True

    def close(self) -> None:
        """Stop serving and leave the path."""
        self.faults.release()
        self.market.stop_replay()
        self.crash(notify=False)
        registry.move_out(self.home, self)

    @property
    def client_settings(self) -> ClientSettings:
        """How clients behave where this terminal has no say, as the faults are switched now."""
        return ClientSettings(
            directory_of=lambda path: self.home,
            connect_timeout=self.settings.connect_timeout,
            sleep=self.clock.sleep,
            answer_while_down="none" if self.faults.answer_while_down == "none" else "empty",
        )

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    # --- what the stand-in asks (Endpoint) -----------------------------------------------------

    def attach(self, client: ClientSide, session: int) -> bool:
        """A client connects; False is -1."""
        self.faults.wait_while_hanging("connect")
        with self._lock:
            if not self._running or self.faults.frozen or self.faults.refuses_connect():
                return False
            return self._clients.join(client, session, self.settings.session_gap)

    def detach(self, client: ClientSide) -> None:
        """A client stops."""
        self.faults.wait_while_hanging("stop")
        with self._lock:
            self._clients.leave(client)

    def forget(self, client: ClientSide) -> None:
        """A client of another process has vanished without a stop; never blocks."""
        with self._lock:
            self._clients.leave(client)

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        """A client asks; the answer comes through ``client.answer``, if at all."""
        with self._lock:
            if self.faults.frozen:
                self._backlog.append((client, name, seq, fields))
                return
            attached = self._clients.of(client)
            if attached is None or (name == "subscribe" and self.faults.hanging("subscribe")):
                return
            asked = Asked(name, seq, fields, attached.subscribed)
            if self.faults.logged_out:
                self._say_all([Message(client, name, seq, self.faults.answer_logged_out(asked))])
                return
            fate = self.faults.next_order() if name == "orderStock" else None
            if fate == "lost":
                return
            payload, events = answer_to(self, asked)
            if fate == "denied":
                payload = {**payload, "order_id": -1, "error_msg": ""}
            answers = [] if fate == "unanswered" else [Message(client, name, seq, payload)]
            self._tell(events, answers, seq=seq, asker=client)

    # --- what faults do ------------------------------------------------------------------------

    def drop_clients(self, notify: bool) -> None:
        """End every connection."""
        with self._lock:
            dropped = self._clients.leave_all()
        for client in dropped:
            client.dropped(notify)

    def work_off(self, drop: bool, first: Callable[[], None] | None = None) -> None:
        """What was asked while frozen is answered now, or forgotten; ``first`` happens before, under the lock."""
        with self._lock:
            if first is not None:
                first()
            backlog, self._backlog = self._backlog, []
            for asked in () if drop else backlog:
                self.request(*asked)

    def replay(self) -> None:
        """Say the day's order and trade pushes again."""
        with self._lock:
            events = []
            for account in self.accounts:
                events += [
                    Event(account.account_id, "order", row) for row in self.counter.orders(account.account_id)
                ]
                events += [
                    Event(account.account_id, "trade", row) for row in self.counter.trades(account.account_id)
                ]
            self._say_all(self._pushes(events))

    # --- inside --------------------------------------------------------------------------------

    def ensure_account(self, account_id: str, account_type: int) -> bool:
        """Whether the account exists under this type, or was opened just now because the settings say so."""
        known = next((one.account_type for one in self.accounts if one.account_id == account_id), None)
        if known is not None or not self.settings.open_unknown_accounts or not account_id:
            return known == account_type
        self.counter.open_account(account_id, account_type, cash=self.settings.cash)
        return True

    def _locked(self, change: Callable[[], Any]) -> Any:
        with self._lock:
            result = change()
            self._tell(())
        return result

    def _tell(
        self,
        events: Sequence[Event],
        answers: Sequence[Message] = (),
        *,
        seq: int = -1,
        asker: ClientSide | None = None,
    ) -> None:
        """Cross what the change has moved, keep it, then say it: an answer first, pushes after."""
        events = list(events)
        now = self.exchange_time
        while self._moved:
            code = self._moved.pop()
            self._tape.note(code, now)
            events += self.counter.match(code, now)
        for event in events:
            if event.kind == "trade":
                self._tape.note_trade(event.fields, now)
        if self.on_mutation is not None:
            self.on_mutation()
        self._say_all([*answers, *self._pushes(events, seq, asker)])

    def _pushes(
        self, events: Sequence[Event], seq: int = -1, asker: ClientSide | None = None
    ) -> list[Message]:
        messages = []
        for event in events:
            for client in self._clients.subscribed(event.account_id):
                fields = event.fields
                if event.kind == "order_error":
                    # Only the client that sent the order knows its request number.
                    fields = {**fields, "seq": seq if client is asker else -1}
                messages.append(Message(client, event.kind, -1, fields))
        return messages

    def _say_all(self, messages: Sequence[Message]) -> None:
        said = self.faults.distort(messages)
        if self.faults.delay > 0 or not self._delayed.empty:
            self._delayed.put(self.faults.delay, said)
            return
        for message in said:
            message.say()
