"""Every fault of the terminal: READY again by itself, and what happened meanwhile told once."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import ConnectError, InvalidArgument, NotConnected, OrderInDoubt, QueryFailed
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.terminal import STOCK_ACCOUNT
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard
from tests.rig import GatedPause, Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")


def numbers(rig: Rig) -> list[str]:
    """The counter's own trades."""
    return [row["traded_id"] for row in rig.terminal.trades()]


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


# --- what happened meanwhile ------------------------------------------------------------------------


def test_what_happened_while_down_is_told_once_marked_and_in_order(new_rig: NewRig) -> None:
    rig = new_rig(gated=True).connect()
    market = rig.terminal.market
    filled = rig.user.buy("600036", 35.0, 100)["entrust_no"]
    cancelled = rig.user.buy("000001", 11.0, 200)["entrust_no"]
    rig.user.drain()
    before = len(rig.orders())
    order_events = len(rig.heard.of("on_stock_order"))
    rig.terminal.faults.crash()
    rig.pause.until_waiting()  # type: ignore[attr-defined]
    market.set("600036", last=34.9)  # the resting order fills while we are away
    sysid = rig.terminal.order_by_hand("buy", "600000", 10.5, 300)
    other = next(row for row in rig.terminal.orders() if row["order_id"] == cancelled)
    assert other["order_status"] == 50
    rig.terminal.faults.restart()
    rig.pause.let_go()  # type: ignore[attr-defined]
    rig.ready(2)

    trades = rig.news.of("trade")
    assert [(row["order_sysid"] == sysid, row["recovered"]) for row in trades] == [
        (False, True),
        (True, True),
    ]
    assert [row["traded_id"] for row in trades] == numbers(rig)
    news = rig.news.of("order")[before:]
    assert {(row["order_id"], row["order_status"]) for row in news} == {(filled, 56), (0, 56)}
    assert all(row["recovered"] for row in news)
    assert [row["order_time"] for row in news] == sorted(row["order_time"] for row in news)
    # The callback got the vendor's own objects, as often.
    assert [one.traded_id for one in rig.heard.of("on_stock_trade")] == numbers(rig)
    assert len(rig.heard.of("on_stock_order")) - order_events == 2
    kinds = [name for name, _ in rig.news.calls if name in ("order", "trade", "state READY")]
    assert kinds[-5:] == ["state READY", "order", "order", "trade", "trade"]


def test_a_cancel_while_down_is_told_once(rig: Rig) -> None:
    number = rig.user.buy("600036", 30.0 + 3, 100)["entrust_no"]
    rig.user.drain()
    told = len(rig.orders())

    def cancel_at_the_counter(seconds: float) -> None:
        with rig.terminal._lock:
            rig.terminal.counter.cancel(STOCK_ACCOUNT, number, now=rig.terminal.now)
        rig.terminal.faults.restart()

    rig.pause.before_wait = cancel_at_the_counter
    rig.outage(rig.terminal.faults.crash)
    assert rig.orders()[told:] == [(number, 54, True)]
    for _ in range(3):
        rig.outage()
        rig.terminal.faults.replay_pushes()
    rig.user.drain()
    assert rig.orders()[told:] == [(number, 54, True)]


def test_nothing_is_told_twice_over_many_reconnects_and_replays(rig: Rig) -> None:
    faults = rig.terminal.faults
    faults.duplicate, faults.reorder = 2, True
    expected = 0
    for round_ in range(12):
        rig.user.buy("600036", 35.5, 100)
        expected += 1
        if round_ % 3 == 0:
            faults.disconnect(notify=False)
            rig.terminal.order_by_hand("buy", "000001", 11.4, 100)
            expected += 1
            rig.outage(rig.user.reconnect)
        else:
            rig.outage()
        faults.replay_pushes()
    rig.user.drain()
    told = [number for number, _ in rig.trades()]
    assert sorted(told) == sorted(numbers(rig))
    assert len(told) == expected
    steps: dict[Any, list[int]] = {}
    for row in rig.news.of("order"):
        steps.setdefault((row["order_id"], row["order_sysid"] if not row["order_id"] else ""), []).append(
            row["traded_volume"]
        )
    assert all(volumes == sorted(volumes) for volumes in steps.values())
    assert all(len(volumes) <= 3 for volumes in steps.values())


