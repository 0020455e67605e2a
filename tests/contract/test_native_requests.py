"""The stand-in client at its seam: what requests bring with a connection and without one, and pushes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from tests.native.bench import SOON, WAYS_DOWN, Bench, answers

PUSHES = {
    "order": ("bindOnStockOrderCallback", "XtOrder"),
    "trade": ("bindOnStockTradeCallback", "XtTrade"),
    "asset": ("bindOnStockAssetCallback", "XtAsset"),
    "position": ("bindOnStockPositionCallback", "XtPosition"),
    "order_error": ("bindOnOrderErrorCallback", "XtOrderError"),
    "cancel_error": ("bindOnCancelErrorCallback", "XtCancelError"),
    "account_status": ("bindOnUpdateAccountStatusCallback", "XtAccountStatus"),
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


@pytest.mark.parametrize("how", WAYS_DOWN)
def test_every_request_is_answered_at_once_while_down(bench: Bench, how: str) -> None:
    client = bench.down(how)
    for seq, (name, bind, types) in enumerate(answers(), 1):
        getattr(client, f"{name}WithSeq")(seq, *bench.request(name))
        heard, heard_seq, payload = bench.next()
        assert (heard, heard_seq) == (bind, seq)
        if types[1].startswith("list["):
            assert payload == []
        elif types[1] in ("int", "str"):
            assert payload == {"int": -1, "str": ""}[types[1]]
        else:
            assert type(payload) is getattr(bench.module, types[1])
    assert bench.terminal.asked == []
    assert bench.heard.empty()


@pytest.mark.parametrize("how", WAYS_DOWN)
def test_orders_and_cancels_while_down(bench: Bench, how: str) -> None:
    client = bench.down(how)
    client.orderStockWithSeq(1, bench.module.OrderStockReq())
    client.cancelOrderStockWithSeq(2, bench.module.CancelOrderStockReq())
    client.transferWithSeq(3, bench.module.TransferParam())
    _, _, order = bench.next()
    assert (order.order_id, order.error_msg) == (-1, "")
    _, _, cancel = bench.next()
    assert (cancel.cancel_result, cancel.order_id) == (-1, 0)
    _, _, transfer = bench.next()
    assert transfer.m_bSuccess is False


def test_lists_may_be_none_while_down() -> None:
    bench = Bench(answer_while_down="none")
    client = bench.down("before connect")
    client.queryStockOrdersWithSeq(1, bench.module.QueryStockOrdersReq())
    assert bench.next() == ("bindOnQueryStockOrdersCallback", 1, None)
    client.subscribeWithSeq(2, bench.module.SubscribeReq())
    assert bench.next() == ("bindOnSubscribeRespCallback", 2, -1)
    bench.close()


@pytest.mark.parametrize("when", ["never started", "stopped"])
def test_without_start_a_request_is_never_answered(bench: Bench, when: str) -> None:
    client = bench.connected() if when == "stopped" else bench.client()
    if when == "stopped":
        client.stop()
    for seq, (name, _, _) in enumerate(answers(), 1):
        getattr(client, f"{name}WithSeq")(seq, *bench.request(name))
    assert bench.terminal.asked == []
    client.start()
    assert client.connect() == 0
    client.subscribeWithSeq(1000, bench.module.SubscribeReq())
    assert bench.next()[1] == 1000


def test_answers_that_come_after_stop_are_not_delivered(bench: Bench) -> None:
    client = bench.connected()
    side = bench.terminal.client
    client.stop()
    side.answer("subscribe", 1, 0)
    side.push("order", {})
    side.dropped(True)
    client.start()
    side.answer("subscribe", 2, 0)
    assert bench.next() == ("bindOnSubscribeRespCallback", 2, 0)


@pytest.mark.parametrize("notify", [True, False])
def test_dropped(bench: Bench, notify: bool) -> None:
    client = bench.connected()
    bench.terminal.client.dropped(notify)
    client.subscribeWithSeq(1, bench.module.SubscribeReq())
    expected = [("bindOnDisconnectedCallback",)] if notify else []
    expected.append(("bindOnSubscribeRespCallback", 1, -1))  # type: ignore[arg-type]
    assert [bench.next() for _ in expected] == expected
    assert client.connect() == 0


def test_every_answer_reaches_its_callback(bench: Bench) -> None:
    client = bench.connected()
    for seq, (name, bind, types) in enumerate(answers(), 1):
        kind = types[1].removeprefix("list[").removesuffix("]")
        rows: Any = {"int": 5, "str": "{}"}.get(kind, {})
        bench.terminal.answers[name] = [rows, rows] if types[1].startswith("list[") else rows
        getattr(client, f"{name}WithSeq")(seq, *bench.request(name))
        heard, heard_seq, payload = bench.next()
        assert (heard, heard_seq) == (bind, seq)
        if types[1].startswith("list["):
            assert [type(one) for one in payload] == [getattr(bench.module, kind)] * 2
        elif kind in ("int", "str"):
            assert payload == rows
        else:
            assert type(payload) is getattr(bench.module, kind)
    assert [name for name, _, _ in bench.terminal.asked] == [name for name, _, _ in answers()]


def test_requests_without_an_answer_still_reach_the_terminal(bench: Bench) -> None:
    client = bench.connected()
    bench.terminal.answers["orderStockImmediate"] = {}
    client.orderStockImmediateWithSeq(1, bench.module.OrderStockImmediateReq())
    client.subscribeWithSeq(2, bench.module.SubscribeReq())
    assert [name for name, _, _ in bench.terminal.asked] == ["orderStockImmediate", "subscribe"]
    assert bench.next()[1] == 2


def test_terminal_gets_the_request_by_snake_case_names(bench: Bench) -> None:
    client = bench.connected()
    request = bench.module.OrderStockReq()
    request.m_strStockCode, request.m_nOrderVolume, request.m_dPrice = "600036.SH", 300, 35.5
    request.m_strOrderRemark = "中" * 8
    client.orderStockWithSeq(11, request)
    client.exportDataWithSeq(12, b"fixed", b"free")
    client.setCommandOrderParamWithSeq(13, [bench.module.ModelStrategyCmdStockParam()])
    (name, seq, fields), export, params = bench.terminal.asked
    assert (name, seq) == ("orderStock", 11)
    assert (fields["stock_code"], fields["order_volume"], fields["price"]) == ("600036.SH", 300, 35.5)
    assert fields["order_remark"] == "中" * 7
    assert export == ("exportData", 12, {"arg1": b"fixed", "arg2": b"free"})
    assert params[2]["arg1"][0]["buy_volume"] == 0


def test_none_as_a_list_stays_none(bench: Bench) -> None:
    bench.terminal.answers["queryStockTrades"] = None
    bench.connected().queryStockTradesWithSeq(1, bench.module.QueryStockTradesReq())
    assert bench.next() == ("bindOnQueryStockTradesCallback", 1, None)


@pytest.mark.parametrize("kind", sorted(PUSHES))
def test_pushes(bench: Bench, kind: str) -> None:
    bench.connected()
    bench.terminal.client.push(kind, {"account_id": "123", "unknown": 1})
    bind, struct = PUSHES[kind]
    heard, payload = bench.next()
    assert heard == bind
    assert type(payload) is getattr(bench.module, struct)
    assert payload.m_strAccountID == "123"


def test_a_request_whose_callback_was_never_bound_is_dropped(bench: Bench) -> None:
    client = bench.client(without=("bindOnQueryComPositionRespCallback",))
    client.start()
    client.connect()
    bench.terminal.answers["queryComPosition"] = []
    client.queryComPositionWithSeq(1, bench.module.QueryComPositionReq())
    client.subscribeWithSeq(2, bench.module.SubscribeReq())
    assert bench.next()[1] == 2


def test_callbacks_come_from_one_other_thread(bench: Bench) -> None:
    client = bench.connected()
    seen: SimpleQueue[threading.Thread] = SimpleQueue()
    client.bindOnSubscribeRespCallback(lambda seq, result: seen.put(threading.current_thread()))
    client.bindOnStockOrderCallback(lambda order: seen.put(threading.current_thread()))
    client.subscribeWithSeq(1, bench.module.SubscribeReq())
    bench.terminal.client.push("order", {})
    threads = {seen.get(timeout=SOON), seen.get(timeout=SOON)}
    assert len(threads) == 1
    assert threading.current_thread() not in threads


def test_what_a_callback_raises_is_swallowed(bench: Bench) -> None:
    client = bench.connected()

    def fail(order: object) -> None:
        raise RuntimeError("swallowed")

    client.bindOnStockOrderCallback(fail)
    bench.terminal.client.push("order", {})
    bench.terminal.client.push("trade", {})
    assert bench.next()[0] == "bindOnStockTradeCallback"


def test_a_row_that_fits_no_struct_is_said_and_dropped(bench: Bench) -> None:
    from loguru import logger

    said: SimpleQueue[str] = SimpleQueue()
    sink = logger.add(lambda message: said.put(str(message)), level="ERROR")
    try:
        bench.connected()
        bench.terminal.client.push("order", {"stock_code": None})
        bench.terminal.client.push("trade", {})
        assert bench.next()[0] == "bindOnStockTradeCallback"
        assert "bindOnStockOrderCallback" in said.get(timeout=SOON)
    finally:
        logger.remove(sink)
