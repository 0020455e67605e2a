"""Today's new issues: what there is, how much may be subscribed, and subscribing to all of it once a day.

Never subscribes twice to one issue on one day, however often and from wherever it is called.
"""

from __future__ import annotations

from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock, shanghai
from easytrader_qmt.errors import TradeError
from easytrader_qmt.miniqmt import sync
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.miniqmt.outcomes import Told, basket_answer
from easytrader_qmt.orders import STOCK_BUY, OrderRequest
from easytrader_qmt.price_types import FIX_PRICE
from easytrader_qmt.records import Records

# Subscription codes of the STAR market (787, 789) have a limit of their own.
_STAR = ("787", "789")


def purchase_limits(connection: Any, account: Any) -> dict[str, int]:
    """The account's subscription limits in shares by market, such as ``{'SH': 10000, 'SZ': 8000, 'KCB': 5000}``."""
    found = sync.asked(lambda: connection.ready().query("query_new_purchase_limit", account), "新股申购额度")
    if isinstance(found, dict):
        return {str(key): int(value) for key, value in found.items()}
    return {str(each.m_strNewPurchaseLimitKey): int(each.m_nNewPurchaseLimitValue) for each in found or ()}


def subscribe_all(
    side: AccountSide, issues: Records, limits: dict[str, int], clock: Clock
) -> list[dict[str, Any]]:
    """Subscribe to each of today's issues up to its limit; one answer for each, as for a basket.

    The client order id is made of the day and the code, so the journal lets each issue through once a day.
    """
    today = shanghai(clock.now()).strftime("%Y%m%d")
    answers = []
    for issue in issues:
        code = issue["code"]
        amount = _amount(issue, limits)
        if amount <= 0:
            none = Told("not_sent", 0, "没有申购额度")
            answers.append({"code": code, "amount": 0, **basket_answer(none)})
            continue
        security = side.rules.parse(code)
        request = OrderRequest(
            security, "buy", STOCK_BUY, FIX_PRICE, float(issue["issue_price"]), amount,
            "", "", f"ipo:{today}:{security.stock_code}",
        )  # fmt: skip
        try:
            told = basket_answer(side.desk.place(request))
        except TradeError as error:
            told = basket_answer(Told("not_sent", 0, str(error), request.client_order_id or ""))
        logger.info("新股申购 {}: 数量={}, 结果={}", code, amount, told)
        answers.append({"code": code, "amount": amount, **told})
    return answers


def _amount(issue: dict[str, Any], limits: dict[str, int]) -> int:
    """How many shares: as many as the issue and the account's limit allow, none below the issue's minimum."""
    most = int(issue["max_purchase"])
    if str(issue["type"]).upper() != "BOND":
        # Bonds are subscribed without holdings, so no limit of the account applies to them.
        market = (
            "KCB" if str(issue["code"]).startswith(_STAR) else str(issue["code"]).rpartition(".")[2].upper()
        )
        most = min(most, limits.get(market, 0))
    least = max(1, int(issue["min_purchase"]))
    return most - most % least if most >= least else 0


def row_of(code: str, fields: dict[str, Any]) -> dict[str, Any]:
    """One issue as the vendor's synchronous call describes it, as a row."""
    return {
        "code": code,
        "name": fields.get("name"),
        "type": fields.get("type"),
        "issue_price": fields.get("issuePrice"),
        "min_purchase": fields.get("minPurchaseNum"),
        "max_purchase": fields.get("maxPurchaseNum"),
        "purchase_date": fields.get("purchaseDate"),
    }
