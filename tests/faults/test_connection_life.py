"""The heartbeat, giving up, connecting for the first time, and the log of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import ConnectError, InvalidArgument, NotConnected
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT, STOCK_ACCOUNT
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON
from tests.rig import GatedPause, Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")


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


def test_a_loss_names_the_account_that_does_not_answer(new_rig: NewRig) -> None:
    """One account that is logged out takes the connection from all of them: the user must see which it is."""
    rig = new_rig(gated=True).connect(heartbeat_interval=30)
    assert isinstance(rig.pause, GatedPause)
    rig.user.add_account(account_type="CREDIT")
    request = rig.terminal.request
    silent = {"queryStockAsset"}

    def logged_out(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if fields.get("account_id") == CREDIT_ACCOUNT and name in silent:
            client.answer(name, seq, -1 if name == "subscribe" else [])
        else:
            request(client, name, seq, fields)

    rig.terminal.request = logged_out  # type: ignore[method-assign]
    rig.pause.until_waiting()
    rig.pause.let_go()
    rig.news.wait_for("state LOST", 2)
    rig.pause.until_waiting()
    silent.add("subscribe")
    rig.pause.let_go()
    reasons = [row["reason"] for row in rig.news.wait_for("state LOST", 3)]
    assert [reason.split("：")[0] for reason in reasons] == ["心跳失败", "资产查询失败", "订阅账户失败"]
    assert all(reason.endswith(f"账户 {CREDIT_ACCOUNT}") for reason in reasons), reasons


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
