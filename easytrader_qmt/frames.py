"""Records as a pandas frame: the same columns and types whatever the counter answered, even nothing.

Reads and makes a new frame; pandas is imported here, at the first call, and nowhere else.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from easytrader_qmt.columns import NOT_PLAIN, TYPES, code_of, columns_of
from easytrader_qmt.fields import Column, Table

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["frame_of"]

# Later than this (the year 2242) it is no time in seconds; it would only overflow.
_LAST_SECOND = 2**33
_INT64 = 2**63


def frame_of(table: Table, rows: Sequence[Mapping[str, Any]], headings: bool = False) -> pd.DataFrame:
    """A frame with the table's columns; ``headings`` names them in Chinese.

    int64, float64, pandas' own text type, and ``datetime64[s, Asia/Shanghai]``. A missing number is NaN, a
    missing time NaT; a missing whole number makes its column the nullable Int64.
    """
    import pandas as pd

    made = {}
    text_type = pd.Series([""]).dtype
    numbers, others = columns_of(table, rows)
    for column in table.columns:
        key = column.key
        made[column.heading if headings else key] = (
            _texts(others[key], text_type)
            if column.dtype == "str"
            else _array(column, numbers.get(key), others.get(key, []))
        )
    return pd.DataFrame(made, copy=False)


def _array(column: Column, numbers: Any, values: list[Any]) -> Any:
    """``numbers`` as the column's type; None, and ``values`` are what it holds."""
    import numpy as np
    import pandas as pd

    whole = _packed(code_of(column), values) if numbers is None else numbers
    if column.dtype == "float":
        return _numbers(values) if whole is None else whole
    if column.dtype == "int":
        return _whole(values) if whole is None else whole
    seconds = np.nan_to_num(_numbers(values), posinf=0.0, neginf=0.0) if whole is None else whole
    moments = np.array(seconds, dtype="int64").astype("datetime64[s]")
    moments[(seconds <= 0) | (seconds >= _LAST_SECOND)] = np.datetime64("NaT", "s")
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert("Asia/Shanghai")


def _packed(code: str, values: list[Any]) -> Any:
    """Plain numbers as an array; None where one of them is something else, or would be cut."""
    import numpy as np

    made: Any = np.empty(len(values), dtype=TYPES[code])
    try:
        # Twice as fast as numpy's own reading of a list, which also cuts fractions without a word.
        struct.pack_into(f"{len(values)}{code}", made, 0, *values)
    except NOT_PLAIN:
        return None
    return made


def _numbers(values: list[Any]) -> Any:
    """Floats of whatever an edited row holds; NaN for what is no number."""
    import pandas as pd

    return pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").to_numpy(dtype="float64")


def _whole(values: list[Any]) -> Any:
    """Whole numbers with gaps; fractions and what 64 bits cannot hold stay floats rather than be cut."""
    import numpy as np
    import pandas as pd

    known = [each for each in values if each is not None]
    if len(known) < len(values) and all(type(each) is int and -_INT64 <= each < _INT64 for each in known):
        # By way of floats the last digits of a long number would change.
        return pd.array(values, dtype="Int64")
    numbers = _numbers(values)
    gaps = np.isnan(numbers)
    finite = numbers[~gaps]
    if (finite % 1).any() or (abs(finite) >= 2.0**63).any():
        return numbers
    return pd.array(numbers, dtype="Int64") if gaps.any() else numbers.astype("int64")


def _texts(values: list[Any], usual: Any) -> Any:
    """Text as this pandas keeps it: object in 2, str in 3. A code without a name is shown as its digits."""
    import numpy as np
    import pandas as pd

    # Accounts, kinds and remarks are often the same in every row.
    same = bool(values) and type(values[0]) is str and values == [values[0]] * len(values)
    if getattr(usual, "storage", "") == "pyarrow":
        pa: Any = import_module("pyarrow")  # not imported by name: it is optional, and comes with no types
        kind = pa.large_string()

        # Half the time of the way through an array of objects; what is no text goes that way.
        with suppress(pa.ArrowInvalid, pa.ArrowTypeError, UnicodeError):
            return usual.__from_arrow__(
                pa.repeat(pa.scalar(values[0], kind), len(values)) if same else pa.array(values, type=kind)
            )
    if same:
        return pd.array([values[0]], dtype=usual).take(np.zeros(len(values), dtype=np.intp))
    if usual == "object" and not set(map(type, values)) <= {str}:
        values = [each if each is None else str(each) for each in values]
    return pd.array(np.array(values, dtype="object"), dtype=usual, copy=False)
