"""What became of an order: exactly one of accepted, refused, not sent, in doubt. Decides, never acts.

Never calls a bare -1 a refusal: a dead connection says the same, and orders have gone live behind it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from easytrader_qmt.errors import NotConnected, OrderInDoubt, OrderRejected, shown
from easytrader_qmt.journal_entries import Entry, Outcome
from easytrader_qmt.miniqmt.refusals import refusal_code


class Told(NamedTuple):
    """One order's outcome. ``order_id`` is the counter's number, 0 where there is none."""

    outcome: Outcome
    order_id: int = 0
    message: str = ""
    client_order_id: str = ""
    remark: str = ""

    @property
    def sent(self) -> bool | None:
        """Whether the counter has it: True, False, or None for unknown."""
        if self.outcome in ("in_doubt", "sending"):
            return None
        return self.outcome in ("accepted", "refused")


def of_response(response: Any, client_order_id: str, remark: str) -> Told:
    """The outcome that a terminal's response to an order proves."""
    try:
        number = response.order_id
        order_id = int(number) if number is not None else -1
    except Exception as error:
        # A bridge that imitates the terminal may say anything; the order may be live all the same.
        return Told("in_doubt", 0, f"应答无法辨认：{shown(error)}", client_order_id, remark)
    try:
        message = str(getattr(response, "error_msg", "") or "")
    except UnicodeDecodeError:
        message = "（终端给出的原因无法解码）"
    if order_id > 0:
        return Told("accepted", order_id, "", client_order_id, remark)
    if message:
        return Told("refused", 0, message, client_order_id, remark)
    return Told("in_doubt", 0, "终端返回 -1 且没有说明原因", client_order_id, remark)


def of_entry(entry: Entry) -> Told:
    """The outcome the journal knows of an order that was sent before under the same id."""
    message = entry.message or entry.rejected_later
    return Told(entry.outcome, entry.order_id, message, entry.client_order_id, entry.remark)


def answer(told: Told, *, raise_on_reject: bool) -> dict[str, Any]:
    """What an order verb returns. Raises OrderRejected if asked for, OrderInDoubt when nobody knows.

    Raises NotConnected for an order that did not leave.
    """
    if told.outcome == "accepted":
        return {"entrust_no": told.order_id}
    if told.outcome == "refused":
        if raise_on_reject:
            raise OrderRejected(f"柜台拒绝了委托：{told.message}", code=refusal_code(told.message))
        return {"entrust_no": -1, "message": told.message}
    if told.sent is False:
        raise NotConnected(f"委托没有发送：{told.message}")
    raise doubt(told)


def doubt(told: Told) -> OrderInDoubt:
    """The error that says an order may be live."""
    return OrderInDoubt(
        f"委托结果未知：{told.message}。它可能已经报到柜台，请勿重发；系统会在下一次完整查询后按备注 "
        f"{told.remark} 核对并报告，也可以查看 user.in_doubt",
        client_order_id=told.client_order_id,
        remark=told.remark,
    )


def basket_answer(told: Told) -> dict[str, Any]:
    """One order of a basket: ``entrust_no`` (-1 unless accepted), ``outcome``, ``message``, ``sent``."""
    return {
        "entrust_no": told.order_id if told.outcome == "accepted" else -1,
        "outcome": told.outcome,
        "message": told.message,
        "sent": told.sent,
        "client_order_id": told.client_order_id,
    }
