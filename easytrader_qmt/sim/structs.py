"""The native structs of one xtquant version, as the vendor's extension (a pybind11 module) shows them.

Names, types, defaults, write protection and string capacities come from ``native.json``, which was made from
what the real extension answered. Reading costs what a slot costs; writing checks as the extension does.
This module never starts a thread, never touches a file but its own table, and never invents a field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn

__all__ = ["NativeCrash", "Struct", "native_layout", "struct_classes"]

_ZERO: Mapping[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False}
_KINDS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_UNKNOWN: tuple[Any, None, None] = (object, None, None)
_INT64 = 1 << 63
_Store = Callable[[Any, Any], None]


class NativeCrash(BaseException):
    """Here the real extension reads a null pointer and takes the whole process down.

    Not an ``Exception``: nothing in the real process could catch it either.
    """


@dataclass(frozen=True)
class _Field:
    """One value of a struct under its one or two spellings."""

    snake: str | None
    native: str | None
    kind: str
    default: Any
    kept: int | None
    read_only: frozenset[str]
    filled_from: str | None

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(name for name in (self.snake, self.native) if name is not None)

    @property
    def key(self) -> str:
        """Its name in a row: snake case, or the m_ name where there is no other."""
        return self.spellings[0]


class Struct:
    """Base of every native struct. What it adds to the vendor's names begins with an underscore."""

    __slots__ = ()
    _fields: ClassVar[tuple[_Field, ...]] = ()
    _decodes: ClassVar[bool] = True
    _storage: ClassVar[type]
    _defaults: ClassVar[tuple[tuple[_Store, Any], ...]] = ()
    _keys: ClassVar[tuple[str, ...]] = ()
    _values: ClassVar[Callable[[object], tuple[Any, ...]]]

    def __init__(self) -> None:
        for store, default in self._defaults:
            store(self, default)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"cannot pickle '{type(self).__name__}' object")

    @classmethod
    def _of(cls, fields: Mapping[str, Any]) -> Struct:
        """The struct a counter would answer with, from its row of snake_case names.

        Unknown names are ignored, missing ones are the default, read-only ones are set, and a str stays whole
        whatever the capacity. Bytes that are not UTF-8 are kept and raise when read. The builder is compiled
        at the first row because a query may bring ten thousand of them.
        """
        builder = _compiled_builder(cls)
        type.__setattr__(cls, "_of", staticmethod(builder))
        return builder(fields)

    def _row(self) -> dict[str, Any]:
        """The struct as a row of snake_case names; a character cut in half at the end is left out."""
        return dict(zip(self._keys, type(self)._values(self), strict=False))


@cache
def native_layout() -> dict[str, Any]:
    """What was observed: ``versions``, ``client`` (methods and their types), ``structs``. Never changed."""
    text = resources.files(__package__ or __name__).joinpath("native.json").read_text(encoding="utf-8")
    layout: dict[str, Any] = json.loads(text)
    return layout


@cache
def struct_classes(version: str) -> Mapping[str, type[Struct]]:
    """Every struct class of one observed version, by name. The same classes each time.

    Raises ``ValueError`` for a version that was not observed.
    """
    layout = native_layout()
    order: list[str] = layout["versions"]
    if version not in order:
        raise ValueError(f"没有 xtquant {version} 的结构体记录, 已有: {', '.join(order)}")
    at = order.index(version)

    def present(span: Mapping[str, str]) -> bool:
        first, last = span.get("since", order[0]), span.get("until", order[-1])
        return order.index(first) <= at <= order.index(last)

    return MappingProxyType(
        {
            name: _struct_class(name, tuple(_field(raw) for raw in spec["fields"] if present(_extra(raw))))
            for name, spec in layout["structs"].items()
            if present(spec)
        }
    )


def _extra(raw: list[Any]) -> dict[str, Any]:
    extra: dict[str, Any] = raw[3] if len(raw) > 3 else {}
    return extra


def _field(raw: list[Any]) -> _Field:
    snake, native, kind = raw[:3]
    extra = _extra(raw)
    read_only = extra.get("read_only", [])
    doubled = "until" in extra and snake is not None and snake.endswith("1")
    return _Field(
        snake=snake,
        native=native,
        kind=kind,
        default=extra.get("default", _ZERO[kind]),
        kept=extra.get("bytes"),
        read_only=frozenset(
            name for name in (snake, native) if name and (read_only is True or name in read_only)
        ),
        filled_from=snake[:-1] if doubled else None,
    )


def _struct_class(name: str, fields: tuple[_Field, ...]) -> type[Struct]:
    # The slots live in a base without a checking __setattr__, so that an answer can be filled at full speed
    # before it becomes the public class.
    keys = tuple(field.key for field in fields)
    storage = type(f"_{name}", (Struct,), {"__slots__": keys, "__module__": "xtpythonclient"})
    for field in fields:
        for spelling in field.spellings[1:]:
            setattr(storage, spelling, storage.__dict__[field.key])
    body = {
        "__slots__": (),
        "__module__": "xtpythonclient",
        "__setattr__": _checked_writing(name, storage, fields),
        "__delattr__": _no_deleting,
        "_fields": fields,
        "_storage": storage,
        "_keys": keys,
        "_defaults": tuple((storage.__dict__[field.key].__set__, field.default) for field in fields),
        # The two names more make it a tuple also where a struct has no field or one.
        "_values": attrgetter(*keys, "__class__", "__class__"),
    }
    return type(name, (storage,), body)


