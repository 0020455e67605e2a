"""Everything one account needs to trade on a connection: its desk, cancels, journal, limits, quotes and doubts.

Puts the parts together; decides nothing about an order itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from loguru import logger

from easytrader_qmt.clock import Clock, day_number, shanghai
from easytrader_qmt.errors import JournalError, NotConnected, QueryFailed
from easytrader_qmt.folders import default_journal, default_kill_switch
from easytrader_qmt.journal import Journal
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.journal_memory import AnyJournal, RemarkBook, memory_journal
from easytrader_qmt.miniqmt import sync
from easytrader_qmt.miniqmt.cancels import CancelDesk
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import within
from easytrader_qmt.miniqmt.desk import OrderDesk
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper, type_of
from easytrader_qmt.miniqmt.options import ConnectOptions
from easytrader_qmt.miniqmt.order_watch import JUNK, OrderWatch
from easytrader_qmt.miniqmt.vendor import QUOTE_SECONDS
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.quotes import CautiousQuotes, DayQuote, QuoteSource
from easytrader_qmt.risk import Reservation, Risk
from easytrader_qmt.securities import Rules

_LEAST_PATIENCE, _LONGEST_PATIENCE = 0.5, 5.0
"""Bounds on how long an order waits for a journal that somebody else uses, in seconds."""


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
        self._clock = clock
        self.quotes = _quotes(options.quotes, quotes, clock, keep=not simulated)
        self.journal = _journal(options, simulated, clock)
        self.remarks = RemarkBook(self.journal, clock)
        limits = options.risk
        if limits.kill_switch_file is None:
            # A file by default too: what was stopped must not go on after a restart.
            place = default_kill_switch(account.account_id, options.miniqmt_path if simulated else None)
            limits = replace(limits, kill_switch_file=place)
        self.risk = Risk(limits, clock, self.rules.parse)
        self.watch = OrderWatch(account.account_id, clock)
        self.doubts = DoubtKeeper(connection, account, self.journal, self.watch, clock, tell, self._recount)
        self.desk = OrderDesk(
            connection,
            account,
            self.journal,
            self.risk,
            self.watch,
            self.remarks,
            self.doubts,
            call_timeout=options.call_timeout,
            clock=clock,
            admit=self._admit,
        )
        self.cancels = CancelDesk(
            connection, account, self.risk, self.watch, call_timeout=options.call_timeout, clock=clock
        )
        self._counting = threading.RLock()  # whoever holds it may be interrupted by a handler that orders
        self._day_limited = limits.max_day_orders is not None or limits.max_day_notional is not None
        self._counted_on: int | None = None  # the day of which the journal has been counted
        self._remembered = False
        self._hooked: tuple[tuple[list[Any], Callable[..., Any]], ...] = (
            (connection.watchers, self._heard),
            (connection.on_connecting, self._connecting),
            (connection.on_synced, self._synced),
            (connection.on_beat, self.doubts.look_again),
            (connection.due, self.doubts.due_in),
        )
        for hooks, mine in self._hooked:
            hooks.append(mine)

    def day(self, stock_code: str) -> DayQuote | None:
        """The security's day, where a quote source knows it."""
        return self.quotes.day_quote(stock_code) if self.quotes is not None else None

    def sellable(self, stock_code: str) -> int | None:
        """How many shares can be sold now; None when it cannot be found out."""
        return self.sellable_once()(stock_code)

    def sellable_once(self) -> Callable[[str], int | None]:
        """As ``sellable`` for many orders: the positions are asked for once, with the first that needs them."""
        found: list[list[Any] | None] = []

        def look(stock_code: str) -> int | None:
            if not found:
                try:
                    found.append(self._connection.ask("query_stock_positions", self.account))
                except (NotConnected, QueryFailed):
                    found.append(None)
            if found[0] is None:
                return None
            return sum(int(one.can_use_volume) for one in found[0] if one.stock_code == stock_code)

        return look

    def close(self) -> None:
        """Leave the connection, which may go on, and close the journal."""
        for hooks, mine in self._hooked:
            with suppress(ValueError):
                hooks.remove(mine)
        self.journal.close()

    # --- limits --------------------------------------------------------------------------------

    def _admit(self, request: OrderRequest, killed: bool | None = None) -> Reservation:
        """Let an order pass the limits. Raises InvalidOrder; JournalError while today is not yet counted."""
        self._count_earlier()
        reconciled = not self.risk.limits.require_reconciled or self.doubts.look_again()
        unpriced = not request.price or request.is_unprotected
        reference = self._reference_price(request) if unpriced else None
        return self.risk.check_order(request, reconciled=reconciled, reference_price=reference, killed=killed)

    def _count_earlier(self) -> None:
        """Count today's orders of earlier connections and processes, where a limit for the day is set.

        Once a day: when a clock that was put forward is put back, the limits have forgotten the day.
        """
        if not self._day_limited or self._counted_on == day_number(self._clock.now()):
            return
        with self._counting:
            today = day_number(self._clock.now())
            if self._counted_on != today:
                mine = self.account.account_id, self._today(), type_of(self.account)
                self.risk.count_earlier(*self.journal.sent_on(*mine))
                self._counted_on = today

    def _reference_price(self, request: OrderRequest) -> float | None:
        """What an order that may trade at any price is reckoned at, in yuan a share; None where it is not known.

        The most a buy can cost, the last price of a sale. B shares are not quoted in yuan.
        """
        if request.security.board.kind == "b_share":
            return None
        day = self.day(request.stock_code)
        if day is None:
            return None
        return (day.upper_limit or day.last) if request.action == "buy" else day.last

    def _recount(self, entry: Entry, orders: int) -> None:
        """An order of today turned out not to be at the counter (-1), or to be there after all (1)."""
        today = day_number(self._clock.now())
        if not self._day_limited or self._counted_on != today:
            return  # what is still to be counted is read from the journal as it stands then
        if day_number(entry.begun_at) == today:
            self.risk.count_earlier(orders, orders * (entry.notional or 0.0))

    def _today(self) -> str:
        return shanghai(self._clock.now()).strftime("%Y-%m-%d")

    # --- what the connection tells ---------------------------------------------------------------

    def _connecting(self) -> None:
        """Before a snapshot; what the journal knows of today is taken up once. Orders wait for neither."""
        self.doubts.note()
        try:
            self._count_earlier()
            if not self._remembered:
                self._remember_today()
                self._remembered = True
        except JournalError as error:
            logger.warning("未能读取今天的委托日志：{}", error)

    def _remember_today(self) -> None:
        for entry in self.journal.entries(self.account.account_id, day=self._today()):
            if entry.outcome in ("absent", "refused"):
                self.doubts.denied(entry.token, by_push=entry.outcome == "absent")
            elif entry.outcome == "accepted" and entry.rejected_later:
                self.watch.refused_before(entry.order_id, entry.token, entry.rejected_later)
                # It may have been the terminal that gave up: a list that shows it at the exchange says more.
                self.doubts.denied(entry.token, by_push=False)

    def _heard(self, method: str, args: tuple[Any, ...]) -> None:
        """A push that is news, before the user's handlers hear it. Runs on the dispatcher thread."""
        word = self.watch.heard(method, args[0]) if args else None
        if word is None or self.doubts.heard(word) or word.refusal is None:
            return
        if not word.token and word.order_id <= 0:
            return  # of an order placed by hand: none of ours
        order = word.token or word.order_id
        if not self.journal.attach_refusal(self.account.account_id, order, word.refusal):
            logger.error("柜台的拒绝没能写入委托日志，会随下一次写入补上")
        if word.token and word.status != JUNK:
            self.doubts.denied(word.token, by_push=False)

    def _synced(self, found: tuple[sync.Snapshot, ...], started: float) -> None:
        mine = self.account.account_id, getattr(self.account, "account_type", None)
        for each in found:
            if (each.account_id, each.account_type) == mine:
                self.doubts.settle(each.orders, started)


def _quotes(
    users: QuoteSource | Literal[False] | None, vendors: QuoteSource | None, clock: Clock, *, keep: bool
) -> CautiousQuotes | None:
    """The user's quote source, or the vendor's; ``keep`` False for a market whose days pass at any time."""
    if users is not None:
        if users is False:
            return None
        return CautiousQuotes(users, clock, within=lambda ask: within(QUOTE_SECONDS, ask, "行情源"))
    return CautiousQuotes(vendors, clock, keep=keep) if isinstance(vendors, QuoteSource) else None


def _journal(options: ConnectOptions, simulated: bool, clock: Clock) -> AnyJournal:
    """The journal as told, beside a simulated terminal, or in the user's own folder."""
    if options.journal is False:
        return memory_journal(options.miniqmt_path, clock)
    path = options.journal
    if path is None:
        path = default_journal(options.miniqmt_path if simulated else None)
    patience = min(_LONGEST_PATIENCE, max(_LEAST_PATIENCE, options.call_timeout / 2))
    return Journal(path, clock=clock, timeout=patience)
