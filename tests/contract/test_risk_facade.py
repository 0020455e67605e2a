"""The risk limits through connect() and prepare(): what they stop, what they let through, what they remember."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder, JournalError, OrderInDoubt
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock, clock_of_today
from tests.seam import Seam

NewUser = Callable[..., SimTrader]
Connect = Callable[[SimTrader, dict[str, Any]], None]


def by_connect(user: SimTrader, risk: dict[str, Any]) -> None:
    user.connect(risk=risk)


def by_prepare(user: SimTrader, risk: dict[str, Any]) -> None:
    path = Path(user.terminal.home) / "config.json"
    path.write_text(json.dumps({"risk": risk}), encoding="utf-8")
    user.prepare(str(path))


@pytest.fixture(params=[by_connect, by_prepare])
def connect(request: pytest.FixtureRequest) -> Connect:
    way: Connect = request.param
    return way


def refused(limit: str, order: Callable[[], Any]) -> InvalidOrder:
    """The refusal of an order by this limit."""
    with pytest.raises(InvalidOrder) as caught:
        order()
    assert (caught.value.field, caught.value.rule, caught.value.sent) == ("risk", limit, False)
    assert limit in str(caught.value)
    return caught.value


def test_everything_is_off_by_default(user: SimTrader, seam: Seam) -> None:
    for _ in range(30):
        user.buy("600036", 35.0, 1000)
    assert len(seam.orders) == 30
    assert (user.risk.killed, user.risk.orders_today) == (False, 30)
    assert user.risk.notional_today == pytest.approx(30 * 35_000)


def test_the_largest_order(connect: Connect, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    connect(user, {"max_order_notional": 10_000})
    error = refused("max_order_notional", lambda: user.buy("600036", 35.0, 300))
    assert error.nearest == 10_000
    refused("max_order_notional", lambda: user.market_buy("600036", 300))
    refused("max_order_notional", lambda: user.market_buy("000001", 1000))
    user.buy("600036", 35.0, 200)
    user.market_buy("000001", 800)
    assert len(seam.orders) == 2


def test_a_market_order_is_reckoned_at_the_worst_it_can_cost(new_user: NewUser, seam: Seam) -> None:
    """000001 is at 11.36 and may rise to 12.43: 800 shares are within the limit at the one price only."""
    user = new_user()
    user.connect(risk={"max_order_notional": 9_500})
    for words in ({}, {"protect_price": 10.5}):
        error = refused("max_order_notional", lambda words=words: user.market_buy("000001", 800, **words))
        assert error.value == pytest.approx(800 * 12.43)
    user.market_sell("000001", 800)
    user.buy("000001", 11.36, 800)
    assert [order["price_type"] for order in seam.orders] == [44, 11]


def test_b_shares_have_no_worth_in_yuan(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(risk={"max_day_notional": 1e9})
    for order in (lambda: user.buy("900901", 0.56, 100), lambda: user.market_buy("200002", 100)):
        assert "B 股不以人民币报价" in str(refused("max_day_notional", order))
    assert seam.orders == []


def test_what_a_market_order_costs_must_be_known(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(risk={"max_order_notional": 10_000}, quotes=False)
    refused("max_order_notional", lambda: user.market_buy("000001", 100))
    user.market_buy("000001", 100, protect_price=11.5)
    assert len(seam.orders) == 1


def test_the_days_worth(connect: Connect, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    connect(user, {"max_day_notional": 10_000})
    user.buy("600036", 35.0, 200)
    refused("max_day_notional", lambda: user.buy("600036", 35.0, 100))
    user.buy("000001", 11.0, 200)
    assert len(seam.orders) == 2


def test_the_days_orders(connect: Connect, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    connect(user, {"max_day_orders": 2})
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    user.cancel_entrust(number)
    user.buy("600036", 35.0, 100)
    refused("max_day_orders", lambda: user.buy("600036", 35.0, 100))
    assert len(seam.orders) == 2


@pytest.mark.parametrize("journal", [None, False])
def test_a_restart_does_not_forget_the_day(journal: Any, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(journal=journal)
    for _ in range(3):
        user.buy("600036", 35.0, 100)
    user.exit()
    again = new_user()
    again.connect(journal=journal, risk={"max_day_orders": 4, "max_day_notional": 1e6})
    assert (again.risk.orders_today, again.risk.notional_today) == (3, pytest.approx(10_500))
    again.buy("600036", 35.0, 100)
    refused("max_day_orders", lambda: again.buy("600036", 35.0, 100))
    assert len(seam.orders) == 4


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("journal", [None, False])
def test_a_restart_knows_what_market_orders_were_worth(
    journal: Any, batch: bool, new_user: NewUser, terminal: Terminal
) -> None:
    """A Shenzhen market order carries no price; what the limits reckoned it at counts on."""
    order = {"action": "market_buy", "security": "000001", "amount": 100}
    user = new_user()
    user.connect(journal=journal, risk={"max_day_notional": 1e6})
    if batch:
        user.batch([order, order])
    else:
        user.market_buy("000001", 100)
        user.market_buy("000001", 100, client_order_id="x")
    worth = user.risk.notional_today
    assert worth > 0
    user.exit()
    again = new_user()
    again.connect(journal=journal, risk={"max_day_notional": worth + 1})
    assert again.risk.notional_today == pytest.approx(worth)
    refused("max_day_notional", lambda: again.market_buy("000001", 100))
    assert len(terminal.orders()) == 2


def test_what_never_left_does_not_count(new_user: NewUser, terminal: Terminal, seam: Seam) -> None:
    clock = clock_of_today()
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100)
    clock.pass_(4)
    user.check_in_doubt()
    user.buy("600036", 35.0, 100)
    user.exit()
    again = new_user(clock=clock)
    again.connect(risk={"max_day_orders": 10})
    assert again.risk.orders_today == 1


def test_a_day_that_cannot_be_counted_refuses_orders(
    new_user: NewUser, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that might already be reached is not a limit that is kept."""
    user = new_user()
    user.connect()
    user.buy("600036", 35.0, 100)
    user.exit()

    def fail(*_: Any) -> Any:
        raise JournalError("日志被占用")

    with monkeypatch.context() as patch:
        patch.setattr("easytrader_qmt.journal.Journal.sent_on", fail)
        again = new_user()
        again.connect(risk={"max_day_orders": 1})
        with pytest.raises(JournalError):
            again.buy("600036", 35.0, 100)
    refused("max_day_orders", lambda: again.buy("600036", 35.0, 100))
    assert len(seam.orders) == 1


