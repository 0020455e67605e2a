"""Every way to write a code, placed as a real order; every market order type, by what reaches the counter."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader

FORMS = [
    ("600036", "600036.SH"),
    ("600036.SH", "600036.SH"),
    ("600036.sh", "600036.SH"),
    ("sh600036", "600036.SH"),
    ("SH600036", "600036.SH"),
    ("Sh600036", "600036.SH"),
    ("600036.XSHG", "600036.SH"),
    ("600036.SSE", "600036.SH"),
    (" 600036 ", "600036.SH"),
    ("000001", "000001.SZ"),
    ("000001.SZ", "000001.SZ"),
    ("sz000001", "000001.SZ"),
    ("000001.XSHE", "000001.SZ"),
    ("000001.SZSE", "000001.SZ"),
    ("430047", "430047.BJ"),
    ("430047.BJ", "430047.BJ"),
    ("bj430047", "430047.BJ"),
    ("920819", "920819.BJ"),
    ("920819.BSE", "920819.BJ"),
    ("688981", "688981.SH"),
    ("300750", "300750.SZ"),
    ("510300", "510300.SH"),
    ("159915", "159915.SZ"),
    ("162411", "162411.SZ"),
    ("113050", "113050.SH"),
    ("127045", "127045.SZ"),
    ("019547", "019547.SH"),
    ("900901", "900901.SH"),
    ("200002", "200002.SZ"),
]
BONDS = ["115", "122", "136", "143", "155", "163", "175", "185", "188", "240", "010", "018", "019", "020"]
PEER, MINE, FIVE, FIVE_LIMIT = (
    "对手方最优价格委托",
    "本方最优价格委托",
    "最优五档即时成交剩余撤销",
    "最优五档即时成交剩转限价",
)
IMMEDIATE, ALL_OR_NONE = "即时成交剩余撤销委托", "全额成交或撤销委托"
TTYPES = [
    *[(code, ttype, sent) for code in ("600036", "430047") for ttype, sent in
      ((None, 44), (PEER, 44), (MINE, 45), (FIVE, 42), (FIVE_LIMIT, 43))],
    *[("000001", ttype, sent) for ttype, sent in
      ((None, 44), (PEER, 44), (MINE, 45), (IMMEDIATE, 46), (FIVE, 47), (ALL_OR_NONE, 48))],
]  # fmt: skip
ANSWERED = {42: 88, 43: 85, 44: 84, 45: 86, 46: 87, 47: 88, 48: 89}


@pytest.fixture
def sent(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The fields of every order request that crosses the native seam."""
    seen: list[dict[str, Any]] = []
    request = terminal.request

    def keep(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "orderStock":
            seen.append(dict(fields))
        request(client, name, seq, fields)

    monkeypatch.setattr(terminal, "request", keep)
    return seen


@pytest.mark.parametrize(("written", "meant"), FORMS)
def test_every_form_is_the_order_it_means(
    written: str, meant: str, user: SimTrader, terminal: Terminal
) -> None:
    quote = terminal.market.quote(meant)
    amount = 200 if meant.startswith("688") else 100
    assert user.buy(written, quote.ask1, amount)["entrust_no"] > 0
    [order] = terminal.orders()
    assert order["stock_code"] == meant
    assert order["order_status"] == 56
    [row] = user.today_entrusts
    assert (row["stock_code"], row["security"]) == (meant, meant[:6])
    assert user.position.where(security=written)[0]["volume"] == amount


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("000001.SH", "000001.SH"),
        ("sh000001", "000001.SH"),
        ("600036.SZ", "600036.SZ"),
        ("163402.SZ", "163402.SZ"),
    ],
)
def test_a_written_exchange_always_wins(
    written: str, meant: str, user: SimTrader, terminal: Terminal
) -> None:
    kind = "fund" if meant == "163402.SZ" else "stock"
    terminal.market.add(meant, name="同号", prev_close=10.0, kind=kind)
    user.buy(written, 10.0, 100)
    [order] = terminal.orders()
    assert order["stock_code"] == meant


@pytest.mark.parametrize("prefix", BONDS)
def test_shanghai_bonds_go_to_shanghai(prefix: str, user: SimTrader, sent: list[dict[str, Any]]) -> None:
    user.buy(f"{prefix}547", 98.0, 10)
    assert sent[0]["stock_code"] == f"{prefix}547.SH"


