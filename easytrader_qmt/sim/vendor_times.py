"""Times as the vendor's quote functions take and show them: texts, milliseconds, Asia/Shanghai.

Pure; never reads a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from easytrader_qmt.clock import SHANGHAI, shanghai

_Item = TypeVar("_Item")
_FORMATS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}


def milliseconds(time: float) -> int:
    """Unix seconds as the vendor's ``time``."""
    return round(time * 1000)


def second_text(time: float) -> str:
    """``20250102093000``, the index of the vendor's tables."""
    return shanghai(milliseconds(time) / 1000).strftime("%Y%m%d%H%M%S")


def day_text(time: float) -> str:
    """``20250102``."""
    return shanghai(time).strftime("%Y%m%d")


def timetag(time: float) -> str:
    """``20250102 09:30:00.500``, without the fraction when it is zero."""
    text = shanghai(milliseconds(time) / 1000).strftime("%Y%m%d %H:%M:%S.%f")[:-3]
    return text.removesuffix(".000")


@dataclass(frozen=True, slots=True)
class Window:
    """What the vendor's ``start_time``, ``end_time`` and ``count`` ask for; both ends belong to it."""

    start: float | None
    end: float | None
    count: int

    def of(self, items: Sequence[_Item], times: Sequence[float]) -> list[_Item]:
        """The items that lie inside, the last ``count`` of them; all for a count of -1."""
        inside = [
            item
            for item, time in zip(items, times, strict=True)
            if (self.start is None or time >= self.start) and (self.end is None or time <= self.end)
        ]
        if self.count < 0:
            return inside
        return inside[-self.count :] if self.count else []


def window(start_time: Any, end_time: Any, count: Any, *, by_day: bool = False) -> Window:
    """A Window from the vendor's arguments; ``by_day``: the time of day does not matter.

    Each end is ``''``, ``'20250102'``, ``'20250102093000'``, a datetime (naive: Asia/Shanghai) or
    milliseconds. Raises ValueError or TypeError for anything else.
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"count={count!r} 应为整数：-1 表示全部")
    start, end = _moment(start_time, "start_time", False), _moment(end_time, "end_time", True)
    if by_day and start is not None:
        day = shanghai(start).replace(hour=0, minute=0, second=0, microsecond=0)
        start = day.timestamp()
    return Window(start, end, count)


def _moment(value: Any, what: str, last: bool) -> float | None:
    """Unix seconds; ``last``: the last moment of the second or day that is named."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=SHANGHAI)).timestamp()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value / 1000
    if not isinstance(value, str):
        raise TypeError(f"{what}={value!r} 应为 '20250102' 或 '20250102093000' 形式的字符串，或 datetime")
    if len(value) not in _FORMATS or not value.isdigit():
        raise ValueError(f"{what}={value!r} 应为 '20250102' 或 '20250102093000' 的形式")
    try:
        named = datetime.strptime(value, _FORMATS[len(value)]).replace(tzinfo=SHANGHAI)
    except ValueError:
        raise ValueError(f"{what}={value!r} 不是有效的时间") from None
    if last:
        named += (timedelta(days=1) if len(value) == 8 else timedelta(seconds=1)) - timedelta(milliseconds=1)
    return named.timestamp()
