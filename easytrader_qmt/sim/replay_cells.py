"""Cells of a recorded day's rows: times, prices, shares; out of texts and out of a table's own types.

Pure; raises ValueError naming the cell, never where it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from easytrader_qmt.clock import shanghai

Row = Mapping[str, Any]

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?")


def moment(value: Any) -> tuple[str, float]:
    """The day (empty: none named) and the seconds since its midnight. Raises ValueError."""
    if isinstance(value, datetime):
        at = value if value.tzinfo is None else shanghai(value.timestamp())
        return _split(at)
    text = str(value).strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hour, minute, second = int(clock[1]), int(clock[2]), float(clock[3] or 0)
        if hour > 23 or minute > 59 or second >= 60:
            raise ValueError(f"时间 {value!r} 无效")
        return "", hour * 3600 + minute * 60 + second
    try:
        if re.fullmatch(r"\d{13}", text):
            return _split(shanghai(int(text) / 1000))
        if re.fullmatch(r"\d{14}", text):
            return _split(datetime.strptime(text, "%Y%m%d%H%M%S"))
        day, _, rest = text.replace("T", " ").partition(" ")
        return datetime.strptime(day, "%Y-%m-%d").strftime("%Y%m%d"), moment(rest)[1]
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"时间 {value!r} 无效：应如 09:30:03 或 2025-01-02 09:30:03") from None


def _split(at: datetime) -> tuple[str, float]:
    seconds = at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6
    return at.strftime("%Y%m%d"), seconds


def price(row: Row, name: str, *, zero: bool = False) -> float | None:
    """A price in yuan; None for an empty cell or a column there is not."""
    number = _number(row, name)
    if number is not None and (number < 0 or (number == 0 and not zero)):
        raise ValueError(f"{name} {row[name]!r} 应为{'非负数' if zero else '正数'}")
    return number


def shares(row: Row, name: str) -> int | None:
    """A number of shares; None for an empty cell or a column there is not."""
    number = _number(row, name)
    if number is not None and (number < 0 or number != int(number)):
        raise ValueError(f"{name} {row[name]!r} 应为非负整数（股）")
    return None if number is None else int(number)


def _number(row: Row, name: str) -> float | None:
    value = row.get(name)
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} {value!r} 不是数")
    return number
