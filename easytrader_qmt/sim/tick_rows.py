"""Ticks and bars as the vendor's quote module shows them: the keys of its rows, the columns of its tables.

Volumes are 手 there, except ``pvolume``: 100 shares, or 10 of a bond (the vendor's documents and its own
example of a pushed row). Never knows where a tick comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from easytrader_qmt.sim.bars import Bar
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.ladder import DEPTH
from easytrader_qmt.sim.tape import Tick
from easytrader_qmt.sim.vendor_times import day_text, milliseconds, second_text, timetag

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

STATUS_TRADING, STATUS_SUSPENDED = 13, 17
"""连续交易 and 临时停牌 in the vendor's table of security states; a stock's ``openInt`` carries it."""

_STOCK_STATUS = 3

TICK_FIELDS = (
    "time", "lastPrice", "open", "high", "low", "lastClose", "amount", "volume", "pvolume", "stockStatus",
    "openInt", "transactionNum", "lastSettlementPrice", "settlementPrice", "pe", "askPrice", "bidPrice",
    "askVol", "bidVol", "volRatio", "speed1Min", "speed5Min",
)  # fmt: skip

BAR_TYPES = {
    "time": "int64", "open": "float64", "high": "float64", "low": "float64", "close": "float64",
    "volume": "int64", "amount": "float64", "settelementPrice": "float64", "openInterest": "int32",
    "preClose": "float64", "suspendFlag": "int32",
}  # fmt: skip
"""A bar's fields with the types of a table's columns; ``settelementPrice`` is spelt as the vendor spells it."""


def hand(instrument: Instrument) -> int:
    """Shares (bonds: 张) in one 手."""
    return 10 if instrument.kind in ("convertible", "bond", "repo") else 100


def hands(volume: int, size: int) -> int:
    """Shares as 手, rounded half up."""
    return (2 * volume + size) // (2 * size)


def tick_row(tick: Tick, instrument: Instrument) -> dict[str, Any]:
    """A tick with the keys of the vendor's pushed row; yuan, 手, milliseconds."""
    size = hand(instrument)
    return {
        "time": milliseconds(tick.time),
        "lastPrice": tick.last,
        "open": tick.open,
        "high": tick.high,
        "low": tick.low,
        "lastClose": tick.prev_close,
        "amount": tick.amount,
        "volume": hands(tick.volume, size),
        "pvolume": tick.volume,
        "stockStatus": _STOCK_STATUS,
        "openInt": STATUS_SUSPENDED if tick.suspended else STATUS_TRADING,
        "transactionNum": tick.trades,
        "lastSettlementPrice": tick.prev_close,
        "settlementPrice": 0.0,
        "pe": 0.0,
        "askPrice": _five([price for price, _ in tick.asks], 0.0),
        "bidPrice": _five([price for price, _ in tick.bids], 0.0),
        "askVol": _five([hands(volume, size) for _, volume in tick.asks], 0),
        "bidVol": _five([hands(volume, size) for _, volume in tick.bids], 0),
        "volRatio": 0.0,
        "speed1Min": 0.0,
        "speed5Min": 0.0,
    }


def full_tick_row(tick: Tick, instrument: Instrument) -> dict[str, Any]:
    """The same as ``get_full_tick`` gives it: with the time as text too."""
    row = tick_row(tick, instrument)
    return {"time": row.pop("time"), "timetag": timetag(tick.time), **row}


def bar_row(bar: Bar, instrument: Instrument) -> dict[str, Any]:
    """A bar with the vendor's keys; yuan, 手, milliseconds."""
    return {
        "time": milliseconds(bar.time),
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": hands(bar.volume, hand(instrument)),
        "amount": bar.amount,
        "settelementPrice": 0.0,
        "openInterest": STATUS_SUSPENDED if instrument.suspended else STATUS_TRADING,
        "preClose": bar.prev_close,
        "suspendFlag": int(instrument.suspended),
    }


def bar_table(
    bars: Sequence[Bar], instrument: Instrument | None, fields: Sequence[str], by_day: bool
) -> pd.DataFrame:
    """Bars as ``get_market_data_ex`` gives them, the index such as ``20250102093100``, a day's ``20250102``.

    Raises ValueError for a field there is not.
    """
    import pandas as pd

    chosen = _chosen(fields, tuple(BAR_TYPES))
    rows = [] if instrument is None else [bar_row(bar, instrument) for bar in bars]
    index = [day_text(bar.time) if by_day else second_text(bar.time) for bar in bars]
    columns = {name: pd.Series([row[name] for row in rows], dtype=BAR_TYPES[name]) for name in chosen}
    table = pd.DataFrame(columns, columns=list(chosen))
    table.index = pd.Index(index, dtype=object)
    return table


def tick_table(ticks: Sequence[Tick], instrument: Instrument | None, fields: Sequence[str]) -> pd.DataFrame:
    """Ticks as ``get_market_data_ex`` gives them; the five levels of a side are one list in a cell.

    Raises ValueError for a field there is not.
    """
    import pandas as pd

    chosen = _chosen(fields, TICK_FIELDS)
    rows = [] if instrument is None else [tick_row(tick, instrument) for tick in ticks]
    table = pd.DataFrame([[row[name] for name in chosen] for row in rows], columns=list(chosen))
    table.index = pd.Index([second_text(tick.time) for tick in ticks], dtype=object)
    return table


def _chosen(fields: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise ValueError(f"没有字段 {'、'.join(map(str, unknown))}；可选: {'、'.join(known)}")
    return tuple(fields) or known


def _five(values: list[Any], nothing: Any) -> list[Any]:
    return [*values, *[nothing] * DEPTH][:DEPTH]
