"""Records as a pandas frame: the same columns and types whatever the counter answered, even nothing.

Reads and makes a new frame; pandas is imported here, at the first call, and nowhere else.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from easytrader_qmt.columns import columns_of
from easytrader_qmt.fields import Column, Table

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["frame_of"]

# Later than this (the year 2242) it is no time in seconds; it would only overflow.
_LAST_SECOND = 2**33
_BLOCK = 512


def frame_of(
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    headings: bool = False,
    objects: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """A frame with the table's columns; ``headings`` names them in Chinese.

    ``objects`` are the vendor's objects that ``rows`` were made of, when no row can have been edited since:
    reading them is quicker.

    int64, float64, pandas' own text type, and ``datetime64[s, Asia/Shanghai]``. A missing number is NaN, a
    missing time NaT; a missing whole number makes its column the nullable Int64.
    """
    import pandas as pd

    made = {}
    text_type = pd.Series([""]).dtype
    columns = columns_of(table, objects, rows) if objects else None
    if columns is None:
        columns = _columns(table.keys, rows)
    for column, values in zip(table.columns, columns, strict=True):
        made[column.heading if headings else column.key] = (
            _texts(values, text_type) if column.dtype == "str" else _array(column, values)
        )
    return pd.DataFrame(made, copy=False)


def _columns(keys: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    if len(keys) == 1:
        return [[row.get(keys[0]) for row in rows]]
    columns: list[list[Any]] = [[] for _ in keys]
    of_row = itemgetter(*keys)
    waiting = iter(rows)
    try:
        # In blocks: one pass a column over ten thousand dicts misses the processor's cache each time.
        while block := list(islice(waiting, _BLOCK)):
            for column, values in zip(columns, zip(*map(of_row, block), strict=True), strict=True):
                column.extend(values)
    except KeyError:
        return [[row.get(key) for row in rows] for key in keys]
    return columns


def _array(column: Column, values: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    # array() reads plain numbers faster than numpy does, and raises for everything else instead of cutting it.
    if column.dtype == "float":
        try:
            return np.frombuffer(array("d", values), dtype="float64").copy()
        except (TypeError, ValueError, OverflowError):
            return _numbers(values)
    whole: Any = None
    try:
        whole = np.frombuffer(array("q", values), dtype="int64").copy()
    except (TypeError, ValueError, OverflowError):
        if column.dtype == "int":
            return _whole(values)
    if column.dtype == "int":
        return whole
    seconds = whole if whole is not None else np.nan_to_num(_numbers(values))
    moments = np.array(seconds, dtype="int64").astype("datetime64[s]")
    moments[(seconds <= 0) | (seconds >= _LAST_SECOND)] = np.datetime64("NaT", "s")
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert("Asia/Shanghai")


def _numbers(values: list[Any]) -> Any:
    """Floats of whatever an edited row holds; NaN for what is no number."""
    import pandas as pd

    return pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").to_numpy(dtype="float64")


def _whole(values: list[Any]) -> Any:
    """Whole numbers with gaps; fractions are kept as floats rather than cut."""
    import numpy as np
    import pandas as pd

    numbers = _numbers(values)
    gaps = np.isnan(numbers)
    if (numbers[~gaps] % 1).any():
        return numbers
    return pd.array(numbers, dtype="Int64") if gaps.any() else numbers.astype("int64")


def _texts(values: list[Any], usual: Any) -> Any:
    """Text as this pandas keeps it: object in 2, str in 3. A code without a name is shown as its digits."""
    import numpy as np
    import pandas as pd

    if values and type(values[0]) is str and values.count(values[0]) == len(values):
        # Accounts, kinds and remarks are often the same in every row.
        return pd.array([values[0]], dtype=usual).take(np.zeros(len(values), dtype=np.intp))
    if usual == "object" and not set(map(type, values)) <= {str}:
        values = [each if each is None else str(each) for each in values]
    return pd.array(np.array(values, dtype="object"), dtype=usual)
