"""MiniqmtTrader: easytrader's verbs on one account of one MiniQMT connection.

Verbs only: it checks arguments and hands over. It never talks to the vendor's layer itself, never guesses an
exchange, and never turns a failed query into an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from loguru import logger

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.miniqmt.accounts import AccountVerbs
from easytrader_qmt.miniqmt.basket import basket_requests, with_progress
from easytrader_qmt.miniqmt.cancels import entrust_number
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.miniqmt.credit import CreditVerbs
from easytrader_qmt.miniqmt.doubt_rows import row_of
from easytrader_qmt.miniqmt.order_words import order_terms, parsed
from easytrader_qmt.miniqmt.outcomes import Told, answer, basket_answer
from easytrader_qmt.miniqmt.waiting import wait_for_end, with_refusals
from easytrader_qmt.orders import Action, OrderRequest, limit_order, market_order
from easytrader_qmt.records import Records, rows
from easytrader_qmt.risk import Risk
from easytrader_qmt.securities import Security

Sellable = Callable[[str], "int | None"]
"""How many shares of a code can be sold now; None when it cannot be found out."""
_ANY_PRICE = 1.0
"""On every board's tick."""


class MiniqmtTrader(CreditVerbs, AccountVerbs):
    """A trader on a MiniQMT terminal; what ``use('miniqmt')`` returns. Nothing happens before ``connect``."""

    broker_type = "miniqmt"

    # --- queries -------------------------------------------------------------------------------

    @property
    def balance(self) -> Records:
        """The account's money in yuan, one row. Raises NotConnected, QueryFailed."""
        return rows("asset", [self._live().asset(self._account)])

    @property
    def position(self) -> Records:
        """Positions in shares and yuan. Raises NotConnected, QueryFailed; empty only when proved empty."""
        return rows("position", self._live().ask("query_stock_positions", self._account))

    @property
    def today_entrusts(self) -> Records:
        """Today's orders. Raises NotConnected, QueryFailed; empty only when proved empty."""
        return self._orders(False)

    @property
    def cancel_entrusts(self) -> Records:
        """Today's orders that can still be cancelled. Raises NotConnected, QueryFailed."""
        return self._orders(True)

    @property
    def today_trades(self) -> Records:
        """Today's trades. Raises NotConnected, QueryFailed; empty only when proved empty."""
        found = self._live().ask("query_stock_trades", self._account)
        return rows("trade", found, self._own().remarks)

    def _orders(self, cancelable_only: bool) -> Records:
        found = self._live().ask("query_stock_orders", self._account, cancelable_only)
        side = self._own()
        return with_refusals(rows("order", found, side.remarks), found, side.watch)

    def order(self, entrust_no: int) -> dict[str, Any] | None:
        """Today's order with this number, as one row; None when the counter has none. Raises as the queries do."""
        number = entrust_number(entrust_no)
        return next((row for row in self.today_entrusts if row["order_id"] == number), None)

    def position_of(self, security: str) -> dict[str, Any] | None:
        """The position in a security, as one row; None when there is none. Raises as the queries do.

        A bare code that may stand for two securities (163402) finds the one that is held.
        """
        side = self._own()
        code, other = parsed(side, security).stock_code, side.rules.shared_prefix(security)
        held = {row["stock_code"]: row for row in self.position}
        return held.get(code) or held.get(other or "")

    # --- orders --------------------------------------------------------------------------------

    def buy(self, security: str, price: float, amount: int, **kwargs: Any) -> dict[str, Any]:
        """Buy ``amount`` shares at ``price`` yuan: ``{'entrust_no': n}``, -1 with ``message`` when refused.

        Keywords: ``strategy_name``, ``remark`` (at most 23 bytes each), ``client_order_id`` (the same one places
        one order for ever, and returns the same number). Raises InvalidOrder, NotConnected and JournalError
        (nothing was sent), OrderInDoubt (do not send again), OrderRejected with ``raise_on_reject``.
        """
        return self._limit("buy", security, price, amount, kwargs)

    def sell(self, security: str, price: float, amount: int, **kwargs: Any) -> dict[str, Any]:
        """Sell ``amount`` shares at ``price`` yuan; otherwise as ``buy``."""
        return self._limit("sell", security, price, amount, kwargs)

    def market_buy(
        self, security: str, amount: int, ttype: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Buy at market. ``ttype`` is one of easytrader's names, None the market's default.

        Shanghai and Beijing need a protect price: ``protect_price`` in yuan, or the day's limit where a quote
        source knows it. Shenzhen takes a ``protect_price`` too, but its exchange does not keep to it: where the
        price matters, use ``buy``. Otherwise as ``buy``.
        """
        return self._market("buy", security, amount, ttype, kwargs)

    def market_sell(
        self, security: str, amount: int, ttype: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        """Sell at market; otherwise as ``market_buy``."""
        return self._market("sell", security, amount, ttype, kwargs)

    def batch(self, orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send many orders without waiting in between; one outcome for each, in order.

        Each is ``{'action': 'buy'|'sell'|'market_buy'|'market_sell', 'security': …, 'price': …, 'amount': …}``
        with the keywords of the verb. An outcome has ``entrust_no`` (-1 unless accepted), ``outcome``
        (accepted, refused, not_sent, in_doubt), ``message``, ``sent`` and ``client_order_id``; one refusal
        does not stop the rest. Raises NotConnected when there is no connection to begin with, InvalidArgument
        for something that is no list.
        """
        side = self._own()
        self._live().ready()
        checked = basket_requests(orders, partial(self._request_of, sellable=side.sellable_once()))
        with with_progress(len(checked)) as step:
            return [basket_answer(told) for told in side.desk.place_all(checked, step)]

    def _limit(
        self, action: Action, security: str, price: float, amount: int, words: dict[str, Any]
    ) -> dict[str, Any]:
        return self._place(self._limit_request(action, security, price, amount, words))

    def _market(
        self, action: Action, security: str, amount: int, ttype: str | None, words: dict[str, Any]
    ) -> dict[str, Any]:
        return self._place(self._market_request(action, security, amount, ttype, words))

    def _place(self, request: OrderRequest | Told) -> dict[str, Any]:
        side = self._own()
        told = request if isinstance(request, Told) else side.desk.place(request)
        return answer(told, raise_on_reject=side.raise_on_reject)

    def _request_of(self, verb: str, words: dict[str, Any], sellable: Sellable) -> OrderRequest | Told:
        action: Action = "buy" if verb.endswith("buy") else "sell"
        security, amount = words.pop("security", None), words.pop("amount", None)
        if verb.startswith("market_"):
            return self._market_request(action, security, amount, words.pop("ttype", None), words, sellable)
        price = words.pop("price", None)
        return self._limit_request(action, security, price, amount, words, sellable=sellable)

    def _limit_request(
        self,
        action: Action,
        security: Any,
        price: Any,
        amount: Any,
        words: dict[str, Any],
        order_type: int | None = None,
        sellable: Sellable | None = None,
    ) -> OrderRequest | Told:
        """A checked order; or what became of it, where its id is that of one that left and could not leave now."""
        side = self._own()
        terms = order_terms(words)
        found = parsed(side, security)
        day = side.day(found.stock_code)
        known = (None, None) if day is None else ((day.lower_limit, day.upper_limit), day.suspended)

        def build(holding: Any, limits: Any = known[0], suspended: Any = known[1]) -> OrderRequest:
            return limit_order(
                found, action, price, amount, price_rounding=side.price_rounding, holding=holding,
                limits=limits, suspended=suspended, order_type=order_type, **terms,
            )  # fmt: skip

        request = _built(side, sellable, build, action, found, lambda: build(amount, None, None))
        if isinstance(request, OrderRequest):
            _tell_rounding("委托价格", price, request.price)
        return request

    def _market_request(
        self,
        action: Action,
        security: Any,
        amount: Any,
        ttype: Any,
        words: dict[str, Any],
        sellable: Sellable | None = None,
    ) -> OrderRequest | Told:
        """As ``_limit_request``."""
        side = self._own()
        protect = words.pop("protect_price", None)
        terms = order_terms(words, "market")
        found = parsed(side, security)
        day = side.day(found.stock_code)
        known = (None, None) if day is None else ((day.lower_limit, day.upper_limit), day.suspended)

        def build(
            holding: Any, limits: Any = known[0], suspended: Any = known[1], worst: Any = protect
        ) -> OrderRequest:
            return market_order(
                found, action, amount, ttype, protect_price=worst, price_rounding=side.price_rounding,
                holding=holding, limits=limits, suspended=suspended, **terms,
            )  # fmt: skip

        # What it is protected at is no part of what makes it this order.
        worst = _ANY_PRICE if protect is None else protect
        request = _built(side, sellable, build, action, found, lambda: build(amount, None, None, worst))
        if protect is not None and isinstance(request, OrderRequest):
            _tell_rounding("保护限价", protect, request.price)
        return request

    # --- what became of them -------------------------------------------------------------------

    def wait(self, entrust_no: int, timeout: float = 60.0) -> dict[str, Any]:
        """The order's row once it is final (部撤, 已撤, 已成, 废单), at most ``timeout`` seconds from now.

        A query that hangs is given its own deadline, so that much longer at worst (``call_timeout``).
        Raises OrderNotFinal, which carries the row as it stands, when it is not final by then; NotConnected,
        QueryFailed. Works inside an event handler too.
        """
        return wait_for_end(self._own().watch, lambda: self._orders(False), entrust_no, timeout, self._clock)

    @property
    def in_doubt(self) -> list[dict[str, Any]]:
        """Orders whose outcome nobody knows yet; they are never sent again by themselves.

        Raises NotConnected before ``connect``, JournalError when the journal cannot be read.
        """
        doubts = self._own().doubts
        return [
            row_of(entry, "in_doubt", 0, doubts.why(entry.key) or entry.message) for entry in doubts.open()
        ]

    def check_in_doubt(self) -> list[dict[str, Any]]:
        """Ask the counter now what became of the orders in doubt; returns those that still are.

        Raises what ``in_doubt`` raises.
        """
        self._own().doubts.look_again()
        return self.in_doubt

    def settle_in_doubt(self, client_order_id: str, entrust_no: int | None = None) -> None:
        """Write what you found at the counter yourself about an order in ``in_doubt``, where no list can tell.

        ``entrust_no``: its number there; None: it is not there, and its id may be sent again. Nothing is sent or
        asked. Raises InvalidArgument for an order that is not in doubt, InvalidOrder for no order number,
        JournalError.
        """
        number = 0 if entrust_no is None else entrust_number(entrust_no)
        self._own().doubts.settle_by_hand(client_order_id, number)

    def cancel_entrust(self, entrust_no: int) -> dict[str, Any]:
        """Cancel an order: ``{'success': bool, 'message': str}``, the counter's reason in ``message``.

        Raises NotConnected and InvalidOrder: nothing was sent. Cancelling twice, or what is over, breaks nothing.
        """
        return self._own().cancels.by_number(entrust_no)

    def cancel_sysid(self, order_sysid: str, market: str | int) -> dict[str, Any]:
        """Cancel by the counter's number and its market (SH, SZ, BJ): the way for orders placed by hand."""
        return self._own().cancels.by_sysid(order_sysid, market)

    def cancel_all(self, security: str | None = None) -> list[dict[str, Any]]:
        """Cancel everything that can be, or everything of one security; one answer for each order.

        A bare code that may stand for two securities (163402) means both. The rate limit slows it down instead
        of stopping it. Raises NotConnected, QueryFailed and InvalidOrder
        (an unreadable code): nothing was sent. What goes wrong after that is the answer of the order.
        """
        side = self._own()
        codes = (
            ()
            if security is None
            else (parsed(side, security).stock_code, side.rules.shared_prefix(security))
        )
        wanted = [row for row in self._orders(True) if not codes or row["stock_code"] in codes]
        return [
            {**done, "entrust_no": row["order_id"], "order_sysid": row["order_sysid"]}
            for row, done in zip(wanted, side.cancels.all_of(wanted), strict=True)
        ]

    @property
    def risk(self) -> Risk:
        """The risk limits of this account, and the kill switch. Raises NotConnected before ``connect``."""
        return self._own().risk


def _tell_rounding(what: str, asked: Any, sent: float) -> None:
    """Log a price that was brought to the tick, not one of another type that says the same."""
    if sent != asked and str(asked) != str(sent):
        logger.info("{} {} 已按最小变动价位调整为 {:.15g}", what, asked, sent)


def _built(
    side: AccountSide,
    sellable: Sellable | None,
    build: Callable[[int | None], OrderRequest],
    action: Action,
    security: Security,
    unchecked: Callable[[], OrderRequest],
) -> OrderRequest | Told:
    """Build an order; a sale of an odd amount is looked at again with what can be sold.

    Where it may not leave now, but one left under its id before, what became of that. ``unchecked`` makes it
    without what may have changed since: the day's limits, a suspension, what can be sold. That one is never sent.
    """
    try:
        return _sold_off(sellable or side.sellable, build, action, security)
    except InvalidOrder as error:
        try:
            same = unchecked()
        except InvalidOrder:
            raise error from None
        told = side.desk.earlier.repeated(same)
        if told is None:
            raise
        return told


def _sold_off(
    sellable: Sellable, build: Callable[[int | None], OrderRequest], action: Action, security: Security
) -> OrderRequest:
    try:
        return build(None)
    except InvalidOrder as error:
        if action != "sell" or error.field != "amount":
            raise
        held = sellable(security.stock_code)
        if held is None:
            raise
        return build(held)
