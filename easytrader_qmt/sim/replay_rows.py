"""Reads a recorded day: a CSV or Parquet file of ticks or of one-minute bars.

Columns (yuan, shares), with a header line; no others are taken:

- ``time``: ``09:30:03``, ``2025-01-02 09:30:03.500``, ``20250102093003`` or milliseconds since 1970, in
  Asia/Shanghai. All of one day, never going back. A bar carries the time of its end, as the vendor's do.
- ``code``: ``600036.SH``; a bare number will do where only one security has it.
- ``last`` for ticks, with ``bid1``, ``ask1`` (0: nobody is there), ``bid1_volume``, ``ask1_volume`` where known;
  a side that is not given is derived from ``last``.
- ``open``, ``high``, ``low``, ``close`` for bars. A bar becomes four ticks within its minute.
- ``volume``: of a tick what the day has traded so far, of a bar what it traded.
- ``prev_close``: the previous close; it sets the day's price limits, and lists a security that is not known.

Never changes a market: what is wrong is refused with its line before anything is fed.
"""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim.market import Market, UnknownSecurity
from easytrader_qmt.sim.replay_cells import Row, moment, price, shares

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

_BAR = ("open", "high", "low", "close")
_PRICES = ("last", *_BAR, "prev_close")
_SIDES = ("bid1", "ask1")
_VOLUMES = ("bid1_volume", "ask1_volume", "volume")
_COLUMNS = frozenset({"time", "code", *_PRICES, *_SIDES, *_VOLUMES})
_MOST_SHOWN = 5
_WITHIN = (60.0, 40.0, 20.0, 1.0)
"""Seconds before a bar's end at which its four ticks are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One tick to feed: ``changes`` for ``Market.set``; ``volume`` shares that others traded at ``price``.

    ``time`` in seconds since midnight; ``line`` is where it came from.
    """

    line: int
    time: float
    code: str
    price: float
    volume: int
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prev_close(self) -> float | None:
        """The previous close it brings, if it brings one."""
        found: float | None = self.changes.get("prev_close")
        return found


def read_steps(file: str | os.PathLike[str]) -> list[Step]:
    """The steps of a file, in time. Raises InvalidArgument for what cannot be right, OSError, ImportError.

    ``.parquet`` and ``.pq`` are read through pandas, everything else is CSV in UTF-8.
    """
    path = os.fspath(file)
    name = os.path.basename(path)
    if not os.path.exists(path):
        raise FileNotFoundError(errno.ENOENT, "没有这个行情文件", path)
    if path.lower().endswith((".parquet", ".pq")):
        return steps_of(name, *table_rows(_parquet(path)))
    with open(path, encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, restkey="", strict=True)
        try:
            columns = list(reader.fieldnames or ())
            return steps_of(name, columns, ((reader.line_num, row) for row in reader))
        except (csv.Error, UnicodeDecodeError) as error:
            raise InvalidArgument(f"{name} 第 {reader.line_num} 行之后读不下去：{error}") from None


def steps_of(name: str, columns: Sequence[str], rows: Iterable[tuple[int, Row]]) -> list[Step]:
    """The steps of numbered rows with these columns. Raises InvalidArgument naming the lines."""
    _check_columns(name, columns)
    problems: list[str] = []
    steps: list[Step] = []
    reader = _Reader("last" not in columns)
    for line, row in rows:
        try:
            steps += reader.steps(line, row)
        except ValueError as error:
            problems.append(f"第 {line} 行：{error}")
    _refuse(name, problems)
    if not steps:
        raise InvalidArgument(f"{name} 里没有行情")
    return sorted(steps, key=lambda step: step.time)


def checked(steps: Sequence[Step], market: Market, name: str) -> list[Step]:
    """The steps with full codes, after the exchange's own rules have let each pass.

    ``market`` is a copy that is used up. Raises InvalidArgument naming the lines.
    """
    problems: dict[int, str] = {}
    full: list[Step] = []
    for step in steps:
        try:
            if market.find(step.code) is None and step.prev_close is not None and "." in step.code:
                market.add(step.code, prev_close=step.prev_close)
            step = replace(step, code=market.instrument(step.code).stock_code)
            market.set(step.code, **step.changes)
        except (ValueError, UnknownSecurity) as error:
            problems.setdefault(step.line, f"第 {step.line} 行：{error}")
        full.append(step)
    _refuse(name, [problems[line] for line in sorted(problems)])
    return full


