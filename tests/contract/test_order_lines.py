"""The log lines of orders: the price as it is sent, the kind of order by its own name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader

NewUser = Callable[..., SimTrader]
BANK = "600036"


def said(log: list[str], order: Callable[[], Any]) -> list[str]:
    """What is logged of one order."""
    log.clear()
    order()
    return [line.removeprefix("INFO ") for line in log if "请求" in line or "委托成功" in line]


def test_the_price_is_the_one_that_is_sent(new_user: NewUser, terminal: Terminal, log: list[str]) -> None:
    user = new_user()
    user.connect(quotes=False)
    for security, price, written in (
        (BANK, 35.5, "35.5"),
        (BANK, 35, "35"),
        ("204001", 3618.185, "3618.185"),
        ("600519", 12345.67, "12345.67"),
    ):
        verb = user.sell if security == "204001" else user.buy
        lines = said(log, lambda verb=verb, security=security, price=price: verb(security, price, 1000))
        [line] = [line for line in lines if "请求" in line]
        assert line.split(", ")[1] == f"价格={written}"
    number = user.buy(BANK, 35.5, 100)["entrust_no"]
    assert said(log, lambda: user.buy(BANK, price=35.5, amount=100)) == [
        "限价买入请求: 证券代码=600036.SH, 价格=35.5, 数量=100",
        f"限价买入委托成功: 证券代码=600036.SH, 委托单号={number + 1}",
    ]


def test_a_market_order_has_a_protect_price_or_none(
    new_user: NewUser, terminal: Terminal, log: list[str]
) -> None:
    user = new_user()
    user.connect()
    lines = said(log, lambda: user.market_buy(BANK, 100, protect_price=35.6))
    assert lines[0] == "市价买入请求: 证券代码=600036.SH, 保护价=35.6, 数量=100"
    assert lines[1].startswith("市价买入委托成功: 证券代码=600036.SH, ")
    lines = said(log, lambda: user.market_buy("000001", 100))
    assert lines[0] == "市价买入请求: 证券代码=000001.SZ, 数量=100"


def test_a_protect_price_that_shenzhen_will_not_keep_to_is_warned_of(
    new_user: NewUser, terminal: Terminal, log: list[str]
) -> None:
    user = new_user()
    user.connect()

    def warned(order: Callable[[], Any]) -> list[str]:
        log.clear()
        assert order()["entrust_no"] > 0
        return [line for line in log if "保护价" in line and line.startswith("WARNING")]

    [line] = warned(lambda: user.market_buy("000001", 100, protect_price=11.5))
    assert all(part in line for part in ("000001.SZ", "深交所", "11.5", "限价委托"))
    assert any(line.startswith("INFO 市价买入请求: 证券代码=000001.SZ, 保护价=11.5") for line in log)
    for order in (
        lambda: user.market_buy("000001", 100),
        lambda: user.market_buy(BANK, 100, protect_price=35.6),
        lambda: user.buy("000001", 11.5, 100),
    ):
        assert warned(order) == []


def test_a_margin_order_goes_by_its_own_name(new_user: NewUser, terminal: Terminal, log: list[str]) -> None:
    user = new_user()
    user.connect(account_type="CREDIT")
    for verb, words, name, tail in (
        (user.fin_buy, (BANK, 35.4, 100), "融资买入", "价格=35.4, 数量=100"),
        (user.slo_sell, (BANK, 35.6, 100), "融券卖出", "价格=35.6, 数量=100"),
        (user.buy_secu_repay, (BANK, 35.4, 100), "买券还券", "价格=35.4, 数量=100"),
        (user.sell_secu_repay, (BANK, 35.4, 100), "卖券还款", "价格=35.4, 数量=100"),
        (user.direct_secu_repay, (BANK, 100), "直接还券", "数量=100"),
        (user.buy, (BANK, 35.4, 100), "限价买入", "价格=35.4, 数量=100"),
    ):
        lines = said(log, lambda verb=verb, words=words: verb(*words))
        assert lines[0] == f"{name}请求: 证券代码=600036.SH, {tail}"
        assert all(line.startswith(name) for line in lines)
    lines = said(log, lambda: user.fin_buy(BANK, 35.4, 100, special=True))
    assert lines[0].startswith("专项融资买入请求: ")
    log.clear()
    user.sell_secu_repay(BANK, 35.4, 100)
    refused = [line for line in log if "柜台拒绝" in line or "委托失败" in line]
    assert all("卖券还款委托" in line for line in refused)
