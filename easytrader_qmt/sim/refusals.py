"""Why the simulated counter refuses an order: the exchange's rules, as pure checks.

The texts have the form of a real counter's. 12313, 251005 and 260200 are real numbers; the others are this
simulation's own, of the same shape. Never moves anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from easytrader_qmt.sim.hours import AUCTION, CLOSED
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.ladder import Ladder
from easytrader_qmt.sim.matching import LIMIT, MARKET_TYPES, MINE, PRICE_TYPES
from easytrader_qmt.sim.money import mills

COUNTER_ERROR = -61
"""The ``error_id`` that carries a counter's refusal, of an order or a cancel."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason, with the number a counter would give it."""

    number: int
    text: str


CLOSED_NOW = Refusal(12313, "当前时间不允许此类证券交易")
SHARES_SHORT = Refusal(251005, "证券可用数量不足")
CASH_SHORT = Refusal(260200, "可用资金不足")
SUSPENDED = Refusal(12314, "证券停牌，不允许委托")
NO_MARKET_ORDER_NOW = Refusal(12315, "集合竞价时段不接受市价委托")
WRONG_EXCHANGE = Refusal(12316, "该市场不支持此报价类型")
NO_CANCEL_NOW = Refusal(12317, "当前时间不允许撤单")
NOT_A_PRICE = Refusal(251010, "委托价格不合法")
OFF_TICK = Refusal(251011, "委托价格不是最小变动单位的整数倍")
BEYOND_LIMITS = Refusal(251012, "委托价格超出涨跌幅限制")
WRONG_LOT = Refusal(251013, "委托数量不合法，不符合每手数量要求")
TOO_LARGE = Refusal(251014, "委托数量超过单笔最大数量")
NO_PROTECT_PRICE = Refusal(251015, "市价委托缺少保护限价")
NO_PEER = Refusal(251016, "对手方无报价")
NO_MINE = Refusal(251017, "本方无报价")
NO_PLEDGE = Refusal(251018, "标准券可用数量不足")
NO_SUCH_ORDER = Refusal(251020, "未找到该委托")
FINAL_ORDER = Refusal(251021, "委托已终结，不能撤单")


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """What a client asked for; ``price`` in yuan exactly as sent, even NaN; ``verb`` as texts say it."""

    buying: bool
    volume: int
    price_type: int
    price: float
    verb: str = ""

    @property
    def by_market(self) -> bool:
        """Whether the price type is one of the market orders."""
        return self.price_type in MARKET_TYPES

    def price_mills(self, exchange: str) -> int:
        """The limit or protect price in mills, 0 where the price sent plays no part."""
        used = self.price_type == LIMIT or (self.by_market and exchange != "SZ" and self.price > 0)
        return (mills(self.price) or 0) if used else 0


def refusal_text(terms: OrderTerms, stock_code: str, refusal: Refusal) -> str:
    """The text as a client sees it, such as ``限价买入 [SH600000] [COUNTER] [260200][可用资金不足]``."""
    verb = PRICE_TYPES[terms.price_type].name + (terms.verb or ("买入" if terms.buying else "卖出"))
    return f"{verb} {_counter_text(stock_code, refusal)}"


def direct_text(terms: OrderTerms, stock_code: str, refusal: Refusal) -> str:
    """The same for a deed without a price type, such as ``直接还款 [SH600000] [COUNTER] [260218][…]``."""
    return f"{terms.verb} {_counter_text(stock_code, refusal)}"


def cancel_text(stock_code: str, refusal: Refusal) -> str:
    """The text of a refused cancel; ``stock_code`` is empty when there is no such order."""
    return f"撤单 {_counter_text(stock_code, refusal)}"


def _counter_text(stock_code: str, refusal: Refusal) -> str:
    number, _, exchange = stock_code.partition(".")
    return f"[{exchange}{number}] [COUNTER] [{refusal.number}][{refusal.text}]"


def check_order(
    instrument: Instrument, ladder: Ladder, terms: OrderTerms, phase: str, protect_price_required: bool
) -> Refusal | None:
    """The first of the exchange's rules that the order breaks, whoever places it."""
    return (
        _check_time(instrument, terms, phase)
        or _check_volume(instrument, terms)
        or _check_price(instrument, ladder, terms, protect_price_required)
        or _check_peers(ladder, terms)
    )


def check_sale(instrument: Instrument, volume: int, can_use: int) -> Refusal | None:
    """Whether ``can_use`` shares allow this sale: an odd remainder leaves all at once or not at all."""
    if volume > can_use:
        return SHARES_SHORT
    if instrument.step < instrument.lot:
        whole = volume >= instrument.lot or volume == can_use
    else:
        whole = volume % instrument.lot in (0, can_use % instrument.lot)
    return None if whole else WRONG_LOT


def _check_time(instrument: Instrument, terms: OrderTerms, phase: str) -> Refusal | None:
    if phase == CLOSED:
        return CLOSED_NOW
    if instrument.suspended:
        return SUSPENDED
    if instrument.exchange not in PRICE_TYPES[terms.price_type].exchanges:
        return WRONG_EXCHANGE
    return NO_MARKET_ORDER_NOW if phase == AUCTION and terms.by_market else None


def _check_volume(instrument: Instrument, terms: OrderTerms) -> Refusal | None:
    largest = instrument.max_market_volume if terms.by_market else instrument.max_limit_volume
    if terms.volume > largest:
        return TOO_LARGE
    if terms.volume <= 0:
        return WRONG_LOT
    if terms.buying or instrument.kind == "repo":
        over = terms.volume - instrument.min_volume
        return WRONG_LOT if over < 0 or over % instrument.step else None
    return None


def _check_price(
    instrument: Instrument, ladder: Ladder, terms: OrderTerms, protect_price_required: bool
) -> Refusal | None:
    sent = terms.price
    if terms.by_market:
        if instrument.exchange == "SZ":
            return None
        if not sent > 0:
            return NO_PROTECT_PRICE if protect_price_required else None
    elif terms.price_type != LIMIT:
        return None
    if not 0 < sent < float("inf"):
        return NOT_A_PRICE
    price = mills(sent)
    if price is None or price % instrument.tick_mills:
        return OFF_TICK
    outside = price < ladder.lower or (ladder.upper and price > ladder.upper)
    return BEYOND_LIMITS if outside else None


def _check_peers(ladder: Ladder, terms: OrderTerms) -> Refusal | None:
    if terms.price_type == MINE:
        return None if ladder.own(terms.buying) else NO_MINE
    return NO_PEER if terms.by_market and not ladder.opposing(terms.buying) else None
