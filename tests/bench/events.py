"""From a push to the user's handler: a raw callback, our callback object, and an ``on('order')`` handler."""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.bench.contenders import Bench, Deaf
from tests.bench.measure import Table, median, percentile, span

RAW, CALLBACK, HANDLER = "原始回调", "本库 trader_callback（原对象）", "本库 on('order')（字典）"

NOTE = (
    "每轮先求百分位，再取各轮的中位数。三方在同一个进程里，Python 的一次完整垃圾回收停顿几十毫秒，"
    "每秒 5,000 个事件时会耽误一百多个，正好是一轮的百分之几：有它的一轮，第 99 百分位量到的是它。"
    "本库记住每笔委托，遇到它的轮次比原始回调多。“所有轮合计”一列包括这样的轮次。"
)


class _Listening:
    """One contender: a counter of its own, who hears its pushes, and when each was sent and heard."""

    def __init__(self, bench: Bench, connect: Callable[[Bench, Any], Callable[[], int]]) -> None:
        self.bench = bench
        self.sent: dict[int, float] = {}
        self.took: list[list[float]] = [[]]
        self._numbers = itertools.count(1)
        self.waiting = connect(bench, self.heard)

    def heard(self, number: int) -> None:
        self.took[-1].append(time.perf_counter() - self.sent.pop(number))

    def push(self) -> None:
        number = next(self._numbers)
        self.sent[number + 1] = time.perf_counter()
        self.bench.counter.push_order(number)


class _Callback(Deaf):
    def __init__(self, heard: Callable[[int], None]) -> None:
        self._heard = heard

    def on_stock_order(self, order: Any) -> None:
        self._heard(order.order_id)


def _raw(bench: Bench, heard: Callable[[int], None]) -> Callable[[], int]:
    trader, _account = bench.raw(_Callback(heard))
    return lambda: int(trader.executor._work_queue.qsize())


def _callback(bench: Bench, heard: Callable[[int], None]) -> Callable[[], int]:
    return _backlog(bench.ours(trader_callback=_Callback(heard)))


def _handler(bench: Bench, heard: Callable[[int], None]) -> Callable[[], int]:
    user = bench.ours()
    user.on("order", lambda row: heard(row["order_id"]))
    return _backlog(user)


def _backlog(user: Any) -> Callable[[], int]:
    return lambda: int(user._connection._flow._dispatcher.backlog)


def run(quick: bool, command: str) -> list[Table]:
    """One table for each rate."""
    return [
        _table(1, 2 if quick else 25, 1, command),
        _table(5_000, 1_000 if quick else 5_000, 1 if quick else 10, command),
    ]


def _table(rate: int, events: int, rounds: int, command: str) -> Table:
    with Bench() as one, Bench() as two, Bench() as three:
        listening = {
            RAW: _Listening(one, _raw),
            CALLBACK: _Listening(two, _callback),
            HANDLER: _Listening(three, _handler),
        }
        worst = dict.fromkeys(listening, 0)
        gc.collect()
        if rate == 1:
            _in_turns(list(listening.values()), events, 1.0 / len(listening))
        else:
            for number in range(rounds):
                for name, each in listening.items():
                    if number:
                        each.took.append([])
                    worst[name] = max(worst[name], _stream(each, events, 1.0 / rate))
    base = listening[RAW].took
    rows = [
        (
            name,
            span(_of_rounds(each.took, 0.5)),
            span(_of_rounds(each.took, 0.99)),
            f"{_of_rounds(each.took, 0.5) / _of_rounds(base, 0.5):.2f}",
            f"{_of_rounds(each.took, 0.99) / _of_rounds(base, 0.99):.2f}",
            span(percentile([one for round_ in each.took for one in round_], 0.99)),
            str(worst[name]),
            str(sum(map(len, each.took))),
        )
        for name, each in listening.items()
    ]
    heads = (
        "参赛者", "中位数", "第 99 百分位", "中位数比值", "第 99 百分位比值", "所有轮合计的第 99 百分位",
        "每轮结束时排队", "样本",
    )  # fmt: skip
    return Table(f"推送到处理函数：每秒 {rate:,} 个事件", command, heads, rows, (NOTE,))


def _of_rounds(took: list[list[float]], share: float) -> float:
    """The middle one of the rounds' percentiles."""
    return median([percentile(one, share) for one in took if one])


def _in_turns(listening: list[_Listening], events: int, gap: float) -> None:
    for _ in range(events):
        for each in listening:
            time.sleep(gap)
            each.push()
    time.sleep(0.2)


def _stream(each: _Listening, events: int, gap: float) -> int:
    """Push at an even pace; how many events were waiting when the last one was sent."""
    begun = time.perf_counter()
    for number in range(events):
        early = begun + number * gap - time.perf_counter()
        if early > 0:
            time.sleep(early)
        each.push()
    waiting = each.waiting()
    deadline = time.perf_counter() + 10
    while each.sent and time.perf_counter() < deadline:
        time.sleep(0.01)
    return waiting
