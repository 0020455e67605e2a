"""The verbs and queries of margin accounts, named after the vendor's constants.

Orders go the same way as all others: checked, journalled, sent once. Never turns a margin verb on an ordinary
account into an ordinary order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from easytrader_qmt.errors import InvalidOrder, shown
from easytrader_qmt.miniqmt import credit_fields as tables
from easytrader_qmt.miniqmt.connected import ConnectedTrader
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.miniqmt.order_words import order_terms, parsed
from easytrader_qmt.miniqmt.outcomes import Told, answer
from easytrader_qmt.order_rules import MAX_MONEY, as_written, refusal
from easytrader_qmt.orders import Action, OrderRequest, plain_order
from easytrader_qmt.records import Records, rows
from easytrader_qmt.securities import Security

CREDIT_ACCOUNT = 3
FIN_BUY, SLO_SELL, BUY_SECU_REPAY, DIRECT_SECU_REPAY, SELL_SECU_REPAY, DIRECT_CASH_REPAY = (
    27,
    28,
    29,
    30,
    31,
    32,
)
_SPECIAL = 13
"""From an order type to its 专项 form, in the vendor's constants."""


class CreditVerbs(ConnectedTrader):
    """What a facade on an account of type CREDIT can do besides ``buy`` and ``sell`` (担保品买入, 担保品卖出).

    All order verbs take the keywords of ``buy`` and ``special=True`` for the 专项 form, return what ``buy``
    returns and raise what it raises; on an account of another type they raise InvalidOrder.
    """

    def _limit_request(
        self,
        action: Action,
        security: Any,
        price: Any,
        amount: Any,
        words: dict[str, Any],
        order_type: int | None = None,
    ) -> OrderRequest | Told:
        raise NotImplementedError

    def _place(self, request: OrderRequest | Told) -> dict[str, Any]:
        raise NotImplementedError

    # --- orders --------------------------------------------------------------------------------

    def fin_buy(
        self, security: str, price: float, amount: int, *, special: bool = False, **words: Any
    ) -> dict[str, Any]:
        """融资买入: buy ``amount`` shares at ``price`` yuan with borrowed money."""
        return self._margin("buy", FIN_BUY, security, price, amount, special, words)

    def slo_sell(
        self, security: str, price: float, amount: int, *, special: bool = False, **words: Any
    ) -> dict[str, Any]:
        """融券卖出: sell ``amount`` borrowed shares at ``price`` yuan."""
        return self._margin("sell", SLO_SELL, security, price, amount, special, words)

    def buy_secu_repay(
        self, security: str, price: float, amount: int, *, special: bool = False, **words: Any
    ) -> dict[str, Any]:
        """买券还券: buy ``amount`` shares at ``price`` yuan to give back what was borrowed."""
        return self._margin("buy", BUY_SECU_REPAY, security, price, amount, special, words)

    def sell_secu_repay(
        self, security: str, price: float, amount: int, *, special: bool = False, **words: Any
    ) -> dict[str, Any]:
        """卖券还款: sell ``amount`` shares at ``price`` yuan to repay borrowed money."""
        return self._margin("sell", SELL_SECU_REPAY, security, price, amount, special, words)

    def direct_secu_repay(
        self, security: str, amount: int, *, special: bool = False, **words: Any
    ) -> dict[str, Any]:
        """直接还券: give back ``amount`` shares of a borrowed security out of the position."""
        side = self._margin_side()
        found = parsed(side, security)
        return self._repay(side, found, _type(DIRECT_SECU_REPAY, special), 0.0, amount, words)

    def direct_cash_repay(self, amount: float, *, special: bool = False, **words: Any) -> dict[str, Any]:
        """直接还款: repay ``amount`` yuan of borrowed money out of the cash.

        The vendor does not document the fields: the sum goes as the price and 1 as the volume, so that a
        counter that reads the price or the product repays the sum, and one that reads the volume 1 yuan.
        """
        side = self._margin_side()
        yuan = _to_the_cent(amount)
        # Any security of the account's market will do; the vendor's struct wants one.
        found = side.rules.parse("600000.SH")
        return self._repay(side, found, _type(DIRECT_CASH_REPAY, special), yuan, 1, words)

    def _margin(
        self,
        action: Action,
        order_type: int,
        security: Any,
        price: Any,
        amount: Any,
        special: bool,
        words: dict[str, Any],
    ) -> dict[str, Any]:
        self._margin_side()
        return self._place(
            self._limit_request(action, security, price, amount, words, _type(order_type, special))
        )

    def _repay(
        self,
        side: AccountSide,
        security: Security,
        order_type: int,
        price: float,
        volume: object,
        words: dict[str, Any],
    ) -> dict[str, Any]:
        request = plain_order(security, "sell", order_type, price, volume, **order_terms(words))
        return answer(side.desk.place(request), raise_on_reject=side.raise_on_reject)

    def _margin_side(self) -> AccountSide:
        side = self._own()
        if self._account.account_type != CREDIT_ACCOUNT:
            raise InvalidOrder(
                "融资融券委托只能用在信用账户上；没有发送。请用 user.add_account(账号, 'CREDIT') 返回的对象",
                field="account_type", value=self._account.account_type, rule="信用账户 CREDIT",
            )  # fmt: skip
        return side

    # --- queries -------------------------------------------------------------------------------

    @property
    def credit_detail(self) -> Records:
        """The margin account's money, debts, limits and maintenance ratio, in yuan; one row."""
        return self._credit("query_credit_detail", tables.CREDIT_DETAIL)

    @property
    def compacts(self) -> Records:
        """The account's open debt contracts (负债合约)."""
        return self._credit("query_stk_compacts", tables.COMPACTS)

    @property
    def credit_subjects(self) -> Records:
        """What can be bought or sold on margin (融资融券标的)."""
        return self._credit("query_credit_subjects", tables.CREDIT_SUBJECTS)

    @property
    def slo_codes(self) -> Records:
        """What can be borrowed now, and how many shares of it (可融券)."""
        return self._credit("query_credit_slo_code", tables.SLO_CODES)

    @property
    def credit_assure(self) -> Records:
        """What counts as collateral, and at which ratio (标的担保品)."""
        return self._credit("query_credit_assure", tables.CREDIT_ASSURE)

    def _credit(self, name: str, table: Any) -> Records:
        self._margin_side()
        return rows(table, self._live().ask(name, self._account))


def _type(order_type: int, special: bool) -> int:
    return order_type + _SPECIAL if special else order_type


def _to_the_cent(amount: object) -> float:
    """A sum of money in yuan, never rounded. Raises InvalidOrder."""
    exact = as_written(amount)
    if exact is None or not 0 < exact < MAX_MONEY:
        rule = "大于 0 的金额"
        raise refusal(f"还款金额 {shown(amount)} 无效：应为{rule}（元）", "amount", amount, rule)
    cents = round(float(exact), 2)
    if Decimal(repr(cents)) != exact:
        nearest = cents or 0.01
        raise refusal(
            f"还款金额 {shown(amount)} 无效：应精确到分，最近的有效金额是 {nearest:.2f}",
            "amount", amount, "精确到分", nearest,
        )  # fmt: skip
    return cents
