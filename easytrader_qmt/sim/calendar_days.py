"""Trading days of the simulated exchange: weekdays, and the simulated day itself.

Pure; knows no holidays, and never reads a clock.
"""

from __future__ import annotations

from easytrader_qmt.clock import shanghai
from easytrader_qmt.sim.bars import midnight

DAY = 86_400
YEAR = 365 * DAY


def days_to_next(now: float) -> int:
    """How many days after the day of ``now`` the next trading day is."""
    weekday = shanghai(now).weekday()
    return 7 - weekday if weekday >= 4 else 1


def trading_days(now: float, start: float | None = None) -> list[float]:
    """Midnights (Unix seconds) of the trading days from ``start`` to the day of ``now``, oldest first.

    ``start`` None: one year before.
    """
    today = midnight(now)
    first = midnight(today - YEAR if start is None else start)
    days = (first + count * DAY for count in range(round(today - first) // DAY + 1))
    return [day for day in days if shanghai(day).weekday() < 5 or day == today]
