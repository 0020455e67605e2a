"""The terminal drops us and takes us back at once: how long until READY, against a bare reconnect by hand."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from easytrader_qmt.miniqmt.session_slots import FOLDER
from tests.bench.contenders import Bench, stop_raw
from tests.bench.measure import Contender, Table, interleaved, median, percentile, ratio, span

RAW, OURS = "原始：新建、start、connect、subscribe、4 个查询", "本库：断开到 READY"


class _Outages:
    """Our trader and the moment at which it was READY again."""

    def __init__(self, bench: Bench) -> None:
        self._counter = bench.counter
        self._ready = threading.Event()
        self._at = 0.0
        self.user = bench.ours(heartbeat_interval=0)
        self.user.on("state", self._changed)

    def _changed(self, change: dict[str, Any]) -> None:
        if change["state"] == "READY":
            self._at = time.perf_counter()
            self._ready.set()

    def rest(self) -> None:
        """Let every session id have rested: 20 ids would be used up within a second of such outages."""
        self.user.drain()
        for record in (Path(self._counter.home) / FOLDER).glob("*.json"):
            record.unlink(missing_ok=True)

    def outage(self) -> float:
        """Seconds from the drop until a handler heard READY."""
        self._ready.clear()
        begun = time.perf_counter()
        self._counter.drop()
        assert self._ready.wait(30)
        return self._at - begun


def run(quick: bool, command: str) -> list[Table]:
    """One table: by the number of orders of the day."""
    rows: list[tuple[str, ...]] = []
    cases = ((0, 0.0),) if quick else ((0, 0.0), (1_000, 0.0), (10_000, 0.0), (1_000, 0.002))
    for orders, delay in cases:
        # A counter each: an outage of one must not be an outage of the other.
        with Bench(delay=delay) as one, Bench(delay=delay) as two:
            for bench in (one, two):
                bench.counter.hold(orders=orders, positions=min(orders, 200), trades=orders)
            outages = _Outages(one)
            made: list[Any] = []

            def by_hand(bench: Bench = two, made: list[Any] = made) -> None:
                trader, account = bench.raw_unconnected()
                made.append(trader)
                trader.start()
                assert trader.connect() == 0
                assert trader.subscribe(account) == 0
                for name in ("asset", "positions", "orders", "trades"):
                    getattr(trader, f"query_stock_{name}")(account)

            def let_go(made: list[Any] = made) -> None:
                while made:
                    stop_raw(made.pop())

            samples = interleaved(
                [Contender(RAW, by_hand), Contender(OURS, outages.outage)],
                4 if quick else 200,
                before=lambda rest=outages.rest, let_go=let_go: (let_go(), rest(), time.sleep(0.01)),  # type: ignore[misc]
            )
            let_go()
        rows += [
            (
                name,
                f"{orders:,}",
                f"{delay * 1000:g} 毫秒",
                span(median(took)),
                span(percentile(took, 0.95)),
                span(max(took)),
                f"{ratio(took, samples[RAW]):.2f}",
            )
            for name, took in samples.items()
        ]
    heads = ("参赛者", "当日委托和成交", "柜台应答", "中位数", "第 95 百分位", "最长", "比值")
    note = (
        "柜台断开连接并通知客户端，随即接受新的连接；本库的时间从断开起，到 state 处理函数听到 READY，"
        "其中包括脱离旧会话、租用会话ID、建新会话、订阅和至少 4 个查询；旧会话在 READY 之后停，当日委托在其后并入。"
        "原始一方也不停旧会话（它的 stop 不计入时间），也不合并什么。"
        "会话ID的使用记录在两次断线之间清除，否则 20 个会话ID会在一秒内用完，量到的是它们的间隔。"
    )
    return [Table(f"重连：{4 if quick else 200} 次断线", command, heads, rows, (note,))]
