"""Securities of the simulated exchange as the vendor's quote module describes them: details, types, sectors.

Pure. What a simulated security has no value for (its listing date, its shares outstanding) is one made-up
constant for all, the same every time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.market import Quote
from easytrader_qmt.sim.vendor_times import day_text

OPEN_DATE = "20000104"
"""The listing date of every simulated security."""

TOTAL_VOLUME = 1_000_000_000.0
"""The shares outstanding of every simulated security, all of them floating."""

_UNKNOWN_PRICE = 1.7976931348623157e308
_UNKNOWN_COUNT = 2_147_483_647
_QUOTAS = (
    "ProductTradeQuota",
    "ContractTradeQuota",
    "ProductOpenInterestQuota",
    "ContractOpenInterestQuota",
)
_TEXTS = (
    "Abbreviation", "UnderlyingCode", "ExtendName", "RzrkCode", "OptUndlCode", "OptUndlMarket", "Ccy",
    "EndDelivDate", "ContinueType",
)  # fmt: skip
_NUMBERS = (
    "AccumulatedInterest", "MaxMarginSideAlgorithm", "DayCountFromIPO", "secuCategory", "secuAttri",
    "MaxFixedBuyOrderVol", "MinFixedBuyOrderVol", "MaxFixedSellOrderVol", "MinFixedSellOrderVol", "HSGTFlag",
    "BondParValue", "QualifiedType", "PriceTickType", "tradingStatus", "OptUnit", "MarginUnit", "OptLotSize",
    "OptExercisePrice", "NeeqExeType", "OptExchFixedMargin", "OptExchMiniMargin", "IbSecType",
    "OptUndlRiskFreeRate", "OptUndlHistoryRate", "RegisteredCapital", "MaxOrderPriceRange",
    "MinOrderPriceRange", "VoteRightRatio", "m_nMinRepurchaseDaysLimit", "m_nMaxRepurchaseDaysLimit",
    "DeliveryYear", "DeliveryMonth", "ContractType", "ChargeType", "OpenInterestMultiple",
)  # fmt: skip
_CHARGES = ("ChargeOpen", "ChargeClose", "ChargeTodayOpen", "ChargeTodayClose")


def instrument_detail(instrument: Instrument, quote: Quote, now: float, complete: bool) -> dict[str, Any]:
    """What ``xtdata.get_instrument_detail`` answers; prices in yuan, 0.0 for a price limit there is not.

    ``InstrumentStatus`` is 0 for a security that trades, 1 (days of suspension) for one that does not.
    """
    number = instrument.stock_code[:-3]
    detail: dict[str, Any] = {
        "ExchangeID": instrument.exchange,
        "InstrumentID": number,
        "InstrumentName": instrument.name,
        "ProductID": "",
        "ProductName": "",
        "ProductType": -1,
        "ExchangeCode": number,
        "UniCode": number,
        "CreateDate": "0",
        "OpenDate": OPEN_DATE,
        "ExpireDate": "99999999",
        "TradingDay": day_text(now),
        "PreClose": quote.prev_close,
        "SettlementPrice": quote.prev_close,
        "UpStopPrice": quote.upper_limit,
        "DownStopPrice": quote.lower_limit,
        "FloatVolume": TOTAL_VOLUME,
        "TotalVolume": TOTAL_VOLUME,
        "LongMarginRatio": _UNKNOWN_PRICE,
        "ShortMarginRatio": _UNKNOWN_PRICE,
        "PriceTick": instrument.tick,
        "VolumeMultiple": 1,
        "MainContract": _UNKNOWN_COUNT,
        "LastVolume": _UNKNOWN_COUNT,
        "InstrumentStatus": int(instrument.suspended),
        "IsTrading": not instrument.suspended,
        "IsRecent": False,
        **dict.fromkeys(_QUOTAS, 0),
    }
    if complete:
        detail |= _more(instrument)
    return detail


def _more(instrument: Instrument) -> dict[str, Any]:
    sell_minimum = 1 if instrument.min_volume >= instrument.step else instrument.step
    return {
        **dict.fromkeys(_TEXTS, ""),
        **dict.fromkeys(_NUMBERS, 0),
        **dict.fromkeys(_CHARGES, -1),
        "IsContinuous": False,
        "bNotProfitable": False,
        "bDualClass": False,
        "OptionType": -1,
        "MaxMarketOrderVolume": instrument.max_market_volume,
        "MinMarketOrderVolume": instrument.min_volume,
        "MaxLimitOrderVolume": instrument.max_limit_volume,
        "MinLimitOrderVolume": instrument.min_volume,
        "MaxMarketSellOrderVolume": instrument.max_market_volume,
        "MinMarketSellOrderVolume": sell_minimum,
        "MaxLimitSellOrderVolume": instrument.max_limit_volume,
        "MinLimitSellOrderVolume": sell_minimum,
    }


def _is_etf(instrument: Instrument) -> bool:
    """Exchange-traded funds by their number; the other funds are LOFs and closed-end funds."""
    prefixes = ("51", "52", "53", "56", "58") if instrument.exchange == "SH" else ("159",)
    return instrument.kind == "fund" and instrument.stock_code.startswith(prefixes)


_A_SHARES = frozenset({"stock", "star", "chinext", "bj"})


def instrument_types(instrument: Instrument) -> dict[str, bool]:
    """Every type that ``xtdata.get_instrument_type`` can name here, and whether the security is one."""
    return {
        "index": False,
        "stock": instrument.kind in _A_SHARES or instrument.kind == "b",
        "fund": instrument.kind == "fund",
        "etf": _is_etf(instrument),
        "bond": instrument.kind in ("bond", "convertible"),
    }


Belongs = Callable[[Instrument], bool]


def _sector_table() -> dict[str, Belongs]:
    kinds: tuple[tuple[str, Belongs], ...] = (
        ("A股", lambda one: one.kind in _A_SHARES),
        ("B股", lambda one: one.kind == "b"),
        ("基金", lambda one: one.kind == "fund"),
        ("ETF", _is_etf),
        ("转债", lambda one: one.kind == "convertible"),
        ("债券", lambda one: one.kind in ("bond", "convertible")),
    )
    places = (
        ("沪深", ("SH", "SZ")), ("上证", ("SH",)), ("深证", ("SZ",)), ("沪市", ("SH",)), ("深市", ("SZ",)),
        ("京市", ("BJ",)), ("沪深京", ("SH", "SZ", "BJ")),
    )  # fmt: skip
    table: dict[str, Belongs] = {
        "科创板": lambda one: one.kind == "star",
        "创业板": lambda one: one.kind == "chinext",
    }
    for place, exchanges in places:
        for kind, belongs in kinds:
            table[place + kind] = _both(exchanges, belongs)
    return table


def _both(exchanges: tuple[str, ...], belongs: Belongs) -> Belongs:
    return lambda one: one.exchange in exchanges and belongs(one)


_SECTORS = _sector_table()


def sector_rule(name: str) -> Belongs | None:
    """Whether a security belongs to the sector; None for a sector the simulation does not have.

    The vendor drops what a file name must not contain, and so does this.
    """
    return _SECTORS.get("".join(letter for letter in name if letter not in '\\/:*?"<>|'))
