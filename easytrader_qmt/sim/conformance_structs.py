"""Compares the stand-in's structs with the observed ones: classes, attributes, aliases, and what each one takes.

Only looks: builds structs, reads and writes them. Never changes the stand-in and never runs the vendor's layer.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

from easytrader_qmt.sim.conformance_observed import Finding, Observed, Pair

__all__ = ["compare_details", "compare_names"]

CLIENT = "XtQuantAsyncClient"
_SAMPLES: Mapping[str, Any] = {"str": "abc", "int": 7, "float": 2.5, "bool": True}
_LONG = 4096


def compare_names(version: str, module: Mapping[str, Any], observed: Observed) -> Iterator[Finding]:
    """Every class, attribute and alias of ``version`` against ``module`` (the stand-in's names)."""
    expected = observed.names[version]
    classes = structs_of(module)
    for name in classes:
        if name not in expected:
            yield Finding(f"{version}/{name}", "类", "wrong", "真实组件里没有这个类")
    for struct, pairs in expected.items():
        cls = classes.get(struct)
        if cls is None:
            yield Finding(f"{version}/{struct}", "类", "missing")
            continue
        yield Finding(f"{version}/{struct}", "类")
        yield from _attributes(f"{version}/{struct}", cls, pairs)


def compare_details(version: str, module: Mapping[str, Any], observed: Observed) -> Iterator[Finding]:
    """Every type, default, write protection and string capacity, which one version alone was observed for."""
    classes = structs_of(module)
    for struct, facts in observed.details.items():
        if struct not in classes:
            continue
        for name, fact in facts.items():
            if hasattr(classes[struct], name):
                yield from _field(f"{version}/{struct}.{name}", classes[struct], name, fact)


def structs_of(module: Mapping[str, Any]) -> dict[str, type]:
    """The struct classes among a module's names."""
    return {
        name: one
        for name, one in module.items()
        if isinstance(one, type) and name != CLIENT and not name.startswith("_")
    }


def _attributes(key: str, cls: type, pairs: Any) -> Iterator[Finding]:
    shown = {name for name in dir(cls) if not name.startswith("_")}
    expected = {name for pair in pairs for name in pair}
    for name in sorted(expected):
        yield Finding(f"{key}.{name}", "属性", "conforming" if name in shown else "missing")
    for name in sorted(shown - expected):
        yield Finding(f"{key}.{name}", "属性", "wrong", "真实组件里没有这个属性")
    for pair in pairs:
        if len(pair) == 2 and shown.issuperset(pair):
            same = _one_value(cls, pair)
            detail = "" if same else "两种写法不是同一个值"
            yield Finding(f"{key}.{'='.join(pair)}", "别名", "conforming" if same else "wrong", detail)


def _one_value(cls: type, pair: Pair) -> bool:
    first, second = (inspect.getattr_static(cls, name) for name in pair)
    if first is second and inspect.isdatadescriptor(first):
        return True
    made, proved = cls(), False
    for written, read in (pair, pair[::-1]):
        for sample in _SAMPLES.values():
            try:
                setattr(made, written, sample)
            except (AttributeError, TypeError):
                continue
            if getattr(made, read) != getattr(made, written):
                return False
            proved = True
    return proved


def _field(key: str, cls: type, name: str, fact: Mapping[str, Any]) -> Iterator[Finding]:
    kind, default = fact["type"], fact["default"]
    found = getattr(cls(), name)
    yield _compared(f"{key}/type", "类型", type(found).__name__, kind)
    yield _compared(f"{key}/default", "默认值", found, default)
    yield _compared(f"{key}/write", "写保护", _taken(cls, name, _SAMPLES[kind]), fact["writable"])
    if kind == "str" and fact["writable"]:
        kept = fact.get("bytes_kept", _LONG)
        yield _compared(f"{key}/bytes", "字符串容量", _kept(cls, name), kept)


def _compared(key: str, group: str, found: object, expected: object) -> Finding:
    same = found == expected or (_nan(found) and _nan(expected))
    return Finding(key, group) if same else Finding(key, group, "wrong", f"应为 {expected!r}，得到 {found!r}")


def _nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _taken(cls: type, name: str, value: object) -> bool:
    """Whether the attribute can be written and then holds what was written."""
    made = cls()
    try:
        setattr(made, name, value)
    except AttributeError:
        return False
    return bool(getattr(made, name) == value)


def _kept(cls: type, name: str) -> int:
    """How many bytes of a long text stay."""
    made = cls()
    setattr(made, name, "x" * _LONG)
    return len(getattr(made, name))