def test_a_clock_that_is_put_forward_and_back_forgets_no_order(connect: Connect, new_user: NewUser) -> None:
    clock = FakeClock()
    user = new_user(clock=clock)
    connect(user, {"max_day_orders": 2})
    user.buy("600036", 35.0, 100)
    clock.wall += 86_400
    user.buy("600036", 35.0, 100)
    assert user.risk.orders_today == 1, "of that day"
    clock.wall -= 86_400
    user.buy("600036", 35.0, 100)
    assert user.risk.orders_today == 2
    refused("max_day_orders", lambda: user.buy("600036", 35.0, 100))


def test_the_rate(connect: Connect, new_user: NewUser, seam: Seam) -> None:
    clock = FakeClock()
    user = new_user(clock=clock)
    connect(user, {"rate": 2, "burst": 3})
    for _ in range(3):
        user.buy("600036", 35.0, 100)
    refused("rate", lambda: user.buy("600036", 35.0, 100))
    clock.pass_(0.5)
    user.buy("600036", 35.0, 100)
    refused("rate", lambda: user.buy("600036", 35.0, 100))
    assert len(seam.orders) == 4


def test_allowed_securities(connect: Connect, new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    connect(user, {"allowed": ["sh600036", "000001.XSHE"]})
    user.buy("600036", 35.0, 100)
    user.market_buy("000001.SZ", 100)
    refused("allowed", lambda: user.buy("600000", 10.5, 100))
    refused("allowed", lambda: user.market_sell("300750", 100))
    assert len(seam.orders) == 2


def test_no_order_while_one_is_in_doubt(connect: Connect, new_user: NewUser, terminal: Terminal) -> None:
    clock = clock_of_today()
    first = new_user(clock=clock)
    first.connect(call_timeout=0.3, heartbeat_interval=0)
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        first.buy("600036", 35.0, 100, client_order_id="d")
    first.exit()
    user = new_user(clock=clock)
    connect(user, {"require_reconciled": True})
    refused("require_reconciled", lambda: user.buy("600036", 35.0, 100))
    assert user.buy("600036", 35.0, 100, client_order_id="d")["entrust_no"] > 0, (
        "the id's own doubt is cleared up"
    )
    assert user.buy("600036", 35.0, 100)["entrust_no"] > 0
    assert len(terminal.orders()) == 2


# --- the kill switch -----------------------------------------------------------------------------


def test_the_kill_switch_stops_orders_and_no_cancels(user: SimTrader, seam: Seam, new_user: NewUser) -> None:
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    assert user.risk.kill("模型异常") is True
    for order in (lambda: user.buy("600036", 35.0, 100), lambda: user.market_sell("600036", 100)):
        assert "模型异常" in str(refused("kill_switch_file", order))
    assert (
        user.batch([{"action": "buy", "security": "600036", "price": 35.0, "amount": 100}])[0]["sent"]
        is False
    )
    assert user.cancel_entrust(number)["success"] is True
    assert user.cancel_all() == []
    assert len(seam.orders) == 1
    user.exit()
    again = new_user()
    again.connect()
    assert again.risk.killed
    assert "模型异常" in again.risk.kill_reason
    refused("kill_switch_file", lambda: again.buy("600036", 35.0, 100))
    again.risk.resume()
    assert again.buy("600036", 35.0, 100)["entrust_no"] > 0


def test_a_kill_switch_of_ones_own(connect: Connect, new_user: NewUser, tmp_path: Path, seam: Seam) -> None:
    path = tmp_path / "stop"
    user = new_user()
    connect(user, {"kill_switch_file": str(path)})
    user.buy("600036", 35.0, 100)
    path.write_text("")
    refused("kill_switch_file", lambda: user.buy("600036", 35.0, 100))
    path.unlink()
    user.buy("600036", 35.0, 100)
    assert user.risk.kill() is True
    assert path.is_file()
    assert len(seam.orders) == 2


# --- limits and ids ------------------------------------------------------------------------------


def test_a_limit_does_not_hide_what_became_of_an_order(new_user: NewUser, seam: Seam) -> None:
    """The order is at the counter: "refused by a limit, nothing was sent" would be a lie about it."""
    user = new_user()
    user.connect(risk={"max_day_orders": 1, "rate": 1, "burst": 1})
    first = user.buy("600036", 35.0, 100, client_order_id="a")
    user.risk.kill()
    assert user.buy("600036", 35.0, 100, client_order_id="a") == first
    assert user.risk.orders_today == 1
    assert len(seam.orders) == 1


def test_what_a_limit_refused_may_be_sent_later_under_the_same_id(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect()
    user.risk.kill()
    refused("kill_switch_file", lambda: user.buy("600036", 35.0, 100, client_order_id="a"))
    user.risk.resume()
    assert user.buy("600036", 35.0, 100, client_order_id="a")["entrust_no"] > 0
    assert len(seam.orders) == 1


def test_an_invalid_order_counts_for_nothing(new_user: NewUser) -> None:
    user = new_user()
    user.connect(risk={"max_day_orders": 1})
    for _ in range(3):
        with pytest.raises(InvalidOrder):
            user.buy("600036", 35.0, 150)
    assert user.risk.orders_today == 0
    assert user.buy("600036", 35.0, 100)["entrust_no"] > 0


@pytest.mark.parametrize(
    "risk",
    [
        {"no_such_limit": 1},
        {"max_order_notional": -1},
        {"max_order_notional": "100"},
        {"max_day_orders": 1.5},
        {"rate": 0},
        {"burst": 5},
        {"allowed": []},
        {"allowed": "600036"},
        {"allowed": ["600036", "what"]},
        {"require_reconciled": "yes"},
        {"kill_switch_file": ""},
        [],
        "off",
    ],
)
def test_limits_that_make_no_sense_connect_nothing(risk: Any, new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    with pytest.raises(InvalidArgument):
        user.connect(risk=risk)
    assert (user.state, terminal.clients) == ("STOPPED", 0)
