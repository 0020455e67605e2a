"""Whatever is given to a verb ends in a documented outcome, and nothing malformed reaches the native client."""

from __future__ import annotations

import enum
import math
import os
import random
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easytrader_qmt.errors import EasytraderQmtError, InvalidArgument, InvalidOrder, OrderNotFinal, shown
from easytrader_qmt.price_types import MARKET_TTYPES
from easytrader_qmt.remarks import token_of
from easytrader_qmt.securities import parse
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.trader import SimTrader
from tests.seam import Order, Seam

CODE = re.compile(r"[0-9]{6}\.(SH|SZ|BJ)")


class Evil:
    """Raises whatever is done with it."""

    __hash__ = None  # type: ignore[assignment]

    def _no(self, *_: Any) -> Any:
        raise RuntimeError("evil")

    __repr__ = __str__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _no
    __bool__ = __len__ = __iter__ = __int__ = __float__ = __index__ = __format__ = _no


class Text(str, enum.Enum):
    CODE = "600036"
    NAME = "网格"


class EvilText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        raise RuntimeError("evil")

    __str__ = __repr__


HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, -(2**31), 2**63, 10**400, 10**5000, -(10**5000), 0.0, -0.0, -1.5, 1e-320,
    1e308, math.inf, -math.inf, math.nan, "", " ", "\x00", "600036\x00", "\ud800", "x" * 10_000, "　", "１００",
    b"600036", b"", bytearray(b"x"), [], [1], (), {}, {"a": 1}, {1}, object(), Evil(), EvilText("600036"), print, int,
    Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999"), Decimal("1E-999999"), Fraction(1, 3),
    Fraction(10**400, 3), complex(1, 2), np.float32("nan"), np.float64(math.inf), np.int64(-1), np.bool_(True),
    np.array([]), np.array([1, 2]), np.array(100), np.datetime64("2025-01-01"), Text.CODE, Text.NAME, range(3),
]  # fmt: skip

CI = bool(os.environ.get("CI"))
SEED = 20250807 if CI else random.randrange(2**32)
rng = random.Random(SEED)


def drawn(make: Callable[[], Any], most: int, *always: Any) -> st.SearchStrategy[Any]:
    """One of many values that were drawn beforehand: as random, and many times faster."""
    pool = [Box(each) for each in (*always, *(make() for _ in range(most)))]
    return st.integers(0, len(pool) - 1).map(pool.__getitem__)


class Box:
    """A value that can be shown: hypothesis shows what it draws, and some of these refuse to be."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return shown(self.value)


def opened(box: Any) -> Any:
    """The value in a box, or in every box of a dict or a list."""
    if isinstance(box, Box):
        return box.value
    if isinstance(box, dict):
        return {name: opened(each) for name, each in box.items()}
    return [opened(each) for each in box] if isinstance(box, list) else box


def letters() -> str:
    return "".join(chr(rng.choice([rng.randrange(128), rng.randrange(0x4E00, 0x9FFF), rng.randrange(0x11_0000)]))
                   for _ in range(rng.randrange(30)))  # fmt: skip


def code() -> str:
    lead, tail = rng.choice(["", "", "sh", "SZ", "bj"]), rng.choice(["", "", ".SH", ".SZ", ".BJ", ".XSHG", ".HK"])
    known = rng.choice(["600", "688", "000", "300", "920", "43", "113", "123", "51", "159", "204", "1318", "900", ""])
    digits = known + "".join(rng.choice("0123456789") for _ in range(rng.choice([6, 6, 6, 5, 7]) - len(known)))
    return lead + digits + tail


def number() -> Any:
    value = rng.choice([rng.uniform(0, 2000), round(rng.uniform(0, 2000), 2), 10 ** rng.uniform(-20, 20)])
    kinds: list[Any] = [float, float, lambda each: Decimal(repr(each)), Fraction, np.float32, np.float64, int, str]
    return rng.choice([1, 1, 1, -1]) * rng.choice(kinds[:-1])(value) if rng.random() < 0.95 else str(value)


def amount() -> Any:
    value = rng.choice([100 * rng.randrange(1, 50), 100 * rng.randrange(1, 50), rng.randrange(-100, 2_000_000)])
    return rng.choice([int, int, float, np.int64, np.int32, Decimal, str])(value)


_TTYPES = [name for table in MARKET_TTYPES.values() for name in table]
_ORDINARY = ["600036", "sh600036", "000001.XSHE", "688981", "300750", "430047.BJ", "113050", "204001", "999999.SH"]

CODES = drawn(code, 400, *HOSTILE, *(_ORDINARY * 30))
NUMBERS = drawn(number, 400, *HOSTILE)
AMOUNTS = drawn(amount, 400, *HOSTILE, *([200, 1000] * 100))
TEXTS = drawn(letters, 100, *HOSTILE, *(["网格", ""] * 100))
TTYPES = drawn(lambda: rng.choice(_TTYPES), 200, *HOSTILE, *([None] * 100))
ANYTHING = drawn(letters, 1, *HOSTILE)
WORDS = st.fixed_dictionaries(
    {},
    optional={"strategy_name": TEXTS, "remark": TEXTS, "client_order_id": TEXTS, "unknown": ANYTHING},
)
VERBS = drawn(letters, 1, *HOSTILE, *(["buy", "sell", "market_buy", "market_sell"] * 60))
ORDERS = st.one_of(
    st.fixed_dictionaries(
        {"action": VERBS, "security": CODES, "amount": AMOUNTS, "price": NUMBERS},
        optional={"ttype": TTYPES, "protect_price": NUMBERS, "remark": TEXTS, 7: ANYTHING},
    ),
    ANYTHING,
)


def examples(most: int) -> Any:
    """So many examples: the same ones on every run in CI, otherwise new ones; hypothesis tells how to repeat."""
    return settings(
        max_examples=most,
        derandomize=CI,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
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
            assert (sent["order_id"] > 0) or (sent["order_sysid"].isascii() and 0 < len(sent["order_sysid"]) <= 23)
            assert sent["market"] in (-1, 0, 1, 70)

    def ends(self, call: Callable[[], Any], *documented: type[EasytraderQmtError]) -> Any:
        """What a call returns, None where it raised one of the documented errors that say: not sent."""
        before = self.taken
        try:
            answer = call()
        except documented as error:
            assert error.sent is False or isinstance(error, OrderNotFinal)
            assert 0 < len(str(error)) < 1000
            assert self.taken == before
            if isinstance(error, InvalidOrder):
                assert error.field
                assert error.rule
            return None
        finally:
            self.check()
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
    answer = counter.ends(lambda: call(*opened([code, amount, ttype]), protect_price=opened(protect), **opened(words)), InvalidOrder)
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
    counter.ends(lambda: counter.user.wait(opened(number), seconds), InvalidOrder, InvalidArgument, OrderNotFinal)


def test_enough_reached_the_counter_to_mean_something(counter: Counter) -> None:
    """Last in this file: random inputs that are all refused would prove nothing about what leaves."""
    assert counter.taken > 500
