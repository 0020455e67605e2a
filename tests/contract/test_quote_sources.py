"""Price limits, suspensions and protect prices from a quote source: the market's, the user's, none, a bad one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.miniqmt import counterside, vendor
from easytrader_qmt.quotes import CautiousQuotes, DayQuote, XtdataQuotes
from easytrader_qmt.securities import RULES
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.facade import SOON
from tests.seam import Seam

NewUser = Callable[..., SimTrader]
MIDNIGHT = 1_762_099_200.0  # Monday 2025-11-03 00:00 in Shanghai
NOON = MIDNIGHT + 12 * 3600


class Source:
    """A user's quote source: says what it was told to."""

    def __init__(self, said: Any) -> None:
        self.said = said
        self.asked: list[str] = []

    def day_quote(self, stock_code: str) -> Any:
        self.asked.append(stock_code)
        return self.said(stock_code) if callable(self.said) else self.said


@pytest.fixture
def plain(new_user: NewUser) -> SimTrader:
    """A trader without quotes: only what the code tells is checked."""
    user = new_user()
    user.connect(quotes=False)
    return user


# --- limits, suspension, quote sources ----------------------------------------------------------------


def test_the_simulated_market_tells_its_limits(user: SimTrader, terminal: Terminal, seam: Seam) -> None:
    quote = terminal.market.quote("600036")
    for price, nearest in (
        (quote.upper_limit + 0.01, quote.upper_limit),
        (quote.lower_limit - 0.01, quote.lower_limit),
    ):
        with pytest.raises(InvalidOrder, match=r"[涨跌]停价") as caught:
            user.buy("600036", price, 100)
        assert (caught.value.field, caught.value.nearest) == ("price", nearest)
    with pytest.raises(InvalidOrder, match="涨停价") as caught:
        user.market_buy("600036", 100, protect_price=quote.upper_limit + 1)
    assert caught.value.field == "protect_price"
    terminal.market.suspend("600036")
    with pytest.raises(InvalidOrder, match="停牌") as caught:
        user.buy("600036", 35.5, 100)
    assert caught.value.field == "security"
    terminal.market.resume("600036")
    user.buy("600036", quote.upper_limit, 100)
    assert len(seam.orders) == 1


def test_the_next_days_limits_are_the_next_days(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.5, 100)
    terminal.market.set("600036", last=terminal.market.quote("600036").upper_limit)
    terminal.next_day()
    above_yesterdays = terminal.market.quote("600036").upper_limit
    assert user.buy("600036", above_yesterdays, 100)["entrust_no"] > 0
    assert user.today_entrusts[-1]["order_status_name"] != "废单"


def test_without_quotes_the_counter_judges(plain: SimTrader, terminal: Terminal) -> None:
    plain.buy("600036", 99.0, 100)
    assert [order["order_status"] for order in terminal.orders()] == [57]


@pytest.mark.parametrize("code", ["600036", "430047"])
def test_shanghai_and_beijing_need_a_protect_price(code: str, plain: SimTrader, seam: Seam) -> None:
    for verb in (plain.market_buy, plain.market_sell):
        with pytest.raises(InvalidOrder, match="protect_price") as caught:
            verb(code, 100)
        assert caught.value.field == "protect_price"
        with pytest.raises(InvalidOrder):
            verb(code, 100, protect_price=0)
    assert seam.orders == []
    plain.market_buy(code, 100, protect_price=14.0)
    plain.market_buy("000001", 100)
    assert [order["price"] for order in seam.orders] == [14.0, 0.0]


def test_a_quote_source_of_ones_own(new_user: NewUser, seam: Seam) -> None:
    source = Source(lambda code: DayQuote(9.0, 11.0, 10.0, code == "600000.SH"))
    user = new_user(clock=FakeClock(NOON))
    user.connect(quotes=source)
    with pytest.raises(InvalidOrder, match="涨停价 11"):
        user.buy("600036", 11.01, 100)
    with pytest.raises(InvalidOrder, match="停牌"):
        user.buy("600000", 10.0, 100)
    user.buy("600036", 11.0, 100)
    user.market_buy("600036", 100)
    user.market_sell("600036", 100)
    assert [order["price"] for order in seam.orders] == [11.0, 11.0, 9.0]
    assert source.asked == ["600036.SH", "600000.SH"], "a security's day is asked for once"


