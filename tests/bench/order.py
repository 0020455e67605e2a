"""One order, its answer awaited."""

from __future__ import annotations

from typing import Any

from tests.bench.contenders import Bench
from tests.bench.measure import COMPARED, Contender, Table, compared, interleaved

RAW, PEER, PEER_LINES = "原始 XtQuantTrader", "easytrader，无日志", "easytrader，有日志"
OURS, OURS_ALL = "本库，无委托日志和日志行", "本库，有委托日志和日志行"


def run(quick: bool, command: str) -> list[Table]:
    """The table of one order."""
    rounds, block = (2, 20) if quick else (60, 50)
    with Bench() as bench:
        trader, account = bench.raw()
        peer = bench.easytrader()
        ours = bench.ours()
        full = bench.ours(journal=True)

        def raw_order() -> Any:
            return trader.order_stock(account, "600036.SH", 23, 100, 11, 35.5)

        contenders = [
            Contender(RAW, raw_order),
            Contender(PEER, lambda: peer.buy("600036", 35.5, 100)),
            Contender(PEER_LINES, lambda: peer.buy("600036", 35.5, 100), bench.easytrader_lines),
            Contender(OURS, lambda: ours.buy("600036", 35.5, 100)),
            Contender(OURS_ALL, lambda: full.buy("600036", 35.5, 100), bench.our_lines),
        ]
        samples = interleaved(contenders, rounds, block)
    rows = compared(samples, RAW)
    return [
        Table(
            "一笔委托，等到应答",
            command,
            COMPARED,
            rows,
            (
                "立即应答的柜台，没有推送；比值以原始 XtQuantTrader 为 1。两家的日志行都写入文件，"
                "级别都是 INFO，格式各用自己的默认格式；委托日志写在磁盘上的 SQLite（synchronous=NORMAL）。",
            ),
        )
    ]
