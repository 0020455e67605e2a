"""Trading sessions of the exchanges in Asia/Shanghai: 09:15-09:25 auction, 09:30-11:30, 13:00-14:57, 15:00.

Pure; knows weekends but no holidays, and never reads a clock.
"""

from __future__ import annotations

from easytrader_qmt.clock import day_number

CLOSED, AUCTION, CONTINUOUS = "closed", "auction", "continuous"

_EAST = 8 * 3600
_DAY = 86_400
_EPOCH_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0


def seconds_of_day(now: float) -> int:
    """Seconds since midnight in Asia/Shanghai of Unix seconds ``now``."""
    return (int(now) + _EAST) % _DAY


def may_cancel(now: float) -> bool:
    """Whether the exchanges take cancels: not from 09:20 to 09:25, nor in the closing auction."""
    return phase(now) != AUCTION or seconds_of_day(now) < 9 * 3600 + 20 * 60


def phase(now: float) -> str:
    """``closed``, ``auction`` or ``continuous`` at Unix seconds ``now``; sessions are half open."""
    if (day_number(now) + _EPOCH_WEEKDAY) % 7 > 4:
        return CLOSED
    minute = seconds_of_day(now) // 60
    if 9 * 60 + 15 <= minute < 9 * 60 + 25 or 14 * 60 + 57 <= minute < 15 * 60:
        return AUCTION
    if 9 * 60 + 30 <= minute < 11 * 60 + 30 or 13 * 60 <= minute < 14 * 60 + 57:
        return CONTINUOUS
    return CLOSED
