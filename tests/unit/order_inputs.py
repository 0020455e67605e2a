"""Ordinary, random and hostile values for every argument of an order, drawn once and then picked from."""

from __future__ import annotations

import enum
import math
import os
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from easytrader_qmt.errors import shown
from easytrader_qmt.price_types import MARKET_TTYPES


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
    lead, tail = (
        rng.choice(["", "", "sh", "SZ", "bj"]),
        rng.choice(["", "", ".SH", ".SZ", ".BJ", ".XSHG", ".HK"]),
    )
    known = rng.choice(
        ["600", "688", "000", "300", "920", "43", "113", "123", "51", "159", "204", "1318", "900", ""]
    )
    digits = known + "".join(
        rng.choice("0123456789") for _ in range(rng.choice([6, 6, 6, 5, 7]) - len(known))
    )
    return lead + digits + tail


def number() -> Any:
    value = rng.choice([rng.uniform(0, 2000), round(rng.uniform(0, 2000), 2), 10 ** rng.uniform(-20, 20)])
    kinds: list[Any] = [
        float,
        float,
        lambda each: Decimal(repr(each)),
        Fraction,
        np.float32,
        np.float64,
        int,
        str,
    ]
    return rng.choice([1, 1, 1, -1]) * rng.choice(kinds[:-1])(value) if rng.random() < 0.95 else str(value)


def amount() -> Any:
    value = rng.choice(
        [100 * rng.randrange(1, 50), 100 * rng.randrange(1, 50), rng.randrange(-100, 2_000_000)]
    )
    return rng.choice([int, int, float, np.int64, np.int32, Decimal, str])(value)


_TTYPES = [name for table in MARKET_TTYPES.values() for name in table]
_ORDINARY = [
    "600036",
    "sh600036",
    "000001.XSHE",
    "688981",
    "300750",
    "430047.BJ",
    "113050",
    "204001",
    "999999.SH",
]

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
