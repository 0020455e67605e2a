"""A basket of 1,000 orders: sent together by ours, one after another by raw."""

from __future__ import annotations

import threading
from typing import Any

from tests.bench.contenders import Bench, Deaf
from tests.bench.measure import Contender, Table, interleaved, median, percentile, ratio, span

RAW, PEER = "原始 XtQuantTrader，逐笔", "easytrader，逐笔"
OURS, OURS_ALL = "本库 batch，无委托日志和日志行", "本库 batch，有委托日志和日志行"
FLOOR = "原始 order_stock_async 连发（下限：不查、不记、不分辨结果）"
_ORDERS = 1_000


class _Answers(Deaf):
    """Counts responses."""

    def __init__(self) -> None:
        self._left = 0
        self._all = threading.Event()

    def expect(self, number: int) -> None:
        self._left = number
        self._all.clear()

    def on_order_stock_async_response(self, response: object) -> None:
        self._left -= 1
        if not self._left:
            self._all.set()

    def wait(self) -> None:
        assert self._all.wait(60)


def run(quick: bool, command: str) -> list[Table]:
    """One table for each counter."""
    return [
        _table("立即应答的柜台", 0.0, 2 if quick else 15, command),
        _table("每笔 2 毫秒后应答的柜台", 0.002, 1 if quick else 5, command),
    ]


def _table(what: str, delay: float, rounds: int, command: str) -> Table:
    basket = [
        {"action": "buy", "security": f"{600000 + n}", "price": 35.5, "amount": 100} for n in range(_ORDERS)
    ]
    with Bench(delay=delay) as bench:
        trader, account = bench.raw()
        peer, ours, full = bench.easytrader(), bench.ours(), bench.ours(journal=True)

        def raw_orders() -> None:
            for each in basket:
                trader.order_stock(account, f"{each['security']}.SH", 23, 100, 11, 35.5)

        def peer_orders() -> None:
            for each in basket:
                peer.buy(each["security"], 35.5, 100)

        answers = _Answers()
        fast, fast_account = bench.raw(answers)

        def raw_async() -> None:
            answers.expect(_ORDERS)
            for each in basket:
                fast.order_stock_async(fast_account, f"{each['security']}.SH", 23, 100, 11, 35.5)
            answers.wait()

        def batch(user: Any) -> None:
            assert all(told["outcome"] == "accepted" for told in user.batch(basket))

        samples = interleaved(
            [
                Contender(RAW, raw_orders),
                Contender(PEER, peer_orders),
                Contender(FLOOR, raw_async),
                Contender(OURS, lambda: batch(ours)),
                Contender(OURS_ALL, lambda: batch(full), bench.our_lines),
            ],
            rounds,
        )
    rows = [
        (
            name,
            span(median(took)),
            f"{span(percentile(took, 0.05))} – {span(percentile(took, 0.95))}",
            f"{_ORDERS / median(took):,.0f}",
            f"{1 / ratio(took, samples[RAW]):.1f}",
        )
        for name, took in samples.items()
    ]
    heads = ("参赛者", "中位数", "第 5–95 百分位", "每秒笔数", "吞吐量比值")
    note = "吞吐量比值以原始 XtQuantTrader 逐笔委托为 1，越大越快。" + (
        f"应答由仿真端的延迟线推迟 {delay * 1000:g} 毫秒，各笔互不等待。" if delay else ""
    )
    return Table(f"1,000 笔的篮子：{what}", command, heads, rows, (note,))