class _Reader:
    """Rows to steps; keeps what one row must not say against those before it."""

    def __init__(self, bars: bool) -> None:
        self._bars = bars
        self._day: str | None = None
        self._time = 0.0
        self._previous: dict[str, float] = {}
        self._traded: dict[str, int] = {}
        self._last_bar: dict[str, float] = {}

    def steps(self, line: int, row: Row) -> list[Step]:
        """The steps of one row. Raises ValueError."""
        if "" in row or None in row.values():
            raise ValueError("列数与表头不符")
        code = str(row["code"]).strip().upper()
        if not code:
            raise ValueError("没有 code")
        time = self._timed(row["time"])
        number = {name: price(row, name) for name in _PRICES}
        changes = self._first(code, number["prev_close"])
        volume = shares(row, "volume")
        return (
            self._of_bar(line, time, code, number, volume, changes)
            if self._bars
            else [self._of_tick(line, time, code, row, number["last"], volume, changes)]
        )

    def _of_tick(
        self,
        line: int,
        time: float,
        code: str,
        row: Row,
        last: float | None,
        volume: int | None,
        changes: dict[str, Any],
    ) -> Step:
        if last is None:
            raise ValueError("没有 last")
        changes["last"] = last
        for side in _SIDES:
            best, there = price(row, side, zero=True), shares(row, f"{side}_volume")
            if there is not None and best is None:
                raise ValueError(f"有 {side}_volume 而没有 {side}")
            if best is not None:
                changes[side] = best
                changes |= {} if there is None else {f"{side}_volume": there}
        before = self._traded.get(code, 0)
        if volume is not None and volume < before:
            raise ValueError(f"volume {volume} 小于之前的 {before}：逐笔行情的 volume 是当日累计成交量")
        self._traded[code] = before if volume is None else volume
        return Step(line, time, code, last, self._traded[code] - before, changes)

    def _of_bar(
        self,
        line: int,
        time: float,
        code: str,
        number: Mapping[str, float | None],
        volume: int | None,
        changes: dict[str, Any],
    ) -> list[Step]:
        missing = [name for name in _BAR if number[name] is None]
        if missing:
            raise ValueError(f"没有 {'、'.join(missing)}")
        opened, high, low, close = (number[name] or 0.0 for name in _BAR)
        if not low <= min(opened, close) <= max(opened, close) <= high:
            raise ValueError(f"最高价 {high} 与最低价 {low} 没有包住开盘价 {opened} 与收盘价 {close}")
        if time % 60 or time < 60:
            raise ValueError("分钟线的时间应为整分钟（一分钟的结束时刻）")
        if self._last_bar.get(code) == time:
            raise ValueError(f"{code} 的这一分钟已经有了")
        self._last_bar[code] = time
        path = (opened, low, high, close) if close >= opened else (opened, high, low, close)
        quarter, rest = divmod(volume or 0, len(path))
        return [
            Step(
                line,
                time - before,
                code,
                at,
                quarter + (rest if not place else 0),
                {**(changes if not place else {}), "last": at},
            )
            for place, (at, before) in enumerate(zip(path, _WITHIN, strict=True))
        ]

    def _first(self, code: str, prev_close: float | None) -> dict[str, Any]:
        """The previous close, where it is said for the first time."""
        known = self._previous.get(code)
        if prev_close is None or prev_close == known:
            return {}
        if known is not None:
            raise ValueError(f"prev_close {prev_close} 与之前的 {known} 不同")
        self._previous[code] = prev_close
        return {"prev_close": prev_close}

    def _timed(self, value: Any) -> float:
        day, time = moment(value)
        if day != (day if self._day is None else self._day):
            raise ValueError(f"时间 {value!r} 与之前的行不在同一天")
        if time < self._time:
            raise ValueError(f"时间 {value!r} 早于之前的行")
        self._day, self._time = day, time
        return time


def _check_columns(name: str, columns: Sequence[str]) -> None:
    missing = [one for one in ("time", "code") if one not in columns]
    unknown = [str(one) for one in columns if one not in _COLUMNS]
    twice = sorted({one for one in columns if columns.count(one) > 1})
    bars = [one for one in _BAR if one in columns]
    if missing:
        raise InvalidArgument(f"{name} 第 1 行：缺少列 {'、'.join(missing)}")
    if unknown or twice:
        raise InvalidArgument(
            f"{name} 第 1 行：列 {'、'.join(unknown or twice)} 未知或重复；可用的列: {'、'.join(sorted(_COLUMNS))}"
        )
    if ("last" in columns) == bool(bars) or 0 < len(bars) < len(_BAR):
        raise InvalidArgument(
            f"{name} 第 1 行：逐笔行情要有 last，分钟线要有 open、high、low、close，不能混用"
        )
    odd = [one for one in (*_SIDES, *_VOLUMES[:2]) if one in columns] if bars else []
    if odd:
        raise InvalidArgument(f"{name} 第 1 行：分钟线不能有列 {'、'.join(odd)}")


def _refuse(name: str, problems: Sequence[str]) -> None:
    if problems:
        more = f"；共 {len(problems)} 处" if len(problems) > _MOST_SHOWN else ""
        raise InvalidArgument(f"{name} 没有回放：" + "；".join(problems[:_MOST_SHOWN]) + more)


def _parquet(path: str) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise ImportError(
            "读取 Parquet 文件需要 pyarrow，它在附加依赖 parquet 里："
            '请执行 pip install "easytrader-qmt[parquet]"（或 pip install pyarrow），或改用 CSV'
        ) from error
    except ValueError as error:
        raise InvalidArgument(f"{os.path.basename(path)} 不是可用的 Parquet 文件：{error}") from None


def table_rows(frame: pd.DataFrame) -> tuple[list[str], Iterator[tuple[int, Row]]]:
    """A table's columns and its rows, numbered from 1; an empty cell is an empty text."""
    filled = frame.astype(object).where(frame.notna(), "")
    rows = ((number, row) for number, row in enumerate(filled.to_dict("records"), 1))
    return [str(name) for name in frame.columns], rows
