"""Subscribes to all of today's new issues, each once a day; what the counter refused may be tried again.

Never has two live subscriptions to one issue: whatever may still be at the counter keeps a second one from
leaving, and so does not knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import NotConnected, QueryFailed, TradeError
from easytrader_qmt.journal_entries import RETRYABLE, Entry, Outcome
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.miniqmt.ipo import Offer, offer_of
from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.miniqmt.order_watch import JUNK
from easytrader_qmt.miniqmt.outcomes import Told, basket_answer, of_entry
from easytrader_qmt.orders import STOCK_BUY, plain_order
from easytrader_qmt.records import Records
from easytrader_qmt.remarks import token_of

_SAID: dict[Outcome, Outcome] = {"accepted": "refused", "sending": "in_doubt", "absent": "not_sent"}
"""An accepted attempt that is told like this was refused later."""

AskOrders = Callable[[], Sequence[Any]]
"""The counter's orders of today, the vendor's own objects. Raises NotConnected, QueryFailed."""


@dataclass(frozen=True)
class _Counter:
    """What the counter lists of today; ``orders`` is None when it could not be asked, for the reason ``unknown``."""

    orders: Sequence[Any] | None
    unknown: str = ""


def subscribe_all(
    side: AccountSide, issues: Records, limits: dict[str, int], clock: Clock, ask_orders: AskOrders
) -> list[dict[str, Any]]:
    """Subscribe to each of today's issues up to its limit; one answer for each, as for a basket."""
    answers: list[dict[str, Any]] = []
    if not issues:
        return answers
    # Asked once, and before the journal is looked at: whatever another thread had sent by then is in both.
    counter = _asked(ask_orders)
    for issue in issues:
        amount, name = 0, ""
        try:
            offer = offer_of(issue, limits, side.rules, clock)
            amount, name = offer.amount, offer.client_order_id
            amount, told = _subscribe(side, offer, counter)
        except TradeError as error:
            told = Told("not_sent", 0, str(error), name)
        logger.info("新股申购 {}: 数量={}, 结果={}", issue["code"], amount, told)
        answers.append({"code": issue["code"], "amount": amount, **basket_answer(told)})
    return answers


def _asked(ask_orders: AskOrders) -> _Counter:
    try:
        return _Counter(ask_orders())
    except (NotConnected, QueryFailed) as error:
        return _Counter(None, str(error))


def _subscribe(side: AccountSide, offer: Offer, counter: _Counter) -> tuple[int, Told]:
    """The amount and the outcome of the subscription that stands, or of the next attempt."""
    entry = _find(side, offer, 1)
    refused: list[Entry] = []
    while entry is not None and was_refused(entry, counter.orders or ()):
        refused.append(entry)
        entry = _find(side, offer, len(refused) + 1)
    if entry is not None and entry.outcome == "accepted":
        return entry.amount, _as_heard(side, of_entry(entry))
    # One that is in doubt and the only one is the desk's to look after: it never sends it again.
    leaves = entry is None or entry.outcome in RETRYABLE
    if refused or (leaves and offer.amount > 0):
        last = entry or (refused[-1] if refused else None)
        amount = last.amount if last is not None else offer.amount
        if counter.orders is None:
            again = "再次" if last is not None else ""
            return amount, _stays(last, offer, f"没有{again}申购，因为查不到柜台的委托：{counter.unknown}")
        standing = still_there(
            counter.orders, offer.security.stock_code, [*refused, *([entry] if entry else ())]
        )
        if standing is None:
            return amount, _stays(last, offer, "没有再次申购，因为柜台还有这只的委托")
        for number, one in standing:
            if one is not entry:
                return one.amount, Told("accepted", number, "", one.client_order_id, one.remark)
    return _place(side, offer, len(refused) + 1, entry)


def _stays(last: Entry | None, offer: Offer, why: str) -> Told:
    """What is told of an issue that is not subscribed to now, after its ``last`` attempt if there was one."""
    return _told(last, why) if last is not None else Told("not_sent", 0, why, offer.client_order_id)


def was_refused(entry: Entry, orders: Iterable[Any]) -> bool:
    """Whether the counter refused an attempt: at once, later, or as its list of orders says."""
    if entry.outcome != "accepted":
        return entry.outcome == "refused"
    return bool(entry.rejected_later) or any(
        int(order.order_status) == JUNK and _token(order) == entry.token for order in orders
    )


def still_there(
    orders: Iterable[Any], stock_code: str, entries: Sequence[Entry]
) -> list[tuple[int, Entry]] | None:
    """The counter's orders for an issue that are not 废单: number and attempt; None if one is not of these."""
    by_token = {entry.token: entry for entry in entries}
    found = []
    for order in orders:
        entry = by_token.get(_token(order))
        if int(order.order_status) == JUNK or (entry is None and text(order, "stock_code") != stock_code):
            continue
        if entry is None:
            return None
        found.append((max(0, int(order.order_id)), entry))
    return found


def _place(side: AccountSide, offer: Offer, attempt: int, entry: Entry | None) -> tuple[int, Told]:
    price, amount = offer.price, offer.amount
    if entry is not None and entry.outcome not in RETRYABLE:
        # An id stands for one order: the limit may have changed since it left.
        price, amount = entry.price, entry.amount
    if amount <= 0:
        return 0, Told("not_sent", 0, "没有申购额度")
    name = _name(offer, attempt)
    request = plain_order(offer.security, "buy", STOCK_BUY, price, amount, client_order_id=name)
    try:
        return amount, _as_heard(side, side.desk.place(request))
    except TradeError as error:
        if entry is None or entry.outcome in RETRYABLE:
            raise
        # It did not leave now, but it may have left before.
        return amount, _told(entry, str(error))


def _as_heard(side: AccountSide, told: Told) -> Told:
    """An accepted attempt, or the refusal that was pushed since."""
    refusal = side.watch.refusal(told.order_id, token_of(told.remark) or "") if told.order_id else None
    if told.outcome != "accepted" or refusal is None:
        return told
    return Told("refused", told.order_id, refusal, told.client_order_id, told.remark)


def _told(entry: Entry, why: str) -> Told:
    """What became of an attempt that is not followed by another one."""
    outcome = _SAID.get(entry.outcome, entry.outcome)
    said = "；".join(each for each in (entry.rejected_later or entry.message, why) if each)
    return Told(outcome, entry.order_id, said, entry.client_order_id, entry.remark)


def _find(side: AccountSide, offer: Offer, attempt: int) -> Entry | None:
    return side.journal.find(side.account.account_id, _name(offer, attempt))


def _name(offer: Offer, attempt: int) -> str:
    return offer.client_order_id if attempt == 1 else f"{offer.client_order_id}:{attempt}"


def _token(order: Any) -> str:
    return token_of(text(order, "order_remark")) or ""
