"""The terms of margin trading at the simulated counter: limits, ratios, rates, what may be lent.

Figures of a plausible broker, as data a user can override. Pure; never holds an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from easytrader_qmt.sim.fees import STOCK_KINDS
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.money import billionths

_BILLION = 1_000_000_000

ASSURE_RATIOS: dict[str, float] = {
    "stock": 0.65,
    "star": 0.60,
    "chinext": 0.60,
    "bj": 0.50,
    "fund": 0.80,
    "convertible": 0.70,
    "bond": 0.80,
}
"""折算率 by kind of security: the part of its value that counts as margin. Others are no collateral."""

SUBJECT_KINDS = frozenset({"stock", "star", "chinext", "fund"})
"""Kinds that may be bought on margin and sold short (融资融券标的)."""


@dataclass(frozen=True, slots=True)
class SecurityTerms:
    """What margin trading allows in one security; ratios are fractions, ``lendable`` shares per account."""

    fin: bool
    slo: bool
    fin_ratio: float
    slo_ratio: float
    assure_ratio: float
    lendable: int
    lendable_special: int

    def pool(self, special: bool) -> int:
        """Shares the broker lends to one account from the ordinary or the special position."""
        return self.lendable_special if special else self.lendable


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """Terms of every margin account. Limits in yuan, rates a year (of 360 days), ratios as fractions.

    ``closing_ratio`` is the 维持担保比例 below which nothing new may be opened, ``fetch_ratio`` the one that
    must remain when money or shares leave an account with debts (both as the exchanges' rules have them).
    ``lendable`` and ``lendable_special`` are shares per security and account. ``securities`` overrides
    fields of `SecurityTerms` by full code.
    """

    fin_limit: float = 5_000_000.0
    slo_limit: float = 2_000_000.0
    fin_rate: float = 0.0835
    slo_rate: float = 0.1035
    fin_ratio: float = 1.0
    slo_ratio: float = 1.0
    closing_ratio: float = 1.3
    fetch_ratio: float = 3.0
    lendable: int = 100_000
    lendable_special: int = 50_000
    securities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def security(self, instrument: Instrument) -> SecurityTerms:
        """The terms of one security."""
        subject = instrument.kind in SUBJECT_KINDS
        terms = SecurityTerms(
            fin=subject,
            slo=subject,
            fin_ratio=self.fin_ratio,
            slo_ratio=self.slo_ratio,
            assure_ratio=ASSURE_RATIOS.get(instrument.kind, 0.0),
            lendable=self.lendable,
            lendable_special=self.lendable_special,
        )
        return replace(terms, **self.securities.get(instrument.stock_code, {}))

    def with_security(self, stock_code: str, **changes: Any) -> CreditTerms:
        """The same terms with fields of `SecurityTerms` changed for one full code. ValueError for others."""
        known = {one.name for one in fields(SecurityTerms)}
        unknown = [name for name in changes if name not in known]
        if unknown:
            raise ValueError(f"没有两融参数 {'、'.join(unknown)}，可选: {'、'.join(sorted(known))}")
        one = {**self.securities.get(stock_code, {}), **changes}
        return replace(self, securities={**self.securities, stock_code: one})

    def state(self) -> dict[str, Any]:
        """All of it, JSON-able; ``CreditTerms(**state)`` is the same."""
        return asdict(self)


def counted(amount: int, ratio: float) -> int:
    """``amount`` mills times a ratio, rounded down: what collateral counts for."""
    return amount * billionths(ratio) // _BILLION


def required(amount: int, ratio: float) -> int:
    """``amount`` mills times a ratio, rounded up: the margin a debt needs."""
    return -(-amount * billionths(ratio) // _BILLION)


def is_stock(kind: str) -> bool:
    """Whether a kind of security counts as stock in an asset summary."""
    return kind in STOCK_KINDS
