"""What a client may ask over the link: every request of the native client, its fields checked by type.

Stands between what a peer claims and the counter's books, so that a wrong type never reaches them. Never asks
the terminal anything itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from easytrader_qmt.sim.link_frames import BrokenLinkError
from easytrader_qmt.sim.structs import native_layout

_ZERO: dict[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False}
_INT64 = 1 << 63

Field = tuple[str, str, Any]
"""Snake-case name, kind and default."""


def checked_fields(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A whole row for request ``name``: its struct's fields, missing ones at their default, others left out.

    Raises BrokenLinkError for a request that the native client does not have and for a value of a wrong type.
    """
    known = _fields_of(name)
    if known is None:
        raise BrokenLinkError(f"未知的请求 {name[:40]!r}")
    return {
        key: _checked(name, key, kind, fields[key]) if key in fields else default
        for key, kind, default in known
    }


@cache
def _requests() -> dict[str, list[str]]:
    client: dict[str, dict[str, list[str]]] = native_layout()["client"]
    return {
        method.removesuffix("WithSeq"): one["takes"][1:]
        for method, one in client.items()
        if method.endswith("WithSeq")
    }


def _fields_of(name: str) -> tuple[Field, ...] | None:
    # Looked up before it is cached, so that made-up names cannot fill the memory.
    return _known_fields(name) if name in _requests() else None


@cache
def _known_fields(name: str) -> tuple[Field, ...]:
    takes = _requests()[name]
    structs = native_layout()["structs"]
    if len(takes) == 1 and takes[0] in structs:
        return tuple(_field(raw) for raw in structs[takes[0]]["fields"])
    return tuple(
        (f"arg{at}", kind, [] if kind.startswith("list[") else _ZERO.get(kind))
        for at, kind in enumerate(takes, 1)
    )


def _field(raw: list[Any]) -> Field:
    snake, native, kind = raw[:3]
    extra = raw[3] if len(raw) > 3 else {}
    return snake or native, kind, extra.get("default", _ZERO[kind])


def _checked(name: str, key: str, kind: str, value: Any) -> Any:
    if kind == "str":
        good = isinstance(value, str)
    elif kind == "int":
        good = isinstance(value, int) and -_INT64 <= value < _INT64
    elif kind == "float":
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif kind == "bool":
        good = isinstance(value, (bool, int))
    else:
        good = isinstance(value, list) and all(isinstance(one, (str, dict)) for one in value)
    if not good:
        raise BrokenLinkError(f"请求 {name} 的 {key} 应为 {kind}")
    try:
        return {"int": int, "float": float, "bool": bool}.get(kind, _same)(value)
    except OverflowError:
        raise BrokenLinkError(f"请求 {name} 的 {key} 超出范围") from None


def _same(value: Any) -> Any:
    return value
