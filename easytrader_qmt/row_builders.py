"""From vendor objects to rows, as quickly as a hand-written dict and without losing one to a broken field.

Reads attributes and nothing else: it never keeps an object, never writes to one and never asks for more.

Per table and layout of object one function is compiled that fills an empty row; attributes that a version of
xtquant lacks are None in it. What makes that function raise (the vendor's getters do, on a Chinese character cut
in half) is read again field by field.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from keyword import iskeyword
from typing import Any

from easytrader_qmt.fields import Column, Table
from easytrader_qmt.remarks import TOKEN_MARK, token_of, user_part

__all__ = ["Remarks", "build_row", "build_rows", "users_words"]

Row = dict[str, Any]
Remarks = Mapping[str, str]
"""The users' own remarks by order token, for those that did not fit into what was sent."""
_Build = Callable[[Sequence[Any], "Remarks | None"], list[Row]]
_NOTHING: frozenset[str] = frozenset()


def build_rows(table: Table, objects: Sequence[Any], remarks: Remarks | None = None) -> list[Row]:
    """One row per object, in order. Never raises for a field that cannot be read: it is None."""
    if not objects:
        return []
    kind: Any = type(objects[0])
    missing = _attributes_missing(table, kind)
    build: _Build | None = None
    # What reads every field serves objects of any class, or raises: only others need to be of one class.
    if missing == _NOTHING or len(set(map(type, objects))) == 1:
        build = _for_class(table, kind)
        if build is None:
            with suppress(TypeError):
                layouts = set(map(tuple, map(vars, objects)))
                if len(layouts) == 1:
                    build = _for_layout(table, kind, layouts.pop())
    if build is not None:
        try:
            return build(objects, remarks)
        except Exception:
            pass  # the second reading decides what is wrong, and with which row
    return [build_row(table, each, remarks) for each in objects]


def build_row(table: Table, each: Any, remarks: Remarks | None = None) -> Row:
    """The row of one object; a field that is missing or cannot be read is None."""
    kind: Any = type(each)
    build = _for_class(table, kind)
    if build is None:
        with suppress(TypeError):
            build = _for_layout(table, kind, tuple(vars(each)))
    if build is not None:
        try:
            return build((each,), remarks)[0]
        except Exception:
            pass
    read = {column.attribute: _read(each, column.attribute) for column in table.columns}
    return {column.key: _derived(column, read[column.attribute], remarks) for column in table.columns}


def _read(each: Any, attribute: str) -> Any:
    try:
        return getattr(each, attribute)
    except Exception:
        return None


def _derived(column: Column, value: Any, remarks: Remarks | None) -> Any:
    if column.derive == "security":
        return value[:6] if isinstance(value, str) else None
    if column.derive == "remark":
        return users_words(remarks)(value) if isinstance(value, str) else value
    if column.derive == "name":
        with suppress(TypeError):
            return _names_of(column.attribute).get(value, value)
    return value


def users_words(remarks: Remarks | None) -> Callable[[str], str]:
    """What reads the user's words out of a remark."""
    if not remarks:
        return user_part

    def known_or_sent(remark: str) -> str:
        token = token_of(remark)
        known = remarks.get(token) if token else None
        return user_part(remark) if known is None else known

    return known_or_sent


def _names_of(kind: str) -> Mapping[Any, str]:
    """The Chinese names of one kind of code."""
    # Not at the top: the adapter's package imports its trader, and that imports the records.
    from easytrader_qmt.miniqmt.names import NAMES

    return NAMES[kind]


@lru_cache(maxsize=128)
def _attributes_missing(table: Table, kind: Any) -> frozenset[str] | None:
    """What every object of a class lacks of a table; None where each object may have fields of its own."""
    missing = frozenset(column.attribute for column in table.columns if not hasattr(kind, column.attribute))
    may_vary = kind.__dictoffset__ != 0 or hasattr(kind, "__getattr__")
    return None if missing and may_vary else missing


@lru_cache(maxsize=128)
def _for_class(table: Table, kind: Any) -> _Build | None:
    """The function for every object of a class; None where each object may have fields of its own."""
    missing = _attributes_missing(table, kind)
    return None if missing is None else _compiled(table, missing)


@lru_cache(maxsize=128)
def _for_layout(table: Table, kind: Any, layout: tuple[str, ...]) -> _Build | None:
    """The function for objects of a class that carry exactly these fields themselves."""
    if hasattr(kind, "__getattr__"):
        return None
    attributes = {column.attribute for column in table.columns}
    return _compiled(
        table, frozenset(name for name in attributes if name not in layout and not hasattr(kind, name))
    )


@lru_cache(maxsize=128)
def _compiled(table: Table, missing: frozenset[str]) -> _Build:
    derived = {column.attribute for column in table.columns if column.derive}
    twice = derived - missing
    store, finished, new = _making(table.keys)
    scope: dict[str, Any] = {"users_words": users_words, "new": new}
    lines = ["def build(objects, remarks):", " words = users_words(remarks)", " out = []"]
    lines += [" append = out.append", " for each in objects:"]
    lines += [f"  {name} = each.{name}" for name in sorted(twice)]
    lines.append("  made = new()")
    for column in table.columns:
        name = column.attribute
        value = name if name in twice else f"each.{name}"
        if name in missing:
            value = "None"
        elif column.derive == "security":
            value = f"{value}[:6]"
        elif column.derive == "remark":
            value = f"words({value}) if {TOKEN_MARK!r} in {value} else {value}"
        elif column.derive == "name":
            # A dict of its own: a read-only view of one is looked up in at half the speed.
            scope[f"name_{name}"] = dict(_names_of(name)).get
            value = f"name_{name}({value}, {value})"
        lines.append(f"  {store.format(column.key)} = {value}")
    lines += [f"  append({finished})", " return out"]
    exec("\n".join(lines), scope)
    build: _Build = scope["build"]
    return build


def _making(keys: tuple[str, ...]) -> tuple[str, str, Callable[[], Any]]:
    """How source sets a key of a row that is being made, how it names the finished row, and what begins one.

    The attributes of an object are a dict, and all objects of a class share its keys. Such dicts are made in half
    the time of others and take a third of the room; to whoever has one it is a dict like any other.
    """
    if not all(key.isascii() and key.isidentifier() and not iskeyword(key) and key[0] != "_" for key in keys):
        return "made[{!r}]", "made", dict.fromkeys(keys).copy
    kind = type("Row", (), {})
    first = kind()
    for key in keys:
        setattr(first, key, None)
    if sys.version_info >= (3, 11):
        return "made.{}", "made.__dict__", kind
    # Here setting an attribute costs more than setting a key of a copy, which shares its keys as well.
    return "made[{!r}]", "made", vars(first).copy
