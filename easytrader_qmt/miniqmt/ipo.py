"""Today's new issues as the terminal tells of them: how many shares of each may be subscribed, and when.

Reads what it is told and never sends. ``subscriptions`` subscribes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from easytrader_qmt.clock import Clock, shanghai
from easytrader_qmt.errors import QueryFailed
from easytrader_qmt.miniqmt import sync
from easytrader_qmt.order_rules import as_written, refusal
from easytrader_qmt.securities import Rules, Security

# Subscription codes of the STAR market (787, 789) have a limit of their own.
_STAR = ("787", "789")
_FIRST_YEAR = 1990
"""No exchange was open before: an earlier date is a field nobody filled."""


class Offer(NamedTuple):
    """One issue as the account can subscribe to it."""

    security: Security
    price: float
    """Yuan."""
    amount: int
    """Shares; 0 where the account has no limit left for it."""
    client_order_id: str
    """Of the day and the code, so that the journal lets the issue through once a day."""


def purchase_limits(connection: Any, account: Any) -> dict[str, int]:
    """The account's subscription limits in shares by market, such as ``{'SH': 10000, 'SZ': 8000, 'KCB': 5000}``.

    Raises NotConnected, QueryFailed.
    """
    found = sync.answer_of(connection.ready(), "query_new_purchase_limit", account, "新股申购额度", account)
    try:
        if isinstance(found, dict):
            return {str(key): int(value) for key, value in found.items()}
        return {str(each.m_strNewPurchaseLimitKey): int(each.m_nNewPurchaseLimitValue) for each in found}
    except (TypeError, ValueError, AttributeError) as error:
        raise QueryFailed(f"新股申购额度查询失败：终端的应答无法读取：{error}") from error


def offer_of(issue: dict[str, Any], limits: dict[str, int], rules: Rules, clock: Clock) -> Offer:
    """One row of the terminal's issues as an offer. Raises InvalidOrder for a row that cannot be right."""
    security = rules.parse(issue["code"])
    name = f"ipo:{_day(issue, clock)}:{security.stock_code}"
    price = as_written(issue["issue_price"])
    if price is None or price < 0:
        raise refusal("终端没有给出有效的发行价", "issue_price", issue["issue_price"], "发行价")
    return Offer(security, float(price), _amount(issue, limits), name)


def _day(issue: dict[str, Any], clock: Clock) -> str:
    """The issue's own day: the terminal's need not be the day of this machine's clock, which is used if none."""
    given = "".join(each for each in str(issue["purchase_date"] or "") if each in "0123456789")[:8]
    try:
        known = datetime.strptime(given, "%Y%m%d").year >= _FIRST_YEAR and len(given) == 8
    except ValueError:
        known = False
    return given if known else shanghai(clock.now()).strftime("%Y%m%d")


def _amount(issue: dict[str, Any], limits: dict[str, int]) -> int:
    """How many shares: as many as the issue and the account's limit allow, none below the issue's minimum."""
    most = _shares(issue, "max_purchase")
    if str(issue["type"]).upper() != "BOND":
        # Bonds are subscribed without holdings, so no limit of the account applies to them.
        market = (
            "KCB" if str(issue["code"]).startswith(_STAR) else str(issue["code"]).rpartition(".")[2].upper()
        )
        most = min(most, limits.get(market, 0))
    least = max(1, _shares(issue, "min_purchase"))
    return most - most % least if most >= least else 0


def _shares(issue: dict[str, Any], field: str) -> int:
    found = as_written(issue[field])
    if found is None:
        raise refusal("终端没有给出有效的申购数量", field, issue[field], "申购数量")
    return int(found)


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
