"""Memory and threads over very many orders and reconnects: the slope, and what it ends at."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.contenders import Bench
from tests.bench.measure import Table
from tests.bench.reconnect import _Outages

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_KEPT_IN_VENDOR = (
    "handled_async_order_stock_order_id",
    "queuing_order_seq",
    "queuing_order_errors_byseq",
    "queuing_order_errors_byid",
    "cbs",
)


def run(quick: bool, command: str) -> list[Table]:
    """One table of orders and reconnects."""
    orders, outages = (4_000, 20) if quick else (1_000_000, 1_000)
    rows = []
    with Bench() as bench:
        ours = bench.ours()
        held: list[tuple[str, int]] = []

        def batches(number: int) -> None:
            ours.batch(
                [{"action": "buy", "security": "600036", "price": 35.5, "amount": 100}] * min(1_000, number)
            )

        rows.append(_grown(f"本库，{orders:,} 笔委托（1,000 笔一篮）", orders, 1_000, batches))
        held += _kept("本库", ours.trader)
    with Bench() as bench:
        trader, account = bench.raw()

        def raw_orders(number: int) -> None:
            for _ in range(number):
                trader.order_stock(account, "600036.SH", 23, 100, 11, 35.5)

        rows.append(_grown(f"原始 XtQuantTrader，{orders:,} 笔委托", orders, 1_000, raw_orders))
        held += _kept("原始", trader)
    with Bench() as bench:
        breaking = _Outages(bench)

        def break_it(number: int) -> None:
            for _ in range(number):
                breaking.rest()
                breaking.outage()

        rows.append(_grown(f"本库，{outages:,} 次重连", outages, max(1, outages // 100), break_it))
    heads = ("做了什么", "开始内存", "结束内存", "后一半的斜率", "开始线程", "结束线程")
    return [
        Table(
            "内存与线程",
            command,
            heads,
            rows,
            ("斜率是后一半各次取样的最小二乘直线；委托日志和日志行都关闭。",),
        ),
        Table(
            "xtquant 自己的容器里留下了什么",
            command,
            ("容器", "条数"),
            [(name, f"{number:,}") for name, number in held],
        ),
    ]


def _grown(what: str, times: int, step: int, act: Callable[[int], None]) -> tuple[str, ...]:
    act(step)
    samples = [_memory()]
    threads = threading.active_count()
    every = max(1, times // step // 40)
    for done in range(times // step):
        act(step)
        if (done + 1) % every == 0:
            gc.collect()
            samples.append(_memory())
    late = samples[len(samples) // 2 :]
    per_step = _slope(late) / (every * step)
    return (
        what,
        f"{samples[0] / 2**20:.1f} MiB",
        f"{samples[-1] / 2**20:.1f} MiB",
        f"{per_step:.2f} 字节/次",
        str(threads),
        str(threading.active_count()),
    )


def _kept(who: str, trader: Any) -> list[tuple[str, int]]:
    return [
        (f"{who} {name}", len(getattr(trader, name))) for name in _KEPT_IN_VENDOR if hasattr(trader, name)
    ]


def _memory() -> int:
    """Resident bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _slope(values: list[int]) -> float:
    """Of the least-squares line, per sample."""
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    over = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    return over / (sum((at - middle) ** 2 for at in range(len(values))) or 1.0)
