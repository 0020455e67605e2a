"""today_entrusts and position by number of rows: as dicts, and as a DataFrame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench.contenders import Bench
from tests.bench.measure import Contender, Samples, Table, interleaved, median, percentile, ratio, span

_RAW, _PEER, _OURS = "raw", "easytrader", "ours"
_FRAME = "frame"


def run(quick: bool, command: str) -> list[Table]:
    """Two tables: dicts and frames."""
    import pandas as pd

    dicts: list[tuple[str, ...]] = []
    frames: list[tuple[str, ...]] = []
    with Bench() as bench:
        trader, account = bench.raw()
        peer, ours = bench.easytrader(), bench.ours()
        for rows in (10, 1_000) if quick else (10, 1_000, 10_000, 100_000):
            bench.counter.hold(orders=rows, positions=rows)
            rounds = 3 if quick else {10: 300, 1_000: 100, 10_000: 40}.get(rows, 11)
            for name, raw in (
                ("today_entrusts", lambda: trader.query_stock_orders(account)),
                ("position", lambda: trader.query_stock_positions(account)),
            ):
                ask_peer, ask_ours = _asking(peer, name), _asking(ours, name)
                found = interleaved(
                    [Contender(_RAW, raw), Contender(_PEER, ask_peer), Contender(_OURS, ask_ours)], rounds
                )
                dicts.append(_dict_row(name, rows, found))
                records = ask_ours()
                found = interleaved(
                    [
                        Contender(_PEER, lambda ask=ask_peer: pd.DataFrame(ask())),  # type: ignore[misc]
                        Contender(_OURS, lambda ask=ask_ours: ask().df),  # type: ignore[misc]
                        Contender(_FRAME, lambda records=records: records.df),  # type: ignore[misc]
                    ],
                    rounds,
                )
                frames.append(_frame_row(name, rows, found))
    return [
        Table(
            "查询，字典列表",
            command,
            ("查询", "行数", "原始对象", "easytrader", "本库", "第 5–95 百分位（本库）", "本库 / easytrader"),
            dicts,
            ("原生对象预先造好：表中没有仿真端造对象的时间，只有传递和转成字典的时间。"
                "本库每行比 easytrader 多 2 到 5 个字段。",),
        ),
        Table(
            "查询，DataFrame",
            command,
            (
                "查询", "行数", "easytrader 列表再转 DataFrame", "本库查询加 .df", "其中 .df",
                ".df / easytrader", "查询加 .df / easytrader",
            ),
            frames,
            ("easytrader 一列从查询起算：要得到 DataFrame，它的列表总要先造出来。",),
        ),
    ]  # fmt: skip


def _asking(user: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(user, name)


def _dict_row(name: str, rows: int, found: Samples) -> tuple[str, ...]:
    ours = found[_OURS]
    return (
        name,
        f"{rows:,}",
        span(median(found[_RAW])),
        span(median(found[_PEER])),
        span(median(ours)),
        f"{span(percentile(ours, 0.05))} – {span(percentile(ours, 0.95))}",
        f"{ratio(ours, found[_PEER]):.2f}",
    )


def _frame_row(name: str, rows: int, found: Samples) -> tuple[str, ...]:
    return (
        name,
        f"{rows:,}",
        span(median(found[_PEER])),
        span(median(found[_OURS])),
        span(median(found[_FRAME])),
        f"{ratio(found[_FRAME], found[_PEER]):.2f}",
        f"{ratio(found[_OURS], found[_PEER]):.2f}",
    )