@pytest.mark.parametrize(
    "said",
    [
        None,
        DayQuote(),
        DayQuote(0.0, float("nan"), 1.8e308),
        DayQuote("x", [], {}),  # type: ignore[arg-type]
        SimpleNamespace(lower_limit=None, upper_limit=10**400, last=None, suspended=0),
        {"upper_limit": 1.0},
        "garbage",
        7,
    ],
)
def test_a_source_that_knows_nothing_or_talks_nonsense(said: Any, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(quotes=Source(said))
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0
    with pytest.raises(InvalidOrder, match="protect_price"):
        user.market_buy("600036", 100)
    assert len(seam.orders) == 1


def test_a_source_that_fails_is_left_alone_for_a_while(new_user: NewUser, seam: Seam, log: list[str]) -> None:
    def fail(code: str) -> Any:
        raise OSError("no route")

    source = Source(fail)
    user = new_user()
    user.connect(quotes=source)
    for _ in range(5):
        user.buy("600036", 35.5, 100)
    assert (len(seam.orders), source.asked) == (5, ["600036.SH"])
    assert len([line for line in log if "no route" in line]) == 1


def test_a_source_that_hangs_holds_up_one_order_only(
    new_user: NewUser, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counterside, "QUOTE_SECONDS", 0.05)
    go_on = threading.Event()
    source = Source(lambda code: go_on.wait(SOON))
    user = new_user()
    user.connect(quotes=source)
    for _ in range(3):
        user.buy("600036", 35.5, 100)
    go_on.set()
    assert (len(seam.orders), len(source.asked)) == (3, 1)


@pytest.mark.parametrize("source", [5, "xtdata", object(), True])
def test_what_is_no_quote_source(source: Any, new_user: NewUser) -> None:
    with pytest.raises(InvalidArgument, match="day_quote"):
        new_user().connect(quotes=source)


# --- another day's limits -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "answered_after", "kept"),
    [(8 + 20 / 60, 0.0, False), (9.25 - 1 / 3600, 2.0, False), (9.25, 0.0, True), (14.9, 0.0, True)],
)
def test_what_is_asked_before_a_quarter_past_nine_is_not_kept(
    hours: float, answered_after: float, kept: bool
) -> None:
    """Terminals restart in the morning: until then they show the limits of the day before."""
    clock = FakeClock(MIDNIGHT + hours * 3600)

    def answer(code: str) -> DayQuote:
        clock.pass_(answered_after)
        return DayQuote(9.0, 11.0, 10.0)

    source = Source(answer)
    quotes = CautiousQuotes(source, clock)
    assert quotes.day_quote("600036.SH") == DayQuote(9.0, 11.0, 10.0)
    source.said = todays = DayQuote(9.9, 12.1, 11.0)
    clock.pass_(60)
    found = quotes.day_quote("600036.SH")
    assert found == (DayQuote(9.0, 11.0, 10.0) if kept else todays)
    clock.pass_(86_400)
    assert quotes.day_quote("600036.SH") == todays, "a day's limits are never the next day's"


@pytest.mark.parametrize("yesterday", ["20251031", 20251031])
def test_a_terminal_that_still_shows_yesterday_tells_no_limits(
    yesterday: Any, new_user: NewUser, seam: Seam
) -> None:
    detail = {
        "TradingDay": yesterday, "UpStopPrice": 38.94, "DownStopPrice": 31.86, "PreClose": 35.4, "InstrumentStatus": 0,
    }  # fmt: skip
    xtdata = SimpleNamespace(get_instrument_detail=lambda code: detail)
    clock = FakeClock(NOON)
    user = new_user(clock=clock)
    user.connect(quotes=XtdataQuotes(lambda: xtdata, lambda ask: ask(), clock.now))
    with pytest.raises(InvalidOrder, match="请传 protect_price，或提供行情") as caught:
        user.market_buy("600036", 100)
    assert (caught.value.field, caught.value.sent) == ("protect_price", False)
    user.buy("600036", 39.5, 100)
    for today in ("20251103", "", None, 0, "99999999"):
        detail["TradingDay"] = today
        user.market_buy("600036", 100)
    assert [order["price"] for order in seam.orders] == [39.5, *[38.94] * 5]


def test_the_vendors_own_quotes_know_the_day() -> None:
    module = ModuleType("bridge")
    detail = {"TradingDay": "20200102", "UpStopPrice": 11.0, "DownStopPrice": 9.0}
    found = {
        "XtQuantTrader": object, "StockAccount": object,
        "xtdata": SimpleNamespace(get_instrument_detail=lambda code: detail),
    }  # fmt: skip
    module.__dict__.update(found)
    quotes = vendor.of_module(module).quotes("")
    assert quotes is not None
    assert quotes.day_quote("600036.SH") == DayQuote()
    detail["TradingDay"] = "99991231"
    assert quotes.day_quote("600036.SH") == DayQuote(9.0, 11.0)


# --- rules of ones own --------------------------------------------------------------------------------


def test_a_security_can_have_rules_of_its_own(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(rules=RULES.override("600036", min_buy=1000, step=1000, tick="0.05"), quotes=False)
    with pytest.raises(InvalidOrder) as caught:
        user.buy("600036", 35.5, 100)
    assert caught.value.nearest == 1000
    user.buy("600036", 35.52, 1000)
    user.buy("600000", 10.01, 100)
    assert [order["price"] for order in seam.orders] == [35.5, 10.01]
