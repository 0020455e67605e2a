"""What a trade costs in the simulation: commission, stamp duty and transfer fee, exact to 0.01 yuan.

Pure arithmetic; never touches an account.
"""

from __future__ import annotations

from dataclasses import dataclass

from easytrader_qmt.sim.money import MILLS, billionths, share_in_cents

STOCK_KINDS = frozenset({"stock", "star", "chinext", "bj", "b"})
"""Kinds that pay stamp duty and transfer fee; funds and bonds pay neither."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What is due on an amount, in mills (0.001 yuan)."""

    commission: int = 0
    stamp_duty: int = 0
    transfer_fee: int = 0

    @property
    def total(self) -> int:
        """All three together, in mills."""
        return self.commission + self.stamp_duty + self.transfer_fee


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The rates. Rates are fractions (0.00025 is 0.025 %), ``commission_min`` is yuan per order."""

    commission_rate: float = 0.000_25
    commission_min: float = 5.0
    stamp_duty_rate: float = 0.000_5
    transfer_fee_rate: float = 0.000_01
    repo_commission_rate: float = 0.000_01

    def charges(self, kind: str, selling: bool, amount: int) -> Charges:
        """What an order that traded ``amount`` mills in all owes in all.

        Counted over the whole order, so that several fills never pay the minimum twice; the
        difference between two calls is what the newest fill owes. Lending by reverse repo pays its
        own small rate and no minimum, as a minimum would eat the interest.
        """
        if amount <= 0:
            return Charges()
        if kind == "repo":
            return Charges(share_in_cents(amount, billionths(self.repo_commission_rate)))
        commission = share_in_cents(amount, billionths(self.commission_rate))
        commission = max(commission, share_in_cents(MILLS, billionths(self.commission_min)))
        if kind not in STOCK_KINDS:
            return Charges(commission)
        stamp = share_in_cents(amount, billionths(self.stamp_duty_rate)) if selling else 0
        return Charges(commission, stamp, share_in_cents(amount, billionths(self.transfer_fee_rate)))
