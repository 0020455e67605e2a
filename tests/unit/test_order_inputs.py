"""Whatever is given to a verb ends in a documented outcome, and nothing malformed reaches the native client."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easytrader_qmt.errors import EasytraderQmtError, InvalidArgument, InvalidOrder, OrderNotFinal
from easytrader_qmt.price_types import MARKET_TTYPES
from easytrader_qmt.remarks import token_of
from easytrader_qmt.securities import parse
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.trader import SimTrader
from tests.seam import Order, Seam
from tests.unit.order_inputs import (
    AMOUNTS,
    ANYTHING,
    CI,
    CODES,
    NUMBERS,
    ORDERS,
    SEED,
    TEXTS,
    TTYPES,
    WORDS,
    Box,
    Evil,
    opened,
)

CODE = re.compile(r"[0-9]{6}\.(SH|SZ|BJ)")


def examples(most: int) -> Any:
    """So many examples: the same ones on every run in CI, otherwise new ones; hypothesis tells how to repeat."""
    return settings(
        max_examples=most,
        derandomize=CI,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


class Counter:
    """A trader, and a counter that takes every order and looks at what came."""

    def __init__(self, user: SimTrader, seam: Seam) -> None:
        self.user = user
        self.seam = seam
        self.taken = 0
        seam.script = self._take

    def _take(self, order: Order) -> None:
        self.taken += 1
        order.respond(order_id=self.taken)

    def check(self) -> None:
        """Everything that reached the native client since the last check is as it must be."""
        orders, self.seam.orders = self.seam.orders, []
        for sent in orders:
            well_formed(sent)
        cancels, self.seam.cancels = self.seam.cancels, []
        for sent in cancels:
            assert type(sent["order_id"]) is int
            assert 0 <= sent["order_id"] < 2**31
            assert (sent["order_id"] > 0) or (
                sent["order_sysid"].isascii() and 0 < len(sent["order_sysid"]) <= 23
            )
            assert sent["market"] in (-1, 0, 1, 70)

    def ends(self, call: Callable[[], Any], *documented: type[EasytraderQmtError]) -> Any:
        """What a call returns, None where it raised one of the documented errors that say: not sent."""
        before, answer, refusal = self.taken, None, None
        try:
            answer = call()
        except documented as error:
            refusal = error
        self.check()
        if refusal is not None:
            assert refusal.sent is False or isinstance(refusal, OrderNotFinal)
            assert 0 < len(str(refusal)) < 1000
            assert self.taken == before
        if isinstance(refusal, InvalidOrder):
            assert refusal.field
            assert refusal.rule
        return answer


def well_formed(sent: dict[str, Any]) -> None:
    """Every field of an order as the native client needs it."""
    assert type(sent["stock_code"]) is str
    assert CODE.fullmatch(sent["stock_code"])
    assert type(sent["order_volume"]) is int
    assert type(sent["price"]) is float
    assert (sent["account_id"], sent["account_type"]) == ("SIM0000000001", 2)
    assert sent["order_type"] in (23, 24)
    security = parse(sent["stock_code"])
    board = security.board
    assert 0 < sent["order_volume"] <= 2**31 - 1
    most = board.max_limit_volume if sent["price_type"] == 11 else board.max_market_volume
    assert most is None or sent["order_volume"] <= most
    if sent["order_type"] == 23:
        assert sent["order_volume"] >= board.min_buy
        assert (sent["order_volume"] - board.min_buy) % board.step == 0
    assert sent["price_type"] in {11, *MARKET_TTYPES[security.market].values()}
    assert math.isfinite(sent["price"])
    if sent["price"] == 0:
        assert (sent["price_type"] != 11, security.market) == (True, "SZ")
    else:
        assert sent["price"] > 0
        assert Decimal(repr(sent["price"])) % board.tick == 0
    for name in ("strategy_name", "order_remark"):
        assert type(sent[name]) is str
        assert len(sent[name].encode()) <= 23
        assert "\x00" not in sent[name]
    assert sent["order_remark"].isascii()
    assert token_of(sent["order_remark"])


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    home: Path = tmp_path_factory.mktemp("inputs") / "userdata_mini"
    terminal = Terminal(home, settings=TerminalSettings(connect_timeout=0.0, session_gap=0.0))
    terminal.hold("600036", 150, 30.0)
    print(f"seed {SEED}")
    user = SimTrader(terminal=terminal)
    with pytest.MonkeyPatch.context() as patch:
        seam = Seam(terminal, patch)
        user.connect(journal=False, quotes=False, heartbeat_interval=0)
        yield Counter(user, seam)
        user.exit()
        terminal.close()


@pytest.mark.parametrize("verb", ["buy", "sell"])
@examples(2000)
@given(CODES, NUMBERS, AMOUNTS, WORDS)
def test_limit_orders(counter: Counter, verb: str, code: Any, price: Any, amount: Any, words: Any) -> None:
    call = getattr(counter.user, verb)
    answer = counter.ends(lambda: call(*opened([code, price, amount]), **opened(words)), InvalidOrder)
    assert answer is None or answer["entrust_no"] > 0


@pytest.mark.parametrize("verb", ["market_buy", "market_sell"])
@examples(1500)
@given(CODES, AMOUNTS, TTYPES, NUMBERS, WORDS)
def test_market_orders(
    counter: Counter, verb: str, code: Any, amount: Any, ttype: Any, protect: Any, words: Any
) -> None:
    call = getattr(counter.user, verb)
    answer = counter.ends(
        lambda: call(*opened([code, amount, ttype]), protect_price=opened(protect), **opened(words)),
        InvalidOrder,
    )
    assert answer is None or answer["entrust_no"] > 0


@examples(800)
@given(st.lists(ORDERS, max_size=4))
def test_baskets(counter: Counter, orders: list[Any]) -> None:
    told = counter.ends(lambda: counter.user.batch(opened(orders)))
    assert len(told) == len(orders)
    assert {each["outcome"] for each in told} <= {"accepted", "not_sent"}
    assert all((each["entrust_no"] > 0) == (each["outcome"] == "accepted") for each in told)


@examples(200)
@given(ANYTHING)
def test_what_is_no_basket(counter: Counter, box: Box) -> None:
    orders = box.value
    if type(orders) in (list, tuple, set, range, np.ndarray) or isinstance(orders, Evil):
        return  # these are lists, of things that are no orders
    counter.ends(lambda: counter.user.batch(orders), InvalidArgument)


@examples(700)
@given(st.one_of(NUMBERS, AMOUNTS, TEXTS))
def test_cancels(counter: Counter, number: Any) -> None:
    answer = counter.ends(lambda: counter.user.cancel_entrust(*opened([number])), InvalidOrder)
    assert answer is None or list(answer) == ["success", "message"]


@examples(700)
@given(TEXTS, st.one_of(st.sampled_from(["SH", "sz", "BJ", 0, 1, 70]), TEXTS, NUMBERS))
def test_cancels_by_the_counters_number(counter: Counter, sysid: Any, market: Any) -> None:
    answer = counter.ends(lambda: counter.user.cancel_sysid(*opened([sysid, market])), InvalidOrder)
    assert answer is None or list(answer) == ["success", "message"]


@examples(300)
@given(CODES)
def test_cancels_of_everything(counter: Counter, code: Any) -> None:
    answer = counter.ends(lambda: counter.user.cancel_all(*opened([code])), InvalidOrder)
    assert answer in (None, [])


@examples(300)
@given(st.one_of(AMOUNTS, TEXTS), st.one_of(st.just(0), ANYTHING))
def test_waits(counter: Counter, number: Any, timeout: Any) -> None:
    seconds = opened(timeout)
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < 1e9:
        seconds = 0
    counter.ends(
        lambda: counter.user.wait(opened(number), seconds), InvalidOrder, InvalidArgument, OrderNotFinal
    )


def test_enough_reached_the_counter_to_mean_something(counter: Counter) -> None:
    """Last in this file: random inputs that are all refused would prove nothing about what leaves."""
    assert counter.taken > 500