@cache
def _undecodable(cls: type[Any]) -> type[Struct]:
    """``cls`` as it reads once a str was cut inside a character: that field raises UnicodeDecodeError."""

    def reading(slot: Any) -> property:
        def read(self: Struct) -> str:
            value: str | bytes = slot.__get__(self)
            return value.decode() if isinstance(value, bytes) else value

        return property(read)

    def row(self: Struct) -> dict[str, Any]:
        values = ((key, cls._storage.__dict__[key].__get__(self)) for key in cls._keys)
        return {
            key: value.decode("utf-8", "ignore") if isinstance(value, bytes) else value
            for key, value in values
        }

    body: dict[str, Any] = {"__slots__": (), "__module__": cls.__module__, "_row": row, "_decodes": False}
    for field in cls._fields:
        if field.kind == "str":
            body.update(dict.fromkeys(field.spellings, reading(cls._storage.__dict__[field.key])))
    return type(cls.__name__, (cls,), body)


def _keep_bytes(struct: Struct, store: _Store, value: bytes) -> None:
    store(struct, value)
    cls: Any = type(struct)
    if cls._decodes:
        object.__setattr__(struct, "__class__", _undecodable(cls))


def _compiled_builder(cls: type[Struct]) -> Callable[[Mapping[str, Any]], Struct]:
    lines = ["def build(fields):", " made = new(storage)", " get = fields.get"]
    for field in cls._fields:
        value = f"get({field.key!r}, {field.default!r})"
        if field.filled_from is not None:
            value = f"get({field.key!r}, get({field.filled_from!r}, {field.default!r}))"
        lines.append(f" made.{field.key} = " + (f"float({value})" if field.kind == "float" else value))
    lines.append(" made.__class__ = public")
    texts = "".join(f"made.{field.key}, " for field in cls._fields if field.kind == "str")
    if texts:
        # Joining is the cheapest way to learn that all of them are str.
        lines += [" try:", f"  join(({texts}))", " except TypeError:", "  repair(made)"]
    lines.append(" return made")
    scope: dict[str, Any] = {"new": object.__new__, "storage": cls._storage, "public": cls, "join": "".join}
    exec("\n".join(lines), {**scope, "float": float, "repair": _repair}, scope)
    builder: Callable[[Mapping[str, Any]], Struct] = scope["build"]
    return builder


def _repair(made: Struct) -> None:
    """Turn bytes in str fields into text, or keep them where they are none."""
    for field in made._fields:
        slot = made._storage.__dict__[field.key]
        value = slot.__get__(made)
        if field.kind != "str" or isinstance(value, str):
            continue
        if not isinstance(value, bytes):
            raise TypeError(f"{type(made).__name__}.{field.key} 应为 str, 得到 {value!r}")
        try:
            slot.__set__(made, value.decode())
        except UnicodeDecodeError:
            _keep_bytes(made, slot.__set__, value)


def _checked_writing(
    struct: str, storage: type, fields: tuple[_Field, ...]
) -> Callable[[Struct, str, object], None]:
    """The ``__setattr__`` of one struct: what may be written, checked as pybind11 does."""
    known: dict[str, tuple[Any, int | None, _Store | None]] = {}
    for field in fields:
        for spelling in field.spellings:
            store = None if spelling in field.read_only else storage.__dict__[field.key].__set__
            known[spelling] = (_KINDS[field.kind], field.kept, store)

    def write(self: Struct, name: str, value: Any) -> None:
        kind, kept, store = known.get(name, _UNKNOWN)
        if store is None:
            missing = "是只读的" if name in known else "不存在"
            raise AttributeError(f"{struct}.{name} {missing}")
        if kind is str:
            if value.__class__ is str and value.isascii():
                store(self, value[:kept])
            else:
                _write_text(self, store, value, kept, f"{struct}.{name}")
        elif value.__class__ is kind and (kind is not int or -_INT64 <= value < _INT64):
            store(self, value)
        else:
            store(self, _number(kind, value, f"{struct}.{name}"))

    return write


def _no_deleting(self: Struct, name: str) -> NoReturn:
    raise AttributeError(f"{type(self).__name__} 的字段 {name} 不能删除")


def _number(kind: type, value: Any, where: str) -> float:
    """An int in 64 bits or a float, from what the extension takes for one."""
    cls = type(value)
    if kind is int and hasattr(cls, "__index__"):
        whole: int = cls.__index__(value)
        if -_INT64 <= whole < _INT64:
            return whole
    elif (
        kind is float
        and not isinstance(value, str)
        and (hasattr(cls, "__float__") or hasattr(cls, "__index__"))
    ):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise _wrong_type(kind, value, where)


def _write_text(struct: Struct, store: _Store, value: object, kept: int | None, where: str) -> None:
    """Cut to ``kept`` bytes as the extension does, whatever character that halves."""
    if value is None:
        raise NativeCrash(f"{where} 写入了 None: 真实的 xtquant 在这里会使整个进程崩溃")
    try:
        raw = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:
        raise _wrong_type(str, value, where) from None
    if not isinstance(raw, bytes):
        raise _wrong_type(str, value, where)
    raw = raw[:kept]
    try:
        store(struct, raw.decode())
    except UnicodeDecodeError:
        _keep_bytes(struct, store, raw)


def _wrong_type(kind: type, value: object, where: str) -> TypeError:
    return TypeError(f"{where} 要 {kind.__name__}, 得到 {type(value).__name__}: {value!r}")
