"""The limits an order must keep to before it leaves: names, units, and whether a value makes sense.

Data only: it never sees an order, a file or a clock.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from math import isfinite
from numbers import Integral, Real

from easytrader_qmt.errors import InvalidArgument

__all__ = ["RiskLimits"]


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """All limits are off by default; None is off. Raises InvalidArgument for a value that makes no sense.

    Notionals are in yuan, at the order's price (a market order's protect price, or what it can cost at most where the
    exchange keeps to none); buys and sales count alike. B shares, quoted in dollars, are refused by a limit on them.
    """

    kill_switch_file: str | None = None
    """While this file exists, no order leaves.

    None: a trader's lies in the user's folder, one for each account; a bare `Risk` has none, so that its `kill`
    holds in this process only.
    """
    max_order_notional: float | None = None
    """The most one order may be worth."""
    max_day_notional: float | None = None
    """The most all orders of a day (Asia/Shanghai) may be worth."""
    max_day_orders: int | None = None
    """The most orders in a day."""
    rate: float | None = None
    """Orders and cancels per second in the long run. A busy second may see ``rate + burst`` of them."""
    burst: int | None = None
    """How many may leave at once; by default as many as ``rate`` allows in a second, at least one."""
    allowed: Collection[str] | None = None
    """The only securities that may be traded, in any code form."""
    require_reconciled: bool = False
    """Whether no order leaves while an earlier one is in doubt."""

    def __post_init__(self) -> None:
        path = self.kill_switch_file
        if path is not None:
            if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
                raise _bad("kill_switch_file", path, "文件路径")
            object.__setattr__(self, "kill_switch_file", os.path.abspath(os.path.expanduser(os.fspath(path))))
        for name in ("max_order_notional", "max_day_notional", "rate"):
            value = getattr(self, name)
            if value is not None and not _positive(value, Real):
                raise _bad(name, value, "大于 0 的数字")
        for name in ("max_day_orders", "burst"):
            value = getattr(self, name)
            if value is not None and not _positive(value, Integral):
                raise _bad(name, value, "大于 0 的整数")
        if self.burst is not None and self.rate is None:
            raise InvalidArgument("风控参数 burst 只有和 rate 一起才有意义，请同时设置 rate")
        if not isinstance(self.require_reconciled, bool):
            raise _bad("require_reconciled", self.require_reconciled, "True 或 False")
        if self.allowed is not None:
            if isinstance(self.allowed, (str, bytes)) or not isinstance(self.allowed, Collection):
                raise _bad("allowed", self.allowed, "证券代码的列表")
            if not self.allowed:
                raise _bad("allowed", self.allowed, "非空的证券代码列表（要停止交易请用总开关）")
            object.__setattr__(self, "allowed", frozenset(self.allowed))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> RiskLimits:
        """Limits from names and values, as from JSON. Raises InvalidArgument for an unknown name."""
        if not isinstance(mapping, Mapping):
            raise InvalidArgument(f"风控参数必须是字典，收到 {type(mapping).__name__}: {mapping!r}")
        names = [field.name for field in fields(cls)]
        unknown = [str(name) for name in mapping if name not in names]
        if unknown:
            raise InvalidArgument(f"没有风控参数 {'、'.join(sorted(unknown))}，可用：{'、'.join(names)}")
        off = {name: value for name, value in mapping.items() if value is not None}
        return cls(**off)  # type: ignore[arg-type]

    @property
    def largest_burst(self) -> int:
        """``burst``, or its default."""
        return self.burst if self.burst is not None else max(1, int(self.rate or 1))


def _positive(value: object, kind: type) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    number = float(value)  # type: ignore[arg-type]
    return isfinite(number) and number > 0


def _bad(name: str, value: object, expected: str) -> InvalidArgument:
    return InvalidArgument(f"风控参数 {name} 必须是{expected}，不用时不写或写 None；收到 {value!r}")
