"""One order, its answer awaited: in a tight loop, and with a pause before each, as strategies place them."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench.contenders import Bench
from tests.bench.measure import COMPARED, Contender, Table, compared, interleaved

RAW, PEER, PEER_LINES = "原始 XtQuantTrader", "easytrader，无日志行", "easytrader，有日志行"
OURS, OURS_ALL = "本库，无委托日志和日志行", "本库，有委托日志和日志行"
NOTE = (
    "柜台立即应答，没有推送；比值以原始 XtQuantTrader 为 1，是各轮中位数之比的中位数。"
    "两家的日志行都写入磁盘上的文件，级别都是 INFO，"
    "格式各用自己的默认格式；委托日志是磁盘上的 SQLite（synchronous=NORMAL）。"
)


def run(quick: bool, command: str) -> list[Table]:
    """Two tables: in a tight loop and with a pause."""
    rounds, block = (2, 20) if quick else (150, 20)
    with Bench() as bench:
        tight = interleaved(contenders(bench), rounds, block)
        paused = interleaved(contenders(bench), rounds // 2, block, before=lambda: time.sleep(0.001))
    return [
        Table("一笔委托，等到应答：不停顿", command, COMPARED, compared(tight, RAW, block), (NOTE,)),
        Table(
            "一笔委托，等到应答：每笔之前停 1 毫秒",
            command,
            COMPARED,
            compared(paused, RAW, block),
            (
                "不停顿时，xtquant 的两个线程还没有睡下，下一笔委托就来了；停顿之后要先唤醒它们，"
                "实盘中的委托都是这样。停顿不计入时间。",
            ),
        ),
    ]


def contenders(bench: Bench) -> list[Contender]:
    """Everyone with one order to place."""
    trader, account = bench.raw()
    peer, ours, full = bench.easytrader(), bench.ours(), bench.ours(journal=True)

    def buy(user: object) -> Callable[[], object]:
        return lambda: user.buy("600036", 35.5, 100)  # type: ignore[attr-defined]

    return [
        Contender(RAW, lambda: trader.order_stock(account, "600036.SH", 23, 100, 11, 35.5)),
        Contender(PEER, buy(peer)),
        Contender(PEER_LINES, buy(peer), bench.easytrader_lines),
        Contender(OURS, buy(ours)),
        Contender(OURS_ALL, buy(full), bench.our_lines),
    ]
