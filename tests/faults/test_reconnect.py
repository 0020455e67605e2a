"""Every fault of the terminal: READY again by itself, and no answer that is not one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import NotConnected, OrderInDoubt, QueryFailed
from tests.facade import SOON, Heard
from tests.rig import GatedPause, Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")


# --- outages that end by themselves ---------------------------------------------------------------


def test_a_disconnect_is_one_reconnect(rig: Rig) -> None:
    again = rig.outage()
    assert rig.states == [
        "CONNECTING", "SYNCING", "READY", "LOST", "CONNECTING", "SYNCING", "READY",
    ]  # fmt: skip
    assert (again["attempt"], again["next_attempt_in"]) == (1, None)
    assert rig.pause.waits == [], "the first attempt is made at once"
    assert rig.user.balance
    assert len(rig.heard.of("on_disconnected")) == 1
    assert len(rig.heard.of("on_connected")) == 2


def test_refused_connects_are_tried_again_each_interval(rig: Rig) -> None:
    def fault() -> None:
        rig.terminal.faults.refuse_connects(3)
        rig.terminal.faults.disconnect()

    again = rig.outage(fault)
    assert rig.pause.waits == [5.0, 5.0, 5.0]
    assert again["attempt"] == 4
    assert len(rig.heard.of("on_disconnected")) == 1, "an outage, not an attempt"
    lost = [row for row in rig.news.of("state") if row["state"] == "LOST"]
    assert [row["next_attempt_in"] for row in lost] == [0.0, 5.0, 5.0, 5.0]
    assert lost[0]["reason"] == "终端断开连接"
    assert lost[1]["reason"] == "connect() 返回 -1"


def test_a_crash_and_a_restart(rig: Rig) -> None:
    rig.pause.before_wait = lambda seconds: rig.terminal.faults.restart()
    rig.outage(rig.terminal.faults.crash)
    assert rig.pause.waits == [5.0]
    assert rig.user.buy("600036", 35.5, 100)["entrust_no"] > 0


def test_a_logged_out_account_is_not_ready_however_it_connects(rig: Rig) -> None:
    """A terminal that says yes to connect and knows nothing: the shape of a morning restart."""

    def fault() -> None:
        rig.terminal.faults.log_out()
        rig.terminal.faults.disconnect()

    rig.pause.before_wait = lambda seconds: (
        rig.terminal.faults.log_in() if len(rig.pause.waits) == 3 else None
    )
    rig.outage(fault)
    assert rig.pause.waits == [5.0, 5.0, 5.0]
    assert "订阅账户失败" in [row["reason"] for row in rig.news.of("state") if row["state"] == "LOST"][1]


@pytest.mark.parametrize("call", ["connect", "subscribe", "stop"])
def test_a_hung_call_is_abandoned_and_the_bot_comes_back(new_rig: NewRig, call: str, log: list[str]) -> None:
    rig = new_rig().connect(connect_timeout=0.05, call_timeout=0.3, stop_timeout=0.05)

    def fault() -> None:
        rig.terminal.faults.hang(call)
        rig.terminal.faults.disconnect()

    def release(seconds: float) -> None:
        rig.terminal.faults.release()

    rig.pause.before_wait = release
    rig.outage(fault)
    assert rig.user.balance
    if call == "stop":
        assert any("没有在期限内停止" in line for line in log)
    else:
        assert any(f"{call}() 在" in row["reason"] for row in rig.news.of("state"))


def test_a_stop_that_hangs_does_not_delay_the_new_session(new_rig: NewRig) -> None:
    """Its deadline is an hour, and passes for nobody."""
    rig = new_rig().connect(stop_timeout=3600)
    rig.terminal.faults.hang("stop")
    rig.terminal.faults.disconnect()
    rig.news.wait_for("state READY", 2)
    assert rig.user.balance
    assert len(list(Path(rig.terminal.home).glob("down_queue_*"))) == 2
    rig.terminal.faults.release()
    rig.ready(2)
    assert len(list(Path(rig.terminal.home).glob("down_queue_*"))) == 1, "stopped and cleaned up all the same"


def test_the_only_id_is_given_back_before_it_is_used_again(new_rig: NewRig) -> None:
    rig = new_rig().connect(session_id=7)
    for _ in range(3):
        rig.outage()
    assert rig.user.balance
    assert rig.pause.waits == [3.0, 3.0, 3.0]


def test_more_hung_stops_than_ids_and_the_bot_still_comes_back(new_rig: NewRig, log: list[str]) -> None:
    """Each outage leaves a session that hangs; when the pool is used up the oldest id is used again."""
    rig = new_rig().connect(stop_timeout=0.02, session_ids=(100, 103))
    rig.terminal.faults.hang("stop")
    for _ in range(9):
        rig.outage()
        assert rig.user.balance
    assert rig.readies == 10
    home = Path(rig.terminal.home)
    assert len(list(home.glob("down_queue_*"))) <= 4
    told = [line for line in log if "没有在期限内停止" in line]
    assert 1 <= len(told) <= 10
    rig.terminal.faults.release()
    rig.user.exit()
    deadline = threading.Event()
    for _ in range(200):
        if not list(home.glob("down_queue_*")):
            break
        deadline.wait(0.02)
    assert list(home.glob("down_queue_*")) == [], "what came back late was cleaned up"


def test_a_path_that_is_missing_is_waited_for_and_never_created(rig: Rig) -> None:
    home = Path(rig.terminal.home)
    away = home.with_name("away")
    said: list[str] = []

    def fault() -> None:
        os.rename(home, away)
        rig.terminal.faults.disconnect()

    def look(seconds: float) -> None:
        assert not home.exists()
        said.append(rig.news.of("state")[-1]["state"])
        if len(rig.pause.waits) == 4:
            os.rename(away, home)

    rig.pause.before_wait = look
    before = rig.terminal.clients
    rig.outage(fault)
    assert before == 1
    assert rig.pause.waits == [5.0] * 4
    reasons = [row["reason"] for row in rig.news.of("state") if row["state"] == "LOST"]
    assert all(reason.startswith("路径不存在") for reason in reasons[1:])
    assert not (home.parent / "away").exists()
    rig.pause.before_wait = lambda seconds: None
    for _ in range(20):  # what lay in the folder while it was away is cleaned up when its id is used again
        rig.outage()
    assert len(list(home.glob("down_queue_*"))) == 1


def test_a_loss_while_the_state_is_asked_for_is_one_more_attempt(rig: Rig) -> None:
    """The terminal goes away between connect and the last answer."""
    asked: list[str] = []
    request = rig.terminal.request

    def drop_once(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        asked.append(name)
        if name == "queryStockOrders" and asked.count(name) == 1:
            rig.terminal.faults.disconnect()
            return
        request(client, name, seq, fields)

    rig.terminal.request = drop_once  # type: ignore[method-assign]
    rig.outage()
    assert rig.pause.waits == [5.0]
    assert rig.readies == 2


def test_an_answer_while_down_is_never_taken_for_an_empty_account(new_rig: NewRig) -> None:
    """Silently dropped: the client answers ``[]`` or ``None`` by itself, as the real one does."""
    for answer in ("empty", "none"):
        rig = new_rig().connect()
        rig.user.buy("600036", 35.5, 100)
        rig.terminal.faults.answer_while_down = answer
        rig.terminal.faults.disconnect(notify=False)
        for ask in ("balance", "position", "today_entrusts", "today_trades", "cancel_entrusts"):
            with pytest.raises(QueryFailed):
                getattr(rig.user, ask)
        rig.user.reconnect()
        rig.ready(2)
        assert rig.user.today_trades
        rig.leave()


def test_a_logged_out_terminal_is_never_taken_for_an_empty_account(rig: Rig) -> None:
    rig.user.buy("600036", 35.5, 100)
    for answer in ("empty", "none"):
        rig.terminal.faults.log_out(answer)
        for ask in ("balance", "position", "today_entrusts", "today_trades"):
            with pytest.raises(QueryFailed):
                getattr(rig.user, ask)
    rig.terminal.faults.log_in()
    assert rig.user.position


# --- while down ------------------------------------------------------------------------------------


def test_while_down_every_call_is_refused_at_once_saying_how_long_and_when(new_rig: NewRig) -> None:
    rig = new_rig(gated=True).connect(reconnect_interval=30)
    rig.terminal.faults.crash()
    assert isinstance(rig.pause, GatedPause)
    assert rig.pause.until_waiting() == 30.0
    rig.clock.pass_(12.0)
    orders = len(rig.terminal.orders())
    calls: list[Callable[[], Any]] = [
        lambda: rig.user.buy("600036", 35.5, 100),
        lambda: rig.user.market_sell("600036", 100),
        lambda: rig.user.cancel_entrust(1),
        lambda: rig.user.balance,
        lambda: rig.user.position,
        lambda: rig.user.today_entrusts,
        lambda: rig.user.trader,
    ]
    for call in calls:
        with pytest.raises(NotConnected) as caught:
            call()
        assert "已断开 12 秒，下一次重连在 18 秒后" in str(caught.value)
        assert caught.value.sent is False
    assert rig.user.state == "LOST"
    rig.terminal.faults.restart()
    rig.pause.let_go()
    rig.ready(2)
    assert len(rig.terminal.orders()) == orders, "nothing was queued"


def test_a_loss_fails_what_is_in_flight_at_once(new_rig: NewRig) -> None:
    """No deadline is waited for: call_timeout is an hour here."""
    rig = new_rig(gated=True).connect(call_timeout=3600)
    sent, outcome = threading.Event(), Heard()
    request = rig.terminal.request

    def swallow(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name in ("orderStock", "queryStockAsset"):
            sent.set()
            return
        request(client, name, seq, fields)

    rig.terminal.request = swallow  # type: ignore[method-assign]

    def ask(name: str, call: Callable[[], Any]) -> None:
        try:
            outcome.keep(name, call())
        except Exception as error:
            outcome.keep(name, error)

    for name, call in (
        ("order", lambda: rig.user.buy("600036", 35.5, 100)),
        ("query", lambda: rig.user.balance),
    ):
        sent.clear()
        threading.Thread(target=ask, args=(name, call), daemon=True).start()
        assert sent.wait(SOON)
    rig.terminal.request = request  # type: ignore[method-assign]
    rig.terminal.faults.refuse_connects(1)
    rig.terminal.faults.disconnect()
    assert isinstance(outcome.wait_for("query")[0], QueryFailed)
    assert isinstance(outcome.wait_for("order")[0], OrderInDoubt)
    rig.pause.until_waiting()  # type: ignore[attr-defined]
