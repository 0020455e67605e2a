"""Everything one account needs to trade on a connection: its desk, cancels, journal, limits, quotes and doubts.

Puts the parts together; decides nothing about an order itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import NotConnected, QueryFailed
from easytrader_qmt.journal import Journal
from easytrader_qmt.journal_memory import AnyJournal, MemoryJournal, RemarkBook
from easytrader_qmt.miniqmt import sync
from easytrader_qmt.miniqmt.cancels import CancelDesk
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.desk import OrderDesk
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper
from easytrader_qmt.miniqmt.options import ConnectOptions
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.quotes import CautiousQuotes, DayQuote, QuoteSource
from easytrader_qmt.risk import Risk
from easytrader_qmt.securities import Rules


class AccountSide:
    """One account's parts, made at ``connect`` and closed at ``exit``."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        options: ConnectOptions,
        clock: Clock,
        *,
        quotes: QuoteSource | None,
        simulated: bool,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self.account = account
        self.rules: Rules = options.rules
        self.raise_on_reject = options.raise_on_reject
        self.price_rounding = options.price_rounding
        self._connection = connection
        source = options.quotes if options.quotes is not None else quotes
        self.quotes = CautiousQuotes(source, clock) if isinstance(source, QuoteSource) else None
        path = _journal_path(options, simulated)
        self.journal: AnyJournal = (
            MemoryJournal(clock)
            if path is None
            else Journal(path, clock=clock, timeout=options.call_timeout / 2)
        )
        self.remarks = RemarkBook(self.journal)
        self.risk = Risk(options.risk, clock, self.rules.parse)
        self.watch = OrderWatch(account.account_id)
        self.doubts = DoubtKeeper(connection, account, self.journal, self.watch, clock, tell)
        self.desk = OrderDesk(
            connection,
            account,
            self.journal,
            self.risk,
            self.watch,
            self.remarks,
            call_timeout=options.call_timeout,
            clock=clock,
            reference_price=self._reference_price,
            reconcile=self.doubts.look_again,
            settled_late=self.doubts.answered_late,
        )
        self.cancels = CancelDesk(
            connection, account, self.risk, self.watch, call_timeout=options.call_timeout
        )
        connection.watchers.append(self._heard)
        connection.on_connecting.append(self.doubts.note)
        connection.on_synced.append(self._synced)
        connection.on_beat.append(self.doubts.look_again)

    def day(self, stock_code: str) -> DayQuote | None:
        """The security's day, where a quote source knows it."""
        return self.quotes.day_quote(stock_code) if self.quotes is not None else None

    def sellable(self, stock_code: str) -> int | None:
        """How many shares can be sold now; None when it cannot be found out."""
        try:
            positions = self._connection.ask("query_stock_positions", self.account)
        except (NotConnected, QueryFailed):
            return None
        return sum(int(one.can_use_volume) for one in positions if one.stock_code == stock_code)

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def _reference_price(self, stock_code: str) -> float | None:
        day = self.day(stock_code)
        return None if day is None else day.last

    def _heard(self, method: str, args: tuple[Any, ...]) -> None:
        """A push that is news, before the user's handlers hear it. Runs on the dispatcher thread."""
        refused = self.watch.heard(method, args[0]) if args else None
        if refused is None:
            return
        order_id, token, message = refused
        if not self.journal.attach_refusal(self.account.account_id, token or order_id, message):
            logger.error("柜台的拒绝没能写入委托日志，会随下一次写入补上")

    def _synced(self, found: tuple[sync.Snapshot, ...], started: float) -> None:
        for each in found:
            if each.account_id == self.account.account_id:
                self.doubts.settle(each.orders, started)


def _journal_path(options: ConnectOptions, simulated: bool) -> str | None:
    """Where the journal lies: as told, beside a simulated terminal, or in the user's own folder."""
    if options.journal is False:
        return None
    if options.journal is not None:
        return os.fspath(options.journal)
    if simulated:
        return os.path.join(options.miniqmt_path, "easytrader_qmt", "journal.sqlite3")
    return os.path.join(user_folder(), "journal.sqlite3")


def user_folder() -> str:
    """The user's own folder for what this package keeps: LOCALAPPDATA on Windows, ~/.local/share elsewhere."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME")
    return os.path.join(base or os.path.join(os.path.expanduser("~"), ".local", "share"), "easytrader-qmt")