def test_reverse_repos_lend(user: SimTrader, terminal: Terminal) -> None:
    for code, rate in (("204001", 1.51), ("131810", 1.49)):
        user.sell(code, rate, 100)
    assert [order["stock_code"] for order in terminal.orders()] == ["204001.SH", "131810.SZ"]
    assert [order["order_status"] for order in terminal.orders()] == [56, 56]
    assert user.balance[0]["cash"] == pytest.approx(10_000_000 - 20_000, abs=1)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "6000",
        "6000361",
        "700001",
        "999999",
        "abc",
        "600036.US",
        "600036.SH.SH",
        "hk00700",
        "６０００３６",
        None,
        600036,
    ],
)
def test_what_is_no_code_lists_what_is_possible(written: Any, user: SimTrader, terminal: Terminal) -> None:
    for order in (
        lambda: user.buy(written, 35.5, 100),
        lambda: user.sell(written, 35.5, 100),
        lambda: user.market_buy(written, 100),
        lambda: user.market_sell(written, 100),
    ):
        with pytest.raises(InvalidOrder) as caught:
            order()
        assert caught.value.field == "security"
        for form in ("600036.SH", "sh600036", "600036.XSHG"):
            assert form in str(caught.value)
    assert terminal.orders() == []


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(("code", "ttype", "price_type"), TTYPES)
def test_every_ttype_on_every_market(
    code: str,
    ttype: str | None,
    price_type: int,
    side: str,
    user: SimTrader,
    terminal: Terminal,
    sent: list[dict[str, Any]],
) -> None:
    terminal.hold(code, 1000, 10.0)
    verb = user.market_buy if side == "buy" else user.market_sell
    verb(code, 200, ttype) if ttype is not None else verb(code, amount=200)
    [fields] = sent
    assert fields["price_type"] == price_type
    assert fields["order_type"] == (23 if side == "buy" else 24)
    quote = terminal.market.quote(code)
    limit = quote.upper_limit if side == "buy" else quote.lower_limit
    assert fields["price"] == (0.0 if code == "000001" else limit)
    [row] = user.today_entrusts
    assert row["price_type"] == ANSWERED[price_type]
    assert isinstance(row["price_type_name"], str)
    assert row["order_status_name"] == ("已报" if price_type == 45 else "已成")


@pytest.mark.parametrize("code", ["600036", "000001", "430047"])
@pytest.mark.parametrize("ttype", ["对手方", "市价", "", "FOK", 44, "限价"])
def test_an_unknown_ttype_lists_the_markets_own(
    code: str, ttype: Any, user: SimTrader, terminal: Terminal
) -> None:
    possible = {
        "600036": {PEER, MINE, FIVE, FIVE_LIMIT},
        "430047": {PEER, MINE, FIVE, FIVE_LIMIT},
        "000001": {PEER, MINE, FIVE, IMMEDIATE, ALL_OR_NONE},
    }
    with pytest.raises(InvalidOrder) as caught:
        user.market_buy(code, 100, ttype=ttype)
    assert caught.value.field == "ttype"
    for name in possible[code]:
        assert name in str(caught.value)
    assert terminal.orders() == []


@pytest.mark.parametrize(
    ("code", "ttype"), [("600036", IMMEDIATE), ("430047", ALL_OR_NONE), ("000001", FIVE_LIMIT)]
)
def test_a_ttype_of_another_market(code: str, ttype: str, user: SimTrader) -> None:
    with pytest.raises(InvalidOrder, match=ttype):
        user.market_sell(code, 100, ttype=ttype)


def test_a_protect_price_of_ones_own(user: SimTrader, sent: list[dict[str, Any]]) -> None:
    user.market_buy("600036", 100, protect_price=35.6)
    user.market_buy("000001", 100, protect_price=11.5)
    assert [fields["price"] for fields in sent] == [35.6, 11.5]


def test_a_protect_price_outside_the_limits_or_absurd(user: SimTrader, sent: list[dict[str, Any]]) -> None:
    for price in (0, -1, float("nan"), "35"):
        with pytest.raises(InvalidOrder, match=r"protect_price|价格"):
            user.market_buy("600036", 100, protect_price=price)
    assert sent == []


def test_a_market_order_where_no_limits_are_known(user: SimTrader, sent: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidOrder) as caught:
        user.market_buy("600999", 100)
    assert caught.value.field == "protect_price"
    assert sent == []


def test_what_a_limit_order_is_sent_as(user: SimTrader, sent: list[dict[str, Any]]) -> None:
    user.buy("600036", 35.5, 100, strategy_name="s")
    [fields] = sent
    assert (fields["account_id"], fields["account_type"]) == ("SIM0000000001", 2)
    assert (fields["order_volume"], fields["price_type"], fields["price"]) == (100, 11, 35.5)
    assert fields["strategy_name"] == "s"
