"""Bars of a day: which minute a tick belongs to, and longer bars made of minutes.

Pure; never knows a market. A bar carries the time of its end, as the vendor's do, a day its midnight; the
call auction belongs to the 09:30 minute, and the closing prints to the session that they close.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from easytrader_qmt.clock import day_number

PERIODS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60}
"""Minutes of each kind of bar within a day."""

_OPEN, _NOON, _BACK, _CLOSE = 9 * 60 + 30, 11 * 60 + 30, 13 * 60, 15 * 60
_AUCTION = 9 * 60 + 15


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. Yuan and shares; ``time`` in Unix seconds; ``prev_close`` is the close before it."""

    time: float
    open: float
    high: float
    low: float
    close: float
    volume: int
    amount: float
    prev_close: float


def midnight(time: float) -> float:
    """Unix seconds at which the day in Asia/Shanghai began that ``time`` falls on."""
    return day_number(time) * 86_400.0 - 28_800.0


def minute_label(time: float) -> float:
    """The time of the one-minute bar that a tick at ``time`` belongs to, Unix seconds."""
    start = midnight(time)
    minute = int(time - start) // 60
    if _AUCTION <= minute < _OPEN:
        label = _OPEN
    elif minute in (_NOON, _CLOSE):
        label = minute
    else:
        label = minute + 1
    return start + label * 60


def period_label(label: float, length: int) -> float:
    """The time of the bar of ``length`` minutes that the one-minute bar at ``label`` belongs to.

    Bars are counted from the opening of each session; outside the sessions from midnight.
    """
    # The minute that ends at midnight belongs to the day before it.
    start = midnight(label - 1)
    minute = round(label - start) // 60
    if _OPEN <= minute <= _NOON:
        opening, first = _OPEN, 1 if length > 1 else 0
    elif _BACK < minute <= _CLOSE:
        opening, first = _BACK, 1
    else:
        opening, first = 0, 1
    count = max(first, -(-(minute - opening) // length))
    return start + (opening + count * length) * 60


def merged(minutes: Sequence[Bar], length: int) -> list[Bar]:
    """Bars of ``length`` minutes out of one-minute bars."""
    longer = []
    for label, group in groupby(minutes, key=lambda bar: period_label(bar.time, length)):
        parts = list(group)
        longer.append(
            Bar(
                label,
                parts[0].open,
                max(bar.high for bar in parts),
                min(bar.low for bar in parts),
                parts[-1].close,
                sum(bar.volume for bar in parts),
                round(sum(bar.amount for bar in parts), 3),
                parts[0].prev_close,
            )
        )
    return longer


def filled(bars: Sequence[Bar], length: int) -> list[Bar]:
    """The bars with the gaps between them closed: in a session's bar without a tick nothing moved."""
    labels = _labels(bars[0].time, length) if bars else []
    complete: list[Bar] = []
    for bar in bars:
        if complete:
            before = complete[-1].time
            close = complete[-1].close
            flat = Bar(bar.time, close, close, close, close, 0, 0.0, close)
            complete += [replace(flat, time=label) for label in labels if before < label < bar.time]
        complete.append(bar)
    return complete


def _labels(time: float, length: int) -> list[float]:
    """Every bar that the sessions of a day have, in order."""
    start = midnight(time - 1)
    minutes = [*range(_OPEN + 1, _NOON + 1), *range(_BACK + 1, _CLOSE + 1)]
    return sorted({period_label(start + minute * 60, length) for minute in minutes})
