"""The simulated day's new issues, what an account may subscribe to, and why a subscription is refused.

The same three issues every day, open for subscription that day. Pure: money is not frozen (payment follows an
allotment, and nothing is ever allotted here), and nothing is moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from easytrader_qmt.sim.credit_compacts import date_of
from easytrader_qmt.sim.hours import CLOSED
from easytrader_qmt.sim.matching import LIMIT
from easytrader_qmt.sim.money import mills, whole_mills
from easytrader_qmt.sim.order import BUY, ISSUE, REPORTED, Order
from easytrader_qmt.sim.refusals import CLOSED_NOW, OrderTerms, Refusal

SUBSCRIBED_ALREADY = Refusal(260230, "同一只新股、新债当日只能申购一次")
NOT_THE_ISSUE_PRICE = Refusal(260231, "申购价格与发行价不一致")
WRONG_UNIT = Refusal(260232, "申购数量不合法，不符合申购单位要求")
ABOVE_LIMIT = Refusal(260233, "申购数量超过可申购上限")
NOT_ON_MARGIN = Refusal(260234, "信用账号不能申购新股、新债")
BUY_ONLY = Refusal(260235, "新股、新债只接受限价买入申购")
NO_TAKING_BACK = Refusal(260236, "申购委托不允许撤单")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. ``least`` is the smallest subscription and its unit, shares (bonds: 张); ``price`` yuan.

    ``market`` is the key of the account's limit for it, empty for a bond, which needs none.
    """

    code: str
    name: str
    type: str
    least: int
    most: int
    price: float
    market: str

    def row(self, now: float) -> dict[str, Any]:
        """The IPOData row of the day."""
        return {
            "ipo_code": self.code,
            "ipo_name": self.name,
            "ipo_type": self.type,
            "max_purchase_num": self.most,
            "min_purchase_num": self.least,
            "purchase_date": str(date_of(now)),
            "issue_price": self.price,
        }


ISSUES: dict[str, Issue] = {
    one.code: one
    for one in (
        Issue("780888.SH", "仿真股份", "STOCK", 500, 12_000, 15.60, "SH"),
        Issue("301888.SZ", "仿真科技", "STOCK", 500, 16_500, 38.20, "SZ"),
        Issue("783888.SH", "仿真发债", "BOND", 10, 10_000, 100.00, ""),
    )
}
"""The issues by full code."""

LIMITS: dict[str, int] = {"KCB": 5_500, "SH": 10_000, "SZ": 8_000}
"""Shares an ordinary account may subscribe to, per issue, by market."""


def issue_rows(now: float) -> list[dict[str, Any]]:
    """The IPOData rows of the day."""
    return [one.row(now) for one in ISSUES.values()]


def limit_rows(on_margin: bool) -> list[dict[str, Any]]:
    """The NewPurchaseLimitInfo rows; a margin account has none, it cannot subscribe."""
    if on_margin:
        return []
    return [
        {"new_purchase_limit_key": key, "new_purchase_limit_value": value} for key, value in LIMITS.items()
    ]


def check_subscription(
    issue: Issue, sent: OrderTerms, order_type: int, on_margin: bool, today: Iterable[Order], phase: str
) -> Refusal | None:
    """The first rule a subscription breaks; ``today`` are the account's orders of the day."""
    if on_margin:
        return NOT_ON_MARGIN
    if phase == CLOSED:
        return CLOSED_NOW
    if order_type != BUY or sent.price_type != LIMIT:
        return BUY_ONLY
    if any(one.stock_code == issue.code and one.kind == ISSUE and one.status == REPORTED for one in today):
        return SUBSCRIBED_ALREADY
    if mills(sent.price) != whole_mills(issue.price, "发行价"):
        return NOT_THE_ISSUE_PRICE
    if sent.volume < issue.least or sent.volume % issue.least:
        return WRONG_UNIT
    most = min(issue.most, LIMITS[issue.market]) if issue.market else issue.most
    return ABOVE_LIMIT if sent.volume > most else None
