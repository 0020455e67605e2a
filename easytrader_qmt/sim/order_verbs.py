"""What each order type of the vendor asks the simulated counter to do.

A table and nothing else: numbers are ``xtconstant``'s, names are the field's. Never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass

PLAIN, FIN_BUY, SLO_SELL, BUY_REPAY = "plain", "fin_buy", "slo_sell", "buy_repay"
SHARES_BACK, SELL_REPAY, CASH_BACK = "shares_back", "sell_repay", "cash_back"


@dataclass(frozen=True, slots=True)
class Verb:
    """One order type: its Chinese name, its side at the exchange and its deed on a margin account.

    ``special`` draws on and repays the 专项头寸. A direct deed never reaches the exchange.
    """

    name: str
    buying: bool
    deed: str = PLAIN
    special: bool = False

    @property
    def credit(self) -> bool:
        """Whether only a margin account may use it."""
        return self.deed != PLAIN

    @property
    def direct(self) -> bool:
        """Whether the counter does it by itself: 直接还券 and 直接还款."""
        return self.deed in (SHARES_BACK, CASH_BACK)


_CREDIT = (
    ("融资买入", True, FIN_BUY),
    ("融券卖出", False, SLO_SELL),
    ("买券还券", True, BUY_REPAY),
    ("直接还券", False, SHARES_BACK),
    ("卖券还款", False, SELL_REPAY),
    ("直接还款", False, CASH_BACK),
)
VERBS: dict[int, Verb] = {
    23: Verb("买入", True),
    24: Verb("卖出", False),
    **{27 + at: Verb(*one) for at, one in enumerate(_CREDIT)},
    **{40 + at: Verb(f"专项{name}", buys, deed, True) for at, (name, buys, deed) in enumerate(_CREDIT)},
}
"""Order types 23, 24, 27 to 32 and 40 to 45."""


def spoken(verb: Verb, on_margin: bool) -> str:
    """The verb in a counter's text; a plain order on a margin account moves collateral."""
    return f"担保品{verb.name}" if on_margin and not verb.credit else verb.name
