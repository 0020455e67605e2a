"""One order, its answer awaited: in a tight loop, with a pause before each, as strategies place them, and with
the simulated terminal as a process of its own, as a real one is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.bench.contenders import Bench
from tests.bench.measure import COMPARED, Contender, Table, compared, interleaved
from tests.bench.terminal_process import TerminalBench

RAW, PEER, PEER_LINES = "原始 XtQuantTrader", "easytrader，无日志行", "easytrader，有日志行"
OURS, OURS_ALL = "本库，无委托日志和日志行", "本库，有委托日志和日志行"
NOTE = (
    "柜台立即应答，没有推送；比值以原始 XtQuantTrader 为 1，是各轮中位数之比的中位数。"
    "两家的日志行都写入磁盘上的文件，级别都是 INFO，"
    "格式各用自己的默认格式；委托日志是磁盘上的 SQLite（synchronous=NORMAL）。"
)
PAUSED = (
    "不停顿时，xtquant 的两个线程还没有睡下，下一笔委托就来了；停顿之后要先唤醒它们，"
    "实盘中的委托都是这样。停顿不计入时间。"
)
APART = (
    "参赛者各有一个仿真终端进程，经本机回环地址连接；它检查、记账、保存委托，并推送委托状态。"
    "价格远离盘口，没有成交。停顿让上一笔的推送和保存不落在下一笔的时间里。"
)
PRICE = 33.0
"""A buy that rests in the simulated terminal's book."""


def run(quick: bool, command: str) -> list[Table]:
    """Three tables: in a tight loop, with a pause, and with the terminal in another process."""
    rounds, block = (2, 20) if quick else (150, 20)
    with Bench() as bench:
        tight = interleaved(contenders(bench, bench, bench, bench), rounds, block)
        some = contenders(bench, bench, bench, bench)
        paused = interleaved(some, rounds // 2, block, before=lambda: time.sleep(0.001))
    with ExitStack() as stack:
        # A terminal each: what it pushes about one's order is not another's work.
        others = contenders(*(stack.enter_context(TerminalBench()) for _ in range(4)))
        apart = interleaved(others, rounds // 2, block, before=lambda: time.sleep(0.005))
    return [
        Table("一笔委托，等到应答：不停顿", command, COMPARED, compared(tight, RAW, block), (NOTE,)),
        Table(
            "一笔委托，等到应答：每笔之前停 1 毫秒",
            command,
            COMPARED,
            compared(paused, RAW, block),
            (PAUSED,),
        ),
        Table(
            "一笔委托，等到应答：终端是另一个进程，每笔之前停 5 毫秒",
            command,
            COMPARED,
            compared(apart, RAW, block),
            (APART,),
        ),
    ]


def contenders(for_raw: Bench, for_peer: Bench, for_ours: Bench, for_full: Bench) -> list[Contender]:
    """Everyone with one order to place."""
    trader, account = for_raw.raw()
    peer, ours, full = for_peer.easytrader(), for_ours.ours(), for_full.ours(journal=True)

    def buy(user: object) -> Callable[[], object]:
        return lambda: user.buy("600036", PRICE, 100)  # type: ignore[attr-defined]

    return [
        Contender(RAW, lambda: trader.order_stock(account, "600036.SH", 23, 100, 11, PRICE)),
        Contender(PEER, buy(peer)),
        Contender(PEER_LINES, buy(peer), for_peer.easytrader_lines),
        Contender(OURS, buy(ours)),
        Contender(OURS_ALL, buy(full), for_full.our_lines),
    ]
