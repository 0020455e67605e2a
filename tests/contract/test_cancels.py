"""Cancels: by number, by the counter's number, all at once; twice, too late, without an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder, NotConnected
from easytrader_qmt.miniqmt import cancels
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.facade import Heard, States
from tests.seam import Seam

NewUser = Callable[..., SimTrader]
DONE = {"success": True, "message": "success"}


def rest(user: SimTrader, code: str = "600036", price: float = 35.0) -> int:
    """An order that waits in the book; its number."""
    number: int = user.buy(code, price, 100)["entrust_no"]
    return number


def statuses(user: SimTrader) -> list[str]:
    return [row["order_status_name"] for row in user.today_entrusts]


# --- one -----------------------------------------------------------------------------------------


def test_a_second_cancel_says_what_is_true(user: SimTrader) -> None:
    number = rest(user)
    assert user.cancel_entrust(number) == DONE
    again = user.cancel_entrust(number)
    assert again["success"] is True
    assert "已撤" in again["message"]
    assert "[COUNTER]" in again["message"]
    assert statuses(user) == ["已撤"]


def test_a_partly_filled_order(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("600036", ask1=35.5, ask1_volume=100)
    number = user.buy("600036", 35.5, 300)["entrust_no"]
    assert user.cancel_entrust(number) == DONE
    assert user.cancel_entrust(number)["success"] is True
    assert statuses(user) == ["部撤"]
    assert user.position[0]["volume"] == 100


@pytest.mark.parametrize(("price", "said"), [(35.5, "已成"), (None, "废单")])
def test_an_order_that_has_ended_otherwise(price: float | None, said: str, user: SimTrader) -> None:
    answer = user.buy("600036", price, 100) if price else user.sell("600036", 35.4, 100)
    cancelled = user.cancel_entrust(answer["entrust_no"])
    assert cancelled["success"] is False
    assert said in cancelled["message"]
    assert "[COUNTER]" in cancelled["message"]


@pytest.mark.parametrize("number", [-1, "-1", -1.0])
def test_the_number_of_a_refused_order(number: Any, user: SimTrader, seam: Seam) -> None:
    assert user.buy("600999", 10.0, 100)["entrust_no"] == -1
    answer = user.cancel_entrust(number)
    assert answer["success"] is False
    assert "没有被受理" in answer["message"]
    assert seam.cancels == []


def test_a_number_that_a_frame_has_made_a_float(user: SimTrader, seam: Seam) -> None:
    number = rest(user)
    assert user.cancel_entrust(float(number)) == DONE  # type: ignore[arg-type]
    assert user.order(float(number))["order_status_name"] == "已撤"  # type: ignore[arg-type, index]


def test_an_order_nobody_knows(user: SimTrader) -> None:
    answer = user.cancel_entrust(987654)
    assert answer["success"] is False
    assert "未找到" in answer["message"]


def test_a_cancel_that_is_already_under_way(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancels, "_REASON_SECONDS", 0.01)
    number = rest(user)
    monkeypatch.setattr(seam.terminal, "request", refused_cancels(seam, status=51))
    answer = user.cancel_entrust(number)
    assert answer["success"] is True
    assert "已报待撤" in answer["message"]


def refused_cancels(seam: Seam, *, status: int, text: str = "") -> Callable[..., None]:
    """A terminal that refuses each cancel, with or without a text, and lists orders with this status."""
    request = seam.terminal.request

    def answer(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "cancelOrderStock":
            seam.cancels.append(fields)
            said = {**fields, "cancel_result": -1, "error_msg": text}
            client.answer(name, seq, said)
        elif name == "queryStockOrders":
            rows = [{**row, "order_status": status} for row in seam.terminal.orders()]
            client.answer(name, seq, rows)
        else:
            request(client, name, seq, fields)

    return answer


def test_a_refusal_without_any_reason(user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancels, "_REASON_SECONDS", 0.01)
    number = rest(user)
    monkeypatch.setattr(seam.terminal, "request", refused_cancels(seam, status=50))
    assert user.cancel_entrust(number) == {"success": False, "message": "failed"}


def test_a_reason_that_comes_as_a_push_of_its_own(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = rest(user)
    refuse = refused_cancels(seam, status=50)

    def request(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        refuse(client, name, seq, fields)
        if name == "cancelOrderStock":
            error = {**fields, "error_id": -61, "error_msg": "撤单 [COUNTER] [1][柜台忙]"}
            client.push("cancel_error", error)

    monkeypatch.setattr(seam.terminal, "request", request)
    assert user.cancel_entrust(number) == {"success": False, "message": "撤单 [COUNTER] [1][柜台忙]"}


def test_a_cancel_without_an_answer(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    number = rest(user)
    terminal.faults.freeze()
    answer = user.cancel_entrust(number)
    assert answer["success"] is False
    assert "结果未知" in answer["message"]
    terminal.faults.thaw()
    assert user.cancel_entrust(number)["success"] is True
    assert statuses(user) == ["已撤"]


def test_a_cancel_while_the_connection_breaks(new_user: NewUser, terminal: Terminal, seam: Seam) -> None:
    user = new_user()
    user.connect(reconnect_enabled=False)
    number = rest(user)
    states = States(user)
    request = terminal.request

    def cut(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "cancelOrderStock":
            terminal.faults.disconnect()
        else:
            request(client, name, seq, fields)

    terminal.request = cut  # type: ignore[method-assign]
    assert "结果未知" in user.cancel_entrust(number)["message"]
    states.wait_for("LOST")
    with pytest.raises(NotConnected) as caught:
        user.cancel_entrust(number)
    assert caught.value.sent is False


def test_a_number_out_of_a_frame(user: SimTrader) -> None:
    rest(user)
    [number] = user.today_entrusts.df["order_id"]
    assert user.cancel_entrust(number) == DONE


# --- by the counter's number ----------------------------------------------------------------------------


@pytest.mark.parametrize("market", ["SH", " sh ", 0])
def test_an_order_placed_by_hand(market: Any, user: SimTrader, terminal: Terminal, seam: Seam) -> None:
    sysid = terminal.order_by_hand("buy", "600036", 35.0, 100)
    assert user.today_entrusts[0]["order_id"] == 0
    assert user.cancel_sysid(sysid, market) == DONE
    assert (seam.cancels[0]["order_sysid"], seam.cancels[0]["market"]) == (sysid, 0)
    again = user.cancel_sysid(sysid, market)
    assert (again["success"], "已撤" in again["message"]) == (True, True)
    assert user.cancel_sysid("no such", "SZ")["success"] is False


@pytest.mark.parametrize(
    ("sysid", "market", "field"),
    [
        (None, "SH", "order_sysid"),
        ("", "SH", "order_sysid"),
        ("x" * 24, "SH", "order_sysid"),
        ("编号", "SH", "order_sysid"),
        ("a\x00", "SH", "order_sysid"),
        (5, "SH", "order_sysid"),
        ("1", "HK", "market"),
        ("1", None, "market"),
        ("1", 7, "market"),
        ("1", 1.0, "market"),
        ("1", True, "market"),
        ("1", [0], "market"),
    ],
)
def test_what_cannot_name_an_order(sysid: Any, market: Any, field: str, user: SimTrader, seam: Seam) -> None:
    with pytest.raises(InvalidOrder) as caught:
        user.cancel_sysid(sysid, market)
    assert (caught.value.field, caught.value.sent) == (field, False)
    assert seam.cancels == []


@pytest.mark.parametrize("number", ["9" * 5000, 2**31, "-5", "1.5", b"5", [5], 5.5, 2.0**31])
def test_what_is_no_order_number(number: Any, user: SimTrader, seam: Seam) -> None:
    with pytest.raises(InvalidOrder, match="entrust_no"):
        user.cancel_entrust(number)
    assert seam.cancels == []


# --- all -----------------------------------------------------------------------------------------


def test_everything_that_can_be_is_cancelled(user: SimTrader, terminal: Terminal) -> None:
    first, second = rest(user), rest(user, "000001", 11.0)
    user.buy("600036", 35.5, 100)
    sysid = terminal.order_by_hand("buy", "600036", 34.9, 100)
    answers = user.cancel_all()
    assert [answer["entrust_no"] for answer in answers] == [first, second, 0]
    assert answers[2]["order_sysid"] == sysid
    assert all(answer["success"] for answer in answers)
    assert statuses(user) == ["已撤", "已撤", "已成", "已撤"]
    assert user.cancel_all() == []


def test_all_of_one_security(user: SimTrader) -> None:
    first, second = rest(user), rest(user, "000001", 11.0)
    assert [answer["entrust_no"] for answer in user.cancel_all("sh600036")] == [first]
    assert [row["order_id"] for row in user.cancel_entrusts] == [second]
    with pytest.raises(InvalidOrder):
        user.cancel_all("xx")


def test_all_are_asked_for_before_any_is_waited_for(
    new_user: NewUser, terminal: Terminal, seam: Seam
) -> None:
    """A frozen terminal holds up all of them together, not each in turn."""
    user = new_user()
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    for _ in range(20):
        rest(user)
    request = terminal.request

    def freeze_first(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "cancelOrderStock" and not seam.cancels:
            terminal.faults.freeze()
        request(client, name, seq, fields)

    terminal.request = freeze_first  # type: ignore[method-assign]
    answers = user.cancel_all()
    assert len(answers) == len(seam.cancels) == 20
    assert all("结果未知" in answer["message"] for answer in answers)
    terminal.faults.thaw()
    user.drain()
    assert set(statuses(user)) == {"已撤"}


def test_a_connection_lost_half_way_is_an_answer(new_user: NewUser, terminal: Terminal, seam: Seam) -> None:
    user = new_user()
    user.connect(reconnect_enabled=False)
    for _ in range(3):
        rest(user)
    session = user._live().ready()
    send = session.send

    def cut(name: str, *args: Any) -> Any:
        if len(seam.cancels) == 1:
            session.detach("连接已断开")
        return send(name, *args)

    session.send = cut  # type: ignore[method-assign]
    answers = user.cancel_all()
    assert len(answers) == 3
    assert len(seam.cancels) == 1
    assert [answer["success"] for answer in answers[1:]] == [False, False]
    assert all("没有发送" in answer["message"] for answer in answers[1:])


def test_the_rate_limit_slows_them_down_instead_of_stopping_them(new_user: NewUser, seam: Seam) -> None:
    clock = FakeClock()
    user = new_user(clock=clock)
    user.connect(risk={"rate": 10, "burst": 5}, heartbeat_interval=0)
    for _ in range(5):
        rest(user)
    answers = user.cancel_all()
    assert [answer["success"] for answer in answers] == [True] * 5
    assert sum(clock.slept) == pytest.approx(0.5, abs=0.01)
    assert len(seam.cancels) == 5


def test_one_cancel_waits_a_moment_for_the_rate_limit(new_user: NewUser, seam: Seam) -> None:
    clock = FakeClock()
    user = new_user(clock=clock)
    user.connect(risk={"rate": 0.5, "burst": 1}, heartbeat_interval=0)
    number = rest(user)
    with pytest.raises(InvalidOrder) as caught:
        user.cancel_entrust(number)
    assert (caught.value.field, caught.value.rule, seam.cancels) == ("risk", "rate", [])
    clock.pass_(1.5)
    assert user.cancel_entrust(number) == DONE
    assert clock.slept == [pytest.approx(0.5)]


def test_cancels_inside_a_handler(user: SimTrader, terminal: Terminal) -> None:
    heard = Heard()
    resting = rest(user, "000001", 11.0)
    user.on("trade", lambda trade: heard.keep("on_cancel", user.cancel_entrust(resting)))
    user.buy("600036", 35.5, 100)
    assert heard.wait_for("on_cancel") == [DONE]


# --- answers that say little ---------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, "0", 0.0])
def test_the_number_of_an_order_by_hand(number: Any, user: SimTrader, seam: Seam) -> None:
    """A loop over today's orders must not end at the first one that a person placed."""
    answer = user.cancel_entrust(number)
    assert answer["success"] is False
    assert "cancel_sysid" in answer["message"]
    assert seam.cancels == []


