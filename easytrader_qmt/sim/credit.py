"""Margin trading at the simulated counter: who may owe more, what is repaid, and the rows clients query.

Knows the accounts' contracts, the waiting orders and the market; money and shares are moved by `moves`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from easytrader_qmt.sim import credit_checks as checks
from easytrader_qmt.sim import moves
from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.credit_compacts import ORDINARY_GROUP, SPECIAL_GROUP, CreditBook
from easytrader_qmt.sim.credit_picture import Picture, Security, picture
from easytrader_qmt.sim.credit_terms import CreditTerms, SecurityTerms
from easytrader_qmt.sim.daybook import DayBook, Row
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.ladder import Ladder
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.order import MARKET_IDS, Order
from easytrader_qmt.sim.order_verbs import BUY_REPAY, FIN_BUY, PLAIN
from easytrader_qmt.sim.refusals import CASH_SHORT, OrderTerms, Refusal

NORMAL, NOT_A_SUBJECT = 48, 50
"""融资状态, 融券状态 and 是否可做担保 of a row: 48 正常, 50 非标的."""


class CreditDesk:
    """The margin side of one counter; ``terms`` may be replaced at any time."""

    def __init__(self, market: Market, day: DayBook, terms: CreditTerms) -> None:
        self.terms = terms
        self._market = market
        self._day = day

    def figures(self, account: Account, book: CreditBook) -> Picture:
        """The account's debts, margin and quotas as they stand."""
        seen: dict[str, Security] = {}

        def look(code: str) -> Security:
            if code not in seen:
                instrument = self._market.instrument(code)
                last = self._market.ladder(code).last
                seen[code] = Security(instrument.kind, last, self.terms.security(instrument))
            return seen[code]

        return picture(account, book, self._day.live[account.account_id].values(), self.terms, look)

    # --- decisions -----------------------------------------------------------------------------

    def check_terms(
        self, account: Account, instrument: Instrument, ladder: Ladder, order: Order, sent: OrderTerms
    ) -> Refusal | None:
        """Whether the account may do this deed in this security, and has so much to repay."""
        if account.credit is None:
            return checks.NOT_A_CREDIT_ACCOUNT if order.verb.credit else None
        refusal = checks.check_kind(instrument, ladder, order, sent, self.terms.security(instrument))
        if refusal is not None or order.verb.deed in (PLAIN, FIN_BUY) or order.sells_short:
            return refusal
        return checks.check_repayment(instrument, order, account.credit, self._on_the_way(order))

    def check_means(
        self, account: Account, instrument: Instrument, order: Order, needed: int
    ) -> Refusal | None:
        """Whether the account has the ``needed`` mills: cash, or what it may owe."""
        book = account.credit
        if book is not None and (order.verb.deed == FIN_BUY or order.sells_short):
            security = self.terms.security(instrument)
            lent = book.owed_shares(order.stock_code, order.verb.special) if order.sells_short else 0
            lent += self._waiting(order, order.verb.deed)
            return checks.check_opening(
                order, needed, self.figures(account, book), self.terms, security, lent
            )
        purse = account.cash
        if book is not None and order.verb.deed == BUY_REPAY:
            purse += book.slo_cash
        return CASH_SHORT if order.spends and needed > purse else None

    def check_direct(self, account: Account, order: Order, sent: OrderTerms) -> Refusal | int:
        """The mills a direct repayment takes (0 when it takes shares), or why it may not be."""
        if account.credit is None:
            return checks.NOT_A_CREDIT_ACCOUNT
        return checks.check_direct(account, account.credit, order, sent, self._on_the_way(order))

    def fetchable(self, account: Account) -> int:
        """Mills that may leave the account: never today's proceeds, never what its debts need."""
        if account.credit is None:
            return max(0, account.cash - account.proceeds)
        return self.figures(account, account.credit).fetchable

    def settle(self, account: Account) -> None:
        """A day passes on the account's contracts."""
        if account.credit is not None:
            account.credit.settle(self.terms)
            moves.release(account)

    # --- rows ----------------------------------------------------------------------------------

    def detail(self, account_id: str, now: float) -> list[Row]:
        """The XtCreditDetail row; none for an account that is no margin account."""
        account = self._day.accounts.get(account_id)
        if account is None or account.credit is None:
            return []
        return [self.figures(account, account.credit).row(account, now)]

    def compacts(self, account_id: str) -> list[Row]:
        """The StkCompacts rows, oldest first; what was closed today stays until the day ends."""
        account = self._day.accounts.get(account_id)
        if account is None or account.credit is None:
            return []
        return [one.row(account.account_type, account_id) for one in account.credit.compacts]

    def subjects(self, account_id: str) -> list[Row]:
        """The CreditSubjects rows: every security that may be bought on margin or sold short."""

        def row(head: Row, instrument: Instrument, terms: SecurityTerms) -> list[Row]:
            if not (terms.fin or terms.slo):
                return []
            return [
                {
                    **head,
                    "slo_status": NORMAL if terms.slo else NOT_A_SUBJECT,
                    "fin_status": NORMAL if terms.fin else NOT_A_SUBJECT,
                    "slo_ratio": terms.slo_ratio,
                    "fin_ratio": terms.fin_ratio,
                }
            ]

        return self._by_security(account_id, row)

    def slo_codes(self, account_id: str) -> list[Row]:
        """The CreditSloCode rows: shares still to be lent to this account, ordinary and special."""
        account = self._day.accounts.get(account_id)
        book = account.credit if account else None

        def row(head: Row, instrument: Instrument, terms: SecurityTerms) -> list[Row]:
            if book is None or not terms.slo:
                return []
            code, rows = instrument.stock_code, []
            for special, group in ((False, ORDINARY_GROUP), (True, SPECIAL_GROUP)):
                waiting = sum(
                    order.remaining
                    for order in self._day.live[account_id].values()
                    if order.sells_short and order.stock_code == code and order.verb.special == special
                )
                left = max(0, terms.pool(special) - book.owed_shares(code, special) - waiting)
                rows.append({**head, "cashgroup_prop": group, "enable_amount": left})
            return rows

        return self._by_security(account_id, row)

    def assures(self, account_id: str) -> list[Row]:
        """The CreditAssure rows: every security that counts as collateral."""

        def row(head: Row, instrument: Instrument, terms: SecurityTerms) -> list[Row]:
            if terms.assure_ratio <= 0:
                return []
            return [{**head, "assure_status": NORMAL, "assure_ratio": terms.assure_ratio}]

        return self._by_security(account_id, row)

    # --- inside --------------------------------------------------------------------------------

    def _by_security(
        self, account_id: str, rows_of: Callable[[dict[str, Any], Instrument, SecurityTerms], list[Row]]
    ) -> list[Row]:
        account = self._day.accounts.get(account_id)
        if account is None or account.credit is None:
            return []
        rows: list[Row] = []
        for code in self._market.codes():
            instrument = self._market.instrument(code)
            number, _, exchange = code.partition(".")
            head = {
                "account_type": account.account_type,
                "account_id": account_id,
                "exchange_id": MARKET_IDS[exchange],
                "instrument_id": number,
            }
            rows += rows_of(head, instrument, self.terms.security(instrument))
        return rows

    def _on_the_way(self, order: Order) -> int:
        return self._waiting(order, BUY_REPAY)

    def _waiting(self, order: Order, deed: str) -> int:
        """Shares in the account's live orders of a deed, for the same security and 头寸."""
        return sum(
            one.remaining
            for one in self._day.live[order.account_id].values()
            if one.verb.deed == deed
            and one.stock_code == order.stock_code
            and one.verb.special == order.verb.special
        )
