"""What a snapshot of the counter proves about the orders nobody was sure of.

Pure: orders and entries in, resolutions out. It never calls an order absent that may still be on its way,
that a snapshot could not show, or that may be there under a remark the broker has cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from easytrader_qmt.clock import day_number, shanghai
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.remarks import remark_of, token_of

__all__ = [
    "REJECTED",
    "REPORTED",
    "SETTLE_SECONDS",
    "CounterOrder",
    "Resolution",
    "by_token",
    "disproved",
    "may_be_there",
    "provable_from",
    "reconcile",
    "shown_by",
]

SETTLE_SECONDS = 3.0
"""How long an order may be on its way before a snapshot without it means anything."""

REJECTED = 57
"""废单."""
REPORTED = range(50, REJECTED)
"""From 已报 on an order was at the exchange; before that the counter may still refuse it."""
_NO_NUMBER = "柜台列出了这笔委托，但还没有委托编号，请稍后再核对"
_LOST_REMARK = (
    "柜台有一笔相同条件、备注缺失的委托，可能就是它，请人工核对，再用 user.settle_in_doubt 记下结果"
)
_MAYBE_IT = "柜台有一笔相同条件、备注缺失的委托，可能就是它，请人工核对；若不是它，请用新的编号下单"
# How far the counter's clock may be behind this machine's, in seconds: that of a PC may be minutes off.
_CLOCKS_APART = 600.0
_ROLLS_FROM = 16
"""The hour (Asia/Shanghai) from which on a terminal that starts anew may list the next trading day's orders."""


class CounterOrder(Protocol):
    """One row of the counter's order list, such as the vendor's XtOrder."""

    @property
    def order_id(self) -> int: ...  # noqa: D102
    @property
    def order_remark(self) -> str: ...  # noqa: D102
    @property
    def stock_code(self) -> str: ...  # noqa: D102
    @property
    def order_type(self) -> int: ...  # noqa: D102
    @property
    def order_volume(self) -> Any: ...  # noqa: D102
    @property
    def order_status(self) -> int: ...  # noqa: D102
    @property
    def status_msg(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is known of one entry now; to be written with ``Journal.finish`` unless still in doubt."""

    entry: Entry
    outcome: Literal["accepted", "refused", "absent", "in_doubt"]
    order_id: int
    """The counter's number, 0 where there is none."""
    message: str
    """The counter's reason for a refusal, otherwise why it was decided like this; Chinese."""
    status: int = 0
    """The counter's, 0 where it lists none."""


def reconcile(
    entries: Iterable[Entry],
    orders: Iterable[CounterOrder],
    complete: bool,
    *,
    snapshot_started: float,
    settle: float = SETTLE_SECONDS,
) -> list[Resolution]:
    """What the counter's orders of one account say about its in-doubt entries, in the entries' order of keys.

    An entry whose token is in an order's remark is accepted, or refused where that order is 废单 (57).
    One that no order carries is absent only if ``complete`` (every order of the day was listed, and the
    answer was believable), if it may have left no later than ``settle`` seconds before ``snapshot_started``
    (Unix seconds) and on the same trading day, as the counter lists one day's orders, and if no order looks
    like it with its remark lost. Everything else stays in doubt.
    """
    waiting = sorted(entries, key=lambda entry: entry.key)
    if not waiting:
        return []  # a day's orders need not be read for nobody
    listed = list(orders)
    ours = by_token(listed)
    decided = []
    for entry in waiting:
        found = ours.get(entry.token)
        if found is not None:
            decided.append(Resolution(entry, *shown_by(found), int(found.order_status)))
            continue
        doubt = _doubt(entry, listed, complete, snapshot_started, settle)
        decided.append(
            Resolution(entry, "in_doubt", 0, doubt)
            if doubt
            else Resolution(entry, "absent", 0, "完整查询后柜台没有这笔委托，可以用同一编号重新下单")
        )
    return decided


def by_token(orders: Iterable[CounterOrder]) -> dict[str, CounterOrder]:
    """The orders that carry a token, by it; of two with one token the one that says more."""
    found: dict[str, CounterOrder] = {}
    for order in orders:
        token = token_of(remark_of(order) or "")
        if token is not None and (token not in found or _rank(order) > _rank(found[token])):
            found[token] = order
    return found


def disproved(entry: Entry, order_id: int, status: int) -> bool:
    """Whether an order of ours with this number and status shows that its entry says absent or refused wrongly.

    A list can be a moment older than an order that was slow on its way, and a refusal can be the terminal's own,
    such as a timeout. A refused one counts only once it was at the exchange: some counters show an order before
    they refuse it.
    """
    if order_id <= 0 or status == REJECTED:
        return False
    return entry.outcome == "absent" or (entry.outcome == "refused" and status in REPORTED)


def provable_from(entries: Iterable[Entry], settle: float = SETTLE_SECONDS) -> float | None:
    """From when (Unix seconds) on a snapshot can prove all these entries absent; None without entries."""
    return max((entry.sent_at + settle for entry in entries), default=None)


def _rank(order: CounterOrder) -> tuple[bool, int]:
    """Of rows with one token, a live one says more than a refused one."""
    return order.order_status != REJECTED, order.order_id


def shown_by(order: CounterOrder) -> tuple[Literal["accepted", "refused", "in_doubt"], int, str]:
    """What a listed order says of the one whose token it carries: outcome, number, and why in Chinese."""
    number = max(0, int(order.order_id))
    if int(order.order_status) == REJECTED:
        return "refused", number, _reason(order) or "废单（柜台没有说明原因）"
    return ("accepted", number, "按备注在柜台找到") if number else ("in_doubt", 0, _NO_NUMBER)


def _reason(order: CounterOrder) -> str:
    try:
        return str(order.status_msg or "")
    except UnicodeDecodeError:
        return ""  # cut inside a character


def may_be_there(entry: Entry, orders: Iterable[CounterOrder]) -> str:
    """Why the counter's list leaves room for an entry's order to be there and alive; '' where it leaves none."""
    for order in orders:
        if token_of(remark_of(order) or "") == entry.token:
            if int(order.order_status) != REJECTED:
                return _NO_NUMBER
        elif _may_be(entry, order):
            return _MAYBE_IT
    return ""


def _doubt(
    entry: Entry, orders: Iterable[CounterOrder], complete: bool, started: float, settle: float
) -> str:
    """Why an entry that was not found is not proved absent; '' if it is."""
    if not complete:
        return "柜台的委托列表不完整"
    if not entry.sent_at + settle <= started:
        return "委托可能还在途中，下一次完整查询再核对"
    if day_number(entry.begun_at) != day_number(started):
        return "委托不是今天的，柜台已不再列出，请人工核对，再用 user.settle_in_doubt 记下结果"
    if shanghai(entry.begun_at).hour < _ROLLS_FROM <= shanghai(started).hour:
        return "已经收盘，终端可能已换成下一交易日的列表，请人工核对，再用 user.settle_in_doubt 记下结果"
    if any(_may_be(entry, order) for order in orders):
        return _LOST_REMARK
    return ""


def _may_be(entry: Entry, order: CounterOrder) -> bool:
    """Whether this could be the entry's order, with its remark lost or cut."""
    remark = remark_of(order)
    return (
        remark is not None
        and len(remark) < len(entry.remark)
        and entry.remark.startswith(remark)
        and order.stock_code == entry.stock_code
        and order.order_type == entry.order_type
        and int(order.order_volume) == entry.amount
        # One that was at the counter before this one left is another.
        and not 0 < (getattr(order, "order_time", 0) or 0) < entry.begun_at - _CLOCKS_APART
    )
