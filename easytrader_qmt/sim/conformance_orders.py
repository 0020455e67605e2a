"""The observed behaviour of accounts, of an order's fields and answers, and the vendor's own defects.

Every row really runs the vendor's Python layer on the stand-in; some leave a thread that hangs for ever, so
the rows are meant for a process of their own (`conformance_behaviour`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from easytrader_qmt.sim.conformance_bench import Desk, Row, blocked, expect, raises, timely
from easytrader_qmt.sim.structs import NativeCrash

__all__ = ["ROWS"]

_RESPONSE = {"account_id": "1000001", "order_id": 4321, "strategy_name": "s", "order_remark": "r"}


# --- fields of an order ----------------------------------------------------------------------------


def _none_crashes(desk: Desk) -> None:
    for field in ("stock_code", "order_remark", "strategy_name"):
        seat = desk.seat()
        raises(lambda seat=seat, field=field: seat.order(**{field: None}), NativeCrash)  # type: ignore[misc]
        expect(seat.terminal.asked, [], "到达终端的请求")
    seat = desk.seat()
    seat.account.account_id = None
    raises(lambda: seat.raw.subscribe(seat.account), NativeCrash)


def _long_strings_are_cut(desk: Desk) -> None:
    seat = desk.seat()
    seat.account.account_id = "9" * 200
    seat.order(stock_code="6" * 200, strategy_name="s" * 200, order_remark="r" * 200)
    sent = seat.sent()
    wanted = {"stock_code": 15, "account_id": 23, "strategy_name": 23, "order_remark": 23}
    expect({name: len(sent[name]) for name in wanted}, wanted, "送出的字节数")
    expect(len(sent["order_remark1"]), 127, "order_remark1 的字节数")


def _half_characters(desk: Desk) -> None:
    seat, requests = desk.seat(), []
    seat.raw.async_client.orderStockWithSeq = lambda seq, request: requests.append(request)
    seat.order(order_remark="中" * 8)
    raises(lambda: requests[0].m_strOrderRemark, UnicodeDecodeError)
    raises(lambda: requests[0].order_remark, UnicodeDecodeError)
    seat.terminal.client.push("order", {"status_msg": "废单原因".encode()[:-1]})
    (order,) = seat.expect_heard("on_stock_order")
    raises(lambda: order.status_msg, UnicodeDecodeError)


def _half_characters_at_the_counter(desk: Desk) -> None:
    seat = desk.seat()
    seat.order(order_remark="中" * 8)
    expect(seat.sent()["order_remark"], "中" * 7, "柜台看到的备注")


def _fraction_of_a_share(desk: Desk) -> None:
    seat = desk.seat()
    seat.order(order_volume=100.7)
    expect((seat.sent()["order_volume"], seat.sent()["order_amount"]), (100, 100.7), "数量和金额")


def _volume_as_text(desk: Desk) -> None:
    seat = desk.seat()
    raises(lambda: seat.order(order_volume="100"), TypeError)
    expect(seat.terminal.asked, [], "到达终端的请求")


def _odd_numbers_are_sent(desk: Desk) -> None:
    seat = desk.seat()
    seat.order(price=float("nan"), order_volume=-100)
    expect((str(seat.sent()["price"]), seat.sent()["order_volume"]), ("nan", -100), "价格和数量")


def _type_errors_are_chinese(desk: Desk) -> None:
    seat = desk.seat()
    error = raises(lambda: seat.order(price="35"), TypeError)
    expect("float" in str(error) and "得到" in str(error), True, f"报错文字 {error} ")


def _account_of_no_text(desk: Desk) -> None:
    for wrong in (123, None):
        expect(desk.package.xttype.StockAccount(wrong), "资金账号必须为字符串类型", f"StockAccount({wrong}) ")


def _account_of_unknown_type(desk: Desk) -> None:
    error = raises(lambda: desk.package.xttype.StockAccount("1000001", "NOSUCH"), Exception)
    expect(type(error), Exception, "异常类型")


# --- answers to orders -----------------------------------------------------------------------------


def _sync_order_drops_the_reason(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.answers["orderStock"] = {**_RESPONSE, "order_id": -1, "error_msg": "可用资金不足"}
    expect(timely(lambda: seat.raw.order_stock(*seat.terms())), -1, "order_stock()")
    seat.expect_heard()
    seat.order()
    (response,) = seat.expect_heard("on_order_stock_async_response")
    expect((response.order_id, response.error_msg), (-1, "可用资金不足"), "异步响应")


def _error(seq: int) -> dict[str, object]:
    return {"seq": seq, "order_id": 4321, "error_id": -61, "error_msg": "废单"}


def _error_waits_for_the_response(desk: Desk) -> None:
    seat = desk.seat()
    seq = seat.order()
    seat.terminal.client.push("order_error", _error(seq))
    seat.expect_heard()
    seat.terminal.client.answer("orderStock", seq, _RESPONSE)
    _, error = seat.expect_heard("on_order_stock_async_response", "on_order_error")
    expect(error.error_msg, "废单", "error_msg ")


def _error_is_lost(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.client.push("order_error", _error(seat.order()))
    seat.terminal.client.push("order", {"order_id": 4321})
    seat.expect_heard("on_stock_order")


def _stale_error_reaches_a_later_order(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.client.push("order_error", _error(seat.order()))
    seat.expect_heard()
    seat.terminal.client.answer("orderStock", seat.order(), _RESPONSE)
    seat.expect_heard("on_order_stock_async_response", "on_order_error")


def _cancel_error_without_a_response(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.client.push("cancel_error", {"order_id": 4321, "error_msg": "已成交"})
    seat.expect_heard()


def _order_ids_pile_up(desk: Desk) -> None:
    seat = desk.seat()
    for order_id in (1, 2, 3):
        seat.terminal.answers["orderStock"] = {**_RESPONSE, "order_id": order_id}
        seat.order()
    seat.expect_heard(*["on_order_stock_async_response"] * 3)
    expect(seat.raw.handled_async_order_stock_order_id, {1, 2, 3}, "记下的 order_id")


# --- the vendor's own defects ----------------------------------------------------------------------


def _com_position_hangs(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.answers["queryComPosition"] = []
    blocked(("query_com_position", lambda: seat.raw.query_com_position(seat.account)))


def _com_fund_of_nothing(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.answers["queryComFund"] = []
    raises(lambda: seat.raw.query_com_fund(seat.account), IndexError)


def _sleeps_hang(name: str, *arguments: Any) -> Callable[[Desk], None]:
    return lambda desk: blocked((name, partial(getattr(desk.seat().raw, name), *arguments)))


def _appointment_cancel(desk: Desk) -> None:
    seat = desk.seat()
    raises(lambda: seat.raw.smt_appointment_cancel_async(seat.account, "1"), NameError)


def _order_without_callback(desk: Desk) -> None:
    seat = desk.seat()
    seat.raw.register_callback(None)
    raises(seat.order, AttributeError)


ROWS: tuple[Row, ...] = (
    Row("string.none", "字符串字段写 None，进程崩溃", _none_crashes, differs=True),
    Row("string.capacity", "长字符串按字节悄悄截断：15、23、23、23，新备注 127", _long_strings_are_cut),
    Row("string.half", "截断半个汉字后读取抛出 UnicodeDecodeError", _half_characters),
    Row("string.half_at_counter", "截断半个汉字的字段到了柜台", _half_characters_at_the_counter, differs=True),
    Row("order.fraction", "order_volume=100.7 送出数量 100、金额 100.7", _fraction_of_a_share),
    Row("order.text_volume", 'order_volume="100" 抛出 TypeError', _volume_as_text),
    Row("order.nan", "NaN 价格和负的数量照样送出", _odd_numbers_are_sent),
    Row("order.type_error_text", "TypeError 的文字是 pybind11 的英文", _type_errors_are_chinese, differs=True),
    Row("order.sync_reason", "同步下单丢掉 error_msg，异步响应带着它", _sync_order_drops_the_reason),
    Row("error.held", "on_order_error 扣到该委托的响应到达之后", _error_waits_for_the_response),
    Row("error.lost", "响应不来，on_order_error 就丢了", _error_is_lost),
    Row("error.stale", "旧的 on_order_error 会送给后来同 order_id 的委托", _stale_error_reaches_a_later_order),
    Row("error.cancel", "没有在先的撤单响应，on_cancel_error 不送出", _cancel_error_without_a_response),
    Row("account.not_text", "StockAccount(123) 返回错误字符串", _account_of_no_text),
    Row("account.unknown_type", "未知账号类型抛出 Exception", _account_of_unknown_type),
    Row("defect.order_ids", "已响应的 order_id 一直累积", _order_ids_pile_up),
    Row("defect.com_position", "query_com_position 一直阻塞", _com_position_hangs),
    Row("defect.com_fund", "query_com_fund 遇到空列表抛出 IndexError", _com_fund_of_nothing),
    Row("defect.sleep", "XtQuantTrader.sleep() 一直阻塞", _sleeps_hang("sleep", 0.01)),
    Row("defect.run_forever", "run_forever() 不返回", _sleeps_hang("run_forever")),
    Row("defect.appointment", "smt_appointment_cancel_async 抛出 NameError", _appointment_cancel),
    Row("defect.no_callback", "没有注册回调时异步下单抛出 AttributeError", _order_without_callback),
)  # fmt: skip
