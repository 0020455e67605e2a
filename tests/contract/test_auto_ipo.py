"""Subscribing to new issues: once a day by the terminal's day, again after a refusal, never two at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import NotConnected, QueryFailed
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.new_issues import issue_rows
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.contract.test_client_order_ids import in_threads
from tests.facade import States
from tests.seam import Order, Seam

DAY = "20231115"
CODES = ["780888.SH", "301888.SZ", "783888.SH"]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal at six in the morning of a day long past."""
    made = Terminal(
        tmp_path / "QMT" / "userdata_mini",
        settings=TerminalSettings(connect_timeout=0.0, session_gap=0.0),
        clock=FakeClock(),
    )
    yield made
    made.close()


@pytest.fixture(params=[None, False], ids=["journal", "memory"])
def user(request: pytest.FixtureRequest, new_user: Callable[..., SimTrader]) -> SimTrader:
    made = new_user()
    made.connect(journal=request.param, heartbeat_interval=0, call_timeout=5)
    return made


def outcomes(answers: list[dict[str, Any]]) -> list[str]:
    return [each["outcome"] for each in answers]


def numbers(user: SimTrader) -> dict[str, list[int]]:
    """By code, the counter's orders of today that were not refused."""
    found: dict[str, list[int]] = {code: [] for code in CODES}
    for row in user.terminal.orders():
        if row["order_status"] != 57:
            found[row["stock_code"]].append(row["order_id"])
    return found


def refused(user: SimTrader) -> None:
    """Every issue is subscribed to while the counter is closed, and the refusals are heard."""
    user.terminal.trading_hours = True
    assert set(outcomes(user.auto_ipo())) <= {"accepted", "refused"}
    assert user.drain()
    assert {row["order_status_name"] for row in user.today_entrusts} == {"废单"}
    user.terminal.trading_hours = False


# --- the day -------------------------------------------------------------------------------------


def test_the_day_is_the_terminals(user: SimTrader) -> None:
    first = user.auto_ipo()
    assert [each["client_order_id"] for each in first] == [f"ipo:{DAY}:{code}" for code in CODES]
    assert user.auto_ipo() == first
    for day in ("20231116", "20231117"):
        user.terminal.next_day()
        assert user.drain()
        found = user.auto_ipo()
        assert [each["client_order_id"] for each in found] == [f"ipo:{day}:{code}" for code in CODES]
        assert [each["entrust_no"] for each in found] == [row["order_id"] for row in user.today_entrusts]
        assert user.auto_ipo() == found
        assert len(user.today_entrusts) == 3


