"""A frame's columns straight from the vendor's objects, without going through the rows.

Reads attributes and nothing else; what it cannot read at full speed it leaves to the rows. It never keeps an
object and never decides a column's type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from easytrader_qmt.fields import Table
from easytrader_qmt.row_builders import attributes_missing, names_of

__all__ = ["columns_of"]

_BLOCK = 512
_Read = Callable[[Sequence[Any], Sequence[Mapping[str, Any]]], "list[list[Any]]"]


def columns_of(
    table: Table, objects: Sequence[Any], rows: Sequence[Mapping[str, Any]]
) -> list[list[Any]] | None:
    """The values of each column, the same as in ``rows``, which were made of these objects.

    None where the objects are not all of one class with the same fields, or one of them cannot be read.
    """
    classes: set[Any] = set(map(type, objects))
    if len(classes) != 1:
        return None
    missing = attributes_missing(table, classes.pop())
    if missing is None:
        return None
    try:
        return _reader(table, missing)(objects, rows)
    except Exception:
        return None  # a field that cannot be read; the rows know what to show for it


@lru_cache(maxsize=64)
def _reader(table: Table, missing: frozenset[str]) -> _Read:
    """One compiled pass over the objects, in blocks that stay in the processor's cache."""
    read = sorted({column.attribute for column in table.columns if column.derive != "remark"} - missing)
    lines = ["def read(objects, rows):", *(f" {name} = []" for name in read)]
    lines += [f" for at in range(0, len(objects), {_BLOCK}):", f"  block = objects[at:at + {_BLOCK}]"]
    lines += [f"  {name} += [each.{name} for each in block]" for name in read]
    lines.append(" return [")
    scope: dict[str, Any] = {}
    for column in table.columns:
        name = column.attribute
        if name in missing:
            value = "[None] * len(objects)"
        elif column.derive == "security":
            value = f"[code[:6] for code in {name}]"
        elif column.derive == "remark":
            # What a token stands for was looked up once, when the row was made.
            value = f"[row[{column.key!r}] for row in rows]"
        elif column.derive == "name":
            scope[f"name_{name}"] = names_of(name).get
            value = f"[name_{name}(code, code) for code in {name}]"
        else:
            value = name
        lines.append(f"  {value},")
    lines.append(" ]")
    exec("\n".join(lines), scope)
    made: _Read = scope["read"]
    return made