def answered(seam: Seam, said: dict[str, Any], *, lists: bool = True) -> Callable[..., None]:
    """A terminal that answers cancels like this, and order lists not at all unless ``lists``."""
    request = seam.terminal.request

    def answer(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "cancelOrderStock":
            client.answer(name, seq, {**fields, "error_msg": "", **said})
        elif name == "queryStockOrders" and not lists:
            client.answer(name, seq, None)
        else:
            request(client, name, seq, fields)

    return answer


def test_a_minus_one_without_a_reason_or_a_list_is_unknown(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is dead says the same."""
    monkeypatch.setattr(cancels, "_REASON_SECONDS", 0.01)
    number = rest(user)
    monkeypatch.setattr(seam.terminal, "request", answered(seam, {"cancel_result": -1}, lists=False))
    answer = user.cancel_entrust(number)
    assert answer["success"] is False
    assert answer["message"].startswith(cancels.UNKNOWN_CANCEL)


class Odd:
    """A response of a bridge that imitates the terminal."""

    error_msg = ""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    ("response", "success", "said"),
    [
        (Odd(cancel_result=False), True, "已是已撤"),  # as the list says; not because False == 0
        (Odd(cancel_result=True), True, "success"),
        (Odd(), False, cancels.UNKNOWN_CANCEL),
    ],
)
def test_an_answer_of_another_kind(
    response: Odd, success: bool, said: str, user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancels, "_REASON_SECONDS", 0.01)
    numbers = [rest(user), rest(user)]
    monkeypatch.setattr(cancels, "settled", lambda *args: response)
    told = user.cancel_all()
    assert [each["entrust_no"] for each in told] == numbers, "one answer that cannot be read costs no other"
    for each in told:
        assert each["success"] is success
        assert said in each["message"]


def test_a_bare_code_of_two_securities_means_both(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.add("163402.SZ", name="同号", prev_close=1.0, kind="fund")
    number = rest(user, "163402.SZ", 1.0)
    assert user.cancel_all("163402.SH") == []
    assert [answer["entrust_no"] for answer in user.cancel_all("163402")] == [number]
    assert user.cancel_all("163402") == []
