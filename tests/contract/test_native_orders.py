"""What was observed of the real client's orders and fields, through the vendor's own XtQuantTrader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.structs import NativeCrash
from tests.facade import Heard, on_a_thread
from tests.raw import Raw


@pytest.fixture
def raw(xt: Any) -> Iterator[Raw]:
    made = Raw(xt)
    yield made
    made.close()


@pytest.mark.parametrize("field", ["stock_code", "strategy_name", "order_remark"])
def test_none_in_a_string_field_is_a_crash(field: str, raw: Raw, terminal: Terminal) -> None:
    trader = raw.connected(terminal)
    words = {"stock_code": "600036.SH", "strategy_name": "s", "order_remark": "r", field: None}
    with pytest.raises((NativeCrash, AttributeError, TypeError)):
        on_a_thread(
            lambda: trader.order_stock(
                raw.account, order_type=23, order_volume=100, price_type=11, price=35.0, **words
            )
        )
    assert terminal.orders("1000001") == []


def test_long_strings_are_cut_in_bytes(raw: Raw, terminal: Terminal) -> None:
    trader = raw.connected(terminal)
    order = (raw.account, "600036.SH", 23, 100, 11, 35.0)
    on_a_thread(lambda: trader.order_stock(*order, "s" * 30, "r" * 30))
    [row] = on_a_thread(lambda: trader.query_stock_orders(raw.account))
    assert (row.strategy_name, row.order_remark) == ("s" * 23, "r" * 23)


def test_a_character_cut_in_half(
    raw: Raw, terminal: Terminal, new_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's getter raises; the facade's row has None there and loses nothing else."""
    trader = raw.connected(terminal, 300)
    on_a_thread(lambda: trader.order_stock(raw.account, "600036.SH", 23, 100, 11, 35.0))
    by_hand = {**terminal.orders("1000001")[0], "order_remark": ("备注" * 4).encode()[:23]}
    monkeypatch.setattr(terminal.counter, "orders", lambda *args, **words: [by_hand])
    [order] = on_a_thread(lambda: trader.query_stock_orders(raw.account))
    with pytest.raises(UnicodeDecodeError):
        _ = order.order_remark
    user = new_user()
    user.connect(stock_account="1000001")
    [row] = user.today_entrusts
    assert row["order_remark"] is None
    assert row["stock_code"] == "600036.SH"


def test_volumes_of_other_types(raw: Raw, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    request = terminal.request
    monkeypatch.setattr(
        terminal,
        "request",
        lambda client, name, seq, fields: (seen.append(fields), request(client, name, seq, fields))[1],
    )
    trader = raw.connected(terminal)
    on_a_thread(lambda: trader.order_stock(raw.account, "600036.SH", 23, 100.7, 11, 35.0))
    assert (seen[-1]["order_volume"], seen[-1]["order_amount"]) == (100, 100.7)
    with pytest.raises(TypeError):
        on_a_thread(lambda: trader.order_stock(raw.account, "600036.SH", 23, "100", 11, 35.0))
    for volume, price in ((-100, 35.0), (100, float("nan"))):
        assert (
            on_a_thread(lambda v=volume, p=price: trader.order_stock(raw.account, "600036.SH", 23, v, 11, p))
            > 0
        )
    assert [row["order_status"] for row in terminal.orders("1000001")] == [50, 57, 57]


def test_stock_account_returns_its_error(raw: Raw) -> None:
    account = raw.package.xttype.StockAccount
    assert isinstance(account(123), str)
    assert isinstance(account(None), str)
    with pytest.raises(Exception, match="NONSENSE"):
        account("1", "nonsense")


def test_sync_order_drops_the_message_that_the_async_response_carries(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    trader = raw.connected(terminal, callback=heard)
    assert on_a_thread(lambda: trader.order_stock(raw.account, "600999.SH", 23, 100, 11, 10.0)) == -1
    trader.order_stock_async(raw.account, "600999.SH", 23, 100, 11, 10.0)
    [answer] = heard.wait_for("on_order_stock_async_response")
    assert "600999.SH" in answer.error_msg


def test_an_order_error_waits_for_its_response(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    trader = raw.connected(terminal, callback=heard)
    trader.order_stock_async(raw.account, "000001.SZ", 24, 100, 11, 11.3)
    heard.wait_for("on_order_error")
    order_of_calls = [name for name, _ in heard.calls]
    assert order_of_calls.index("on_order_stock_async_response") < order_of_calls.index("on_order_error")
    terminal.faults.lose_responses(1)
    trader.order_stock_async(raw.account, "000001.SZ", 24, 100, 11, 11.3)
    on_a_thread(lambda: trader.query_stock_asset(raw.account))
    assert len(heard.of("on_order_error")) == 1