def test_pushes_that_come_before_ready_wait_for_it(rig: Rig) -> None:
    """A trade is pushed between the subscription and the snapshot's last answer: told once, after READY."""
    request = rig.terminal.request

    def trade_while_asked(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        request(client, name, seq, fields)
        if name == "queryStockTrades":
            rig.terminal.order_by_hand("buy", "600036", 35.5, 100)

    rig.terminal.request = trade_while_asked  # type: ignore[method-assign]
    seen: list[str] = []
    rig.user.on("trade", lambda row: seen.append(str(rig.user.state)))
    rig.outage()
    rig.news.wait_for("trade")
    rig.user.drain()
    assert [number for number, _ in rig.trades()] == numbers(rig)
    assert seen == ["READY"]


def test_the_first_connect_tells_nothing_of_what_was_there(terminal: Terminal, new_rig: NewRig) -> None:
    terminal.order_by_hand("buy", "600036", 35.5, 100)
    rig = new_rig().connect()
    assert rig.trades() == []
    rig.outage()
    terminal.faults.replay_pushes()
    rig.user.drain()
    assert (rig.trades(), rig.orders()) == ([], [])


def test_what_was_pushed_before_it_gave_up_is_told_all_the_same(rig: Rig) -> None:
    """A terminal that takes subscriptions, pushes, and never answers the queries."""
    rig.user.exit()
    rig.connect(max_reconnect_attempts=1, call_timeout=0.1)
    request = rig.terminal.request

    def push_and_swallow(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders":
            rig.terminal.order_by_hand("buy", "600036", 35.5, 100)
            return
        request(client, name, seq, fields)

    rig.terminal.request = push_and_swallow  # type: ignore[method-assign]
    rig.terminal.faults.disconnect()
    rig.wait_state("GAVE_UP")
    rig.news.wait_for("trade")
    rig.terminal.request = request  # type: ignore[method-assign]
    rig.user.reconnect()
    rig.news.wait_for("state READY", 3)
    rig.user.drain()
    assert [number for number, _ in rig.trades()] == numbers(rig)


def test_an_account_added_later_is_primed_by_itself(rig: Rig) -> None:
    terminal, connection = rig.terminal, rig.user._connection
    assert connection is not None
    terminal.counter.open_account("SIM0000000077", 2, cash=1e6)
    terminal.order_by_hand("buy", "600036", 35.5, 100, account_id="SIM0000000077")
    added = rig.user.add_account("SIM0000000077")
    rows: list[dict[str, Any]] = []
    rig.user.on("trade", rows.append)
    added.on("trade", rows.append)
    rig.user.drain()
    assert rows == [], "what it already had is not news"
    terminal.order_by_hand("buy", "600036", 35.5, 200, account_id="SIM0000000077")
    added.drain()

    def meanwhile(seconds: float) -> None:
        terminal.order_by_hand("buy", "600036", 35.5, 300, account_id="SIM0000000077")
        terminal.order_by_hand("buy", "600036", 35.5, 400)
        terminal.faults.restart()

    rig.pause.before_wait = meanwhile
    rig.outage(terminal.faults.crash)
    assert [(row["account_id"], row["traded_volume"], row["recovered"]) for row in rows] == [
        ("SIM0000000077", 200, False), (STOCK_ACCOUNT, 400, True), ("SIM0000000077", 300, True),
    ]  # fmt: skip
    terminal.settings.open_unknown_accounts = False
    with pytest.raises(Exception, match="订阅账户失败"):
        rig.user.add_account("9999")
    assert [account.account_id for account in connection.accounts] == [STOCK_ACCOUNT, "SIM0000000077"]


# --- the heartbeat -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["frozen", "restarted", "logged out"])
def test_the_heartbeat_finds_what_nobody_says(new_rig: NewRig, fault: str) -> None:
    rig = new_rig(gated=True)
    assert isinstance(rig.pause, GatedPause)
    rig.connect(heartbeat_interval=30, call_timeout=0.2)
    assert rig.pause.until_waiting() == 30.0
    rig.pause.let_go()
    assert rig.pause.until_waiting() == 30.0
    assert rig.readies == 1, "a live terminal passes the probe"
    faults = rig.terminal.faults
    if fault == "frozen":
        faults.freeze()
    elif fault == "restarted":
        faults.crash(notify=False)
        faults.restart()
    else:
        faults.log_out()
    rig.pause.let_go()
    lost = rig.wait_state("LOST")
    assert lost["reason"].startswith("心跳失败：资产查询")
    if fault != "restarted":
        assert rig.pause.until_waiting() == 5.0
        faults.clear()
        rig.pause.let_go()
    rig.ready(2)
    assert len(rig.heard.of("on_disconnected")) == 1
    assert rig.user.balance


def test_account_statuses_are_logged_with_their_meaning_even_while_down(
    new_rig: NewRig, log: list[str]
) -> None:
    rig = new_rig().connect()
    rig.terminal.push_account_status(0)
    rig.terminal.push_account_status(0)
    rig.terminal.push_account_status(3)
    rig.user.drain()
    assert [row["status"] for row in rig.news.of("account_status")] == [0, 0, 3]
    request = rig.terminal.request

    def status_while_asked(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockAsset" and rig.user.state == "SYNCING":
            rig.terminal.push_account_status(1)
            rig.terminal.faults.disconnect()
            rig.terminal.request = request  # type: ignore[method-assign]
        request(client, name, seq, fields)

    rig.terminal.request = status_while_asked  # type: ignore[method-assign]
    rig.pause.before_wait = lambda seconds: said.append([line for line in log if " 状态: " in line][-1])
    said: list[str] = []
    rig.outage()
    told = [line for line in log if " 状态: " in line]
    assert [line.split("状态: ")[1].split()[0] for line in told] == ["0", "3", "1"]
    assert told[1].startswith("WARNING")
    assert len(told[0].split()) >= 5, "the number is followed by its meaning"
    assert "状态: 1 " in said[0], "logged while the connection was not READY"


# --- giving up, stopping, connecting ---------------------------------------------------------------


def test_gave_up_then_reconnect(new_rig: NewRig) -> None:
    rig = new_rig().connect(max_reconnect_attempts=2)
    rig.terminal.faults.crash()
    rig.wait_state("GAVE_UP")
    with pytest.raises(NotConnected, match="已停止自动重连"):
        _ = rig.user.balance
    assert not rig.user.wait_ready(SOON)
    rig.terminal.faults.restart()
    rig.user.reconnect()
    assert rig.user.wait_ready(SOON)
    assert rig.user.balance


def test_stop_reconnect_wakes_the_wait(new_rig: NewRig) -> None:
    rig = new_rig(gated=True).connect()
    rig.terminal.faults.crash()
    rig.pause.until_waiting()  # type: ignore[attr-defined]
    rig.user.stop_reconnect()
    rig.wait_state("GAVE_UP")
    assert not rig.user.wait_ready(SOON)
    assert rig.clock.ticks == 50.0, "not one second of the wait had passed"


def test_without_reconnects_the_dead_session_is_closed(new_rig: NewRig, terminal: Terminal) -> None:
    rig = new_rig().connect(reconnect_enabled=False)
    rig.terminal.faults.disconnect()
    lost = rig.wait_state("LOST")
    assert lost["next_attempt_in"] is None
    assert not rig.user.wait_ready(SOON)
    rig.user.reconnect()
    assert rig.user.wait_ready(SOON)
    assert len(list(Path(terminal.home).glob("down_queue_*"))) == 1


def test_connect_raises_with_a_diagnosis_or_waits(new_rig: NewRig, terminal: Terminal) -> None:
    terminal.faults.refuse_connects(1)
    rig = new_rig()
    with pytest.raises(ConnectError) as caught:
        rig.user.connect(heartbeat_interval=0)
    assert caught.value.findings
    assert rig.user.state == "STOPPED"
    terminal.faults.refuse_connects(2)
    rig.connect(wait=60)
    assert rig.pause.waits[-2:] == [5.0, 5.0]


def test_a_missing_path_is_refused_before_anything_is_created(terminal: Terminal, tmp_path: Path) -> None:
    user = SimTrader(terminal=terminal)
    before = threading.active_count()
    with pytest.raises(InvalidArgument, match="没有创建任何文件"):
        user.connect(tmp_path / "nowhere" / "userdata_mini")
    assert not (tmp_path / "nowhere").exists()
    assert threading.active_count() == before


def test_an_interrupted_connect_leaves_nothing_behind(
    new_rig: NewRig, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while connect() hangs; ``no_leaks`` looks for threads."""
    terminal.faults.hang("connect")
    rig = new_rig()
    inside = threading.Event()
    wait_while_hanging = terminal.faults.wait_while_hanging

    def hang(call: str) -> None:
        inside.set()
        wait_while_hanging(call)

    monkeypatch.setattr(terminal.faults, "wait_while_hanging", hang)

    class Interrupted(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert inside.wait(SOON)
            raise KeyboardInterrupt

    supervisor = "easytrader_qmt.miniqmt.supervisor.Supervisor"
    import easytrader_qmt.miniqmt.supervisor as module

    original = module.Supervisor.__init__

    def patched(self: Any, *args: Any, **words: Any) -> None:
        original(self, *args, **words)
        self._first_done = Interrupted()

    monkeypatch.setattr(f"{supervisor}.__init__", patched)
    with pytest.raises(KeyboardInterrupt):
        rig.user.connect(heartbeat_interval=0, connect_timeout=3600)
    assert rig.user.state == "STOPPED"
    terminal.faults.release()


def test_the_log_of_a_connect_and_an_outage_is_the_documents(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig().connect()
    rig.outage()
    rig.user.exit()
    text = [line for line in log if not line.startswith("DEBUG")]
    expected = [
        "INFO 正在连接到 MiniQMT（仿真终端，不是真实交易）...",
        f"INFO MiniQMT 路径: {rig.terminal.home}",
        f"INFO 资金账号: {STOCK_ACCOUNT}",
        "INFO 自动重连: 启用",
        "INFO 重连间隔: 5 秒",
        "INFO 最大重连次数: 无限",
        "INFO 创建 XtQuantTrader 实例，会话ID: 100",
        "INFO 正在尝试连接...",
        f"INFO ✓ 成功连接到 MiniQMT, 账号: {STOCK_ACCOUNT}",
        f"INFO ✓ 已订阅账户: {STOCK_ACCOUNT}",
        "WARNING MiniQMT 连接已断开",
        "INFO 准备触发自动重连...",
        "WARNING 第 1 次重连尝试 (间隔 5 秒)...",
        "INFO 正在连接到 MiniQMT...",
        f"INFO ✓ 成功连接到 MiniQMT, 账号: {STOCK_ACCOUNT}",
        "INFO 重连成功！",
    ]
    position = -1
    for line in expected:
        position = text.index(line, position + 1)


def test_ten_hours_down_are_a_page_of_log_from_the_whole_stack(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig().connect(reconnect_interval=60)
    ten_hours = 36_000.0

    def wait(seconds: float) -> None:
        if rig.clock.ticks > 50.0 + ten_hours:
            rig.terminal.faults.restart()

    rig.pause.before_wait = wait
    log.clear()
    rig.outage(rig.terminal.faults.crash)
    assert rig.clock.ticks > ten_hours
    assert len(log) < 200, len(log)


# --- a hundred in a row -----------------------------------------------------------------------------


def measured(terminal: Terminal) -> dict[str, int]:
    gc.collect()
    home = Path(terminal.home)
    found = {
        "threads": threading.active_count(),
        "queues": len(list(home.glob("*_queue_*"))),
        "ids": len({path.stem for path in (home / "easytrader_qmt").glob("session_*")}),
    }
    if os.path.isdir("/proc/self/fd"):
        found["files"] = len(os.listdir("/proc/self/fd"))
    return found


def test_a_hundred_outages_in_a_row_leave_everything_as_before(rig: Rig) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    faults = rig.terminal.faults

    def break_it(number: int) -> Callable[[], object]:
        def silently() -> None:
            faults.disconnect(notify=False)
            rig.user.reconnect()

        def crash() -> None:
            rig.pause.before_wait = lambda seconds: faults.restart()
            faults.crash()

        return [faults.disconnect, silently, crash][number % 3]

    for number in range(25):  # every id of the pool was used once, every cache is filled
        rig.outage(break_it(number))
    before = measured(rig.terminal)
    tracemalloc.start()
    memory = tracemalloc.get_traced_memory()[0]
    kept = len(rig.news.calls) + len(rig.heard.calls)
    for number in range(100):
        rig.terminal.order_by_hand("buy", "600036", 35.5, 100)
        rig.outage(break_it(number))
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    after = measured(rig.terminal)
    print(
        before,
        after,
        f"{grown / 1024:.0f} KiB, {len(rig.news.calls) + len(rig.heard.calls) - kept} rows kept",
    )
    assert rig.readies == 126, "exactly one READY each"
    assert after == before
    assert after["ids"] <= 20
    # The test itself keeps every row and the counter every order: what is left for us must be small.
    assert grown < 8 * 1024 * 1024
    assert sorted(number for number, _ in rig.trades()) == sorted(numbers(rig))


def test_two_traders_side_by_side_do_not_disturb_each_other(new_rig: NewRig, terminal: Terminal) -> None:
    one, two = new_rig().connect(), new_rig().connect()
    assert terminal.clients == 2
    one.user.buy("600036", 35.5, 100)
    two.news.wait_for("trade")
    one.outage()
    two.ready(2)
    one.user.exit()
    assert two.user.balance
    assert terminal.clients == 1
    two.outage()
    assert [number for number, _ in two.trades()] == numbers(two)