def test_a_limit_that_has_changed_since_hides_nothing(
    user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = user.auto_ipo()
    monkeypatch.setattr("easytrader_qmt.sim.new_issues.LIMITS", {"SH": 0, "SZ": 500, "KCB": 0})
    assert user.purchase_limit["SZ"] == 500
    assert user.auto_ipo() == first
    assert len(user.terminal.orders()) == 3


@pytest.mark.parametrize("fields", [{"issue_price": float("nan")}, {"ipo_code": "nonsense"}])
def test_an_odd_issue_stops_no_other(
    user: SimTrader, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    first, *rest = issue_rows(user.terminal.now)
    monkeypatch.setattr(
        "easytrader_qmt.sim.account_requests.issue_rows", lambda now: [{**first, **fields}, *rest]
    )
    assert outcomes(user.auto_ipo()) == ["not_sent", "accepted", "accepted"]


# --- refusals ------------------------------------------------------------------------------------


def test_what_was_refused_is_tried_again(user: SimTrader) -> None:
    refused(user)
    again = user.auto_ipo()
    assert outcomes(again) == ["accepted"] * 3
    assert [each["client_order_id"] for each in again] == [f"ipo:{DAY}:{code}:2" for code in CODES]
    assert [each["entrust_no"] for each in again] == [one for (one,) in numbers(user).values()]
    assert user.auto_ipo() == again
    assert len(user.terminal.orders()) == 6


def test_what_is_refused_again_says_so(user: SimTrader) -> None:
    for times in (1, 2, 3):
        refused(user)
        assert len(user.terminal.orders()) == 3 * times
    assert numbers(user) == {code: [] for code in CODES}


def test_a_refusal_that_was_heard_is_the_answer(user: SimTrader, seam: Seam) -> None:
    def script(order: Order) -> None:
        number = order.place()
        order.push_error(number, "[260200]可用资金不足")
        order.respond()

    seam.script = script
    user.auto_ipo()
    assert user.drain()
    # Orders that the counter lists as live: in doubt, so nothing goes out, and the number is told.
    found = user.auto_ipo()
    assert outcomes(found) == ["accepted"] * 3
    assert [[each["entrust_no"]] for each in found] == list(numbers(user).values())
    assert len(seam.orders) == 3


def test_a_refused_response_is_tried_again(user: SimTrader, seam: Seam) -> None:
    seam.script = lambda order: order.respond(error_msg="[251005]柜台忙")
    assert outcomes(user.auto_ipo()) == ["refused"] * 3
    seam.script = None
    assert outcomes(user.auto_ipo()) == ["accepted"] * 3
    assert [len(each) for each in numbers(user).values()] == [1, 1, 1]


def test_an_order_for_the_issue_from_elsewhere_blocks(user: SimTrader, seam: Seam) -> None:
    seam.script = lambda order: order.respond(error_msg="[251005]柜台忙")
    user.auto_ipo()
    seam.script = None
    assert user.trader.order_stock(user.account, CODES[0], 23, 500, 11, 15.60, "", "") > 0
    found = user.auto_ipo()
    assert outcomes(found) == ["refused", "accepted", "accepted"]
    assert "没有再次申购" in found[0]["message"]
    assert [len(each) for each in numbers(user).values()] == [1, 1, 1]


def test_an_order_by_hand_blocks_the_first_attempt(user: SimTrader, seam: Seam) -> None:
    assert user.trader.order_stock(user.account, CODES[0], 23, 500, 11, 15.60, "", "") > 0
    for _ in range(2):
        found = user.auto_ipo()
        assert outcomes(found) == ["not_sent", "accepted", "accepted"]
        assert found[0]["message"] == "没有再次申购，因为柜台还有这只的委托"
        assert (found[0]["entrust_no"], found[0]["client_order_id"]) == (-1, f"ipo:{DAY}:{CODES[0]}")
        assert [len(each) for each in numbers(user).values()] == [1, 1, 1]
    assert len(seam.orders) == 3


def test_an_order_by_hand_that_was_refused_blocks_nothing(user: SimTrader) -> None:
    user.terminal.trading_hours = True
    user.trader.order_stock(user.account, CODES[0], 23, 500, 11, 15.60, "", "")
    user.terminal.trading_hours = False
    assert outcomes(user.auto_ipo()) == ["accepted"] * 3


def test_an_order_by_hand_after_an_attempt_that_did_not_leave_blocks(user: SimTrader) -> None:
    user.risk.kill("测试")
    assert outcomes(user.auto_ipo()) == ["not_sent"] * 3
    user.risk.resume()
    assert user.trader.order_stock(user.account, CODES[0], 23, 500, 11, 15.60, "", "") > 0
    assert outcomes(user.auto_ipo()) == ["not_sent", "accepted", "accepted"]
    assert [len(each) for each in numbers(user).values()] == [1, 1, 1]


def test_the_counter_is_asked_once(user: SimTrader, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    request = user.terminal.request

    def keep(client: Any, name: str, *rest: Any) -> None:
        asked.append(name)
        request(client, name, *rest)

    monkeypatch.setattr(user.terminal, "request", keep)
    refused(user)
    for _ in range(2):
        asked.clear()
        assert outcomes(user.auto_ipo()) == ["accepted"] * 3
        assert asked.count("queryStockOrders") == 1


def test_a_counter_that_cannot_be_asked_blocks_the_first_attempt(
    user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = user.terminal.request

    def scripted(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders":
            client.answer(name, seq, None)
        else:
            request(client, name, seq, fields)

    monkeypatch.setattr(user.terminal, "request", scripted)
    found = user.auto_ipo()
    assert outcomes(found) == ["not_sent"] * 3
    assert all(each["message"].startswith("没有申购，因为查不到柜台的委托") for each in found)
    assert user.terminal.orders() == []


def test_a_counter_that_cannot_be_asked_blocks(user: SimTrader, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(user)
    connection, ask = user._live(), user._live().ask

    def fail(name: str, *args: Any) -> Any:
        if name == "query_stock_orders":
            raise QueryFailed("委托查询超时")
        return ask(name, *args)

    monkeypatch.setattr(connection, "ask", fail)
    found = user.auto_ipo()
    assert outcomes(found) == ["refused"] * 3
    assert all("委托查询超时" in each["message"] for each in found)
    assert len(user.terminal.orders()) == 3


def test_one_in_doubt_is_not_followed_by_another(user: SimTrader, seam: Seam) -> None:
    refused(user)

    def unanswered(order: Order) -> None:
        order.place()
        order.respond(order_id=-1)

    seam.script = unanswered
    assert outcomes(user.auto_ipo()) == ["in_doubt"] * 3
    found = user.auto_ipo()
    assert outcomes(found) == ["accepted"] * 3
    assert [each["client_order_id"] for each in found] == [f"ipo:{DAY}:{code}:2" for code in CODES]
    assert [[each["entrust_no"]] for each in found] == list(numbers(user).values())
    assert len(seam.orders) == 6


def test_threads_try_again_once(user: SimTrader) -> None:
    refused(user)
    found = in_threads(4, lambda at: user.auto_ipo())
    assert [outcomes(each) for each in found] == [["accepted"] * 3] * 4
    assert [len(each) for each in numbers(user).values()] == [1, 1, 1]


def test_a_refusal_while_nobody_listened(
    terminal: Terminal, new_user: Callable[..., SimTrader], seam: Seam
) -> None:
    terminal.trading_hours = True

    def silent(order: Order) -> None:
        order.place()
        order.respond()

    seam.script = silent
    for _ in range(2):
        user = new_user()
        user.connect(heartbeat_interval=0)
        found = user.auto_ipo()
        assert outcomes(found) == ["accepted"] * 3
        user.exit()
        seam.script, terminal.trading_hours = None, False
    assert [each["client_order_id"][-2:] for each in found] == [":2"] * 3
    assert len(terminal.orders()) == 6


# --- no connection -------------------------------------------------------------------------------


def test_limits_need_a_connection(user: SimTrader) -> None:
    assert user.purchase_limit == {"KCB": 5_500, "SH": 10_000, "SZ": 8_000}
    states = States(user)
    user.terminal.crash()
    states.wait_for("LOST")
    with pytest.raises(NotConnected):
        _ = user.purchase_limit
    with pytest.raises(NotConnected):
        user.auto_ipo()


def test_no_limits_are_believed_only_while_the_account_answers(
    user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = user.terminal
    request, limits = terminal.request, [[], [], None, None]

    def scripted(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryNewPurchaseLimit":
            client.answer(name, seq, limits.pop(0))
        else:
            request(client, name, seq, fields)

    monkeypatch.setattr(terminal, "request", scripted)
    assert user.purchase_limit == {}
    terminal.faults.log_out()
    for _ in range(2):
        with pytest.raises(QueryFailed):
            _ = user.purchase_limit
    terminal.faults.log_in()
    with pytest.raises(QueryFailed):
        _ = user.purchase_limit
    assert limits == []
