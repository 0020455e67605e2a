"""A frame's values column by column, read from the rows in one pass and packed into typed arrays.

From the rows and not from the vendor's objects: a row holds each value read, decoded and named once already, and
reading it again from an object takes longer. Never decides a column's type and never changes a row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, starmap
from operator import itemgetter
from typing import Any, NamedTuple

from easytrader_qmt.fields import Column, Table

__all__ = ["NOT_PLAIN", "TYPES", "Columns", "code_of", "columns_of"]

TYPES = {"d": "float64", "q": "int64"}
NOT_PLAIN = (struct.error, KeyError, TypeError, ValueError, OverflowError)
# In blocks: one pass a column over ten thousand rows misses the processor's cache each time.
_BLOCK = 128

_Row = Mapping[str, Any]


class Columns(NamedTuple):
    """Values by key: arrays of columns that hold nothing but numbers, and lists of all others."""

    numbers: dict[str, Any]
    others: dict[str, list[Any]]


def columns_of(table: Table, rows: Sequence[_Row]) -> Columns:
    """The values of each column; None where a row lacks the key."""
    numeric = [column for column in table.columns if column.dtype != "str"]
    numbers = _packed(numeric, map(_getter([one.key for one in numeric]), rows))
    keys = [column.key for column in table.columns if column.key not in numbers]
    try:
        values = _transposed(keys, rows)
    except KeyError:  # somebody took a field out of a row
        values = [[row.get(key) for row in rows] for key in keys]
    return Columns(numbers, dict(zip(keys, values, strict=True)))


def code_of(column: Column) -> str:
    """How `struct` calls the type of a column of numbers or times."""
    return "d" if column.dtype == "float" else "q"


def _getter(keys: Sequence[str]) -> Callable[[_Row], tuple[Any, ...]]:
    """Reads these of one row, always as a tuple."""
    if len(keys) > 1:
        of_many: Callable[[_Row], tuple[Any, ...]] = itemgetter(*keys)
        return of_many
    return lambda row: tuple(row[key] for key in keys)


def _packed(columns: Sequence[Column], cells: Iterator[tuple[Any, ...]]) -> dict[str, Any]:
    """The columns as arrays, where every cell is a plain number that fits; otherwise none of them."""
    import numpy as np

    if not columns:
        return {}
    layout = struct.Struct("=" + "".join(map(code_of, columns)))
    try:
        # A row's numbers are packed as they are read: a third less time than first a list for each column.
        packed = b"".join(starmap(layout.pack, cells))
    except NOT_PLAIN:
        return {}
    read = np.frombuffer(packed, dtype=[(column.key, TYPES[code_of(column)]) for column in columns])
    return {column.key: read[column.key].copy() for column in columns}


def _transposed(keys: Sequence[str], rows: Sequence[_Row]) -> list[list[Any]]:
    columns: list[list[Any]] = [[] for _ in keys]
    of_row, waiting = _getter(keys), iter(rows)
    while block := list(islice(waiting, _BLOCK)):
        for column, values in zip(columns, zip(*map(of_row, block), strict=True), strict=True):
            column.extend(values)
    return columns
