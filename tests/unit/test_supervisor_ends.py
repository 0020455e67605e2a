"""The reconnect thread stopped, while down, probing, surviving errors; and what it writes to the log."""

from __future__ import annotations

import threading
from collections.abc import Callable

from easytrader_qmt.miniqmt.policy import State, worth_telling
from easytrader_qmt.miniqmt.supervisor import Halted
from tests.facade import SOON, on_a_thread
from tests.supervising import Supervised

NewRig = Callable[..., Supervised]


# --- stopping ------------------------------------------------------------------------------------


def test_stop_reconnect_ends_a_wait_at_once_and_for_good(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0).ready()
    rig.fail = 99
    rig.pause.before_wait = lambda seconds: (
        rig.supervisor.stop_reconnect() if len(rig.pause.waits) == 2 else None
    )
    rig.lose()
    rig.wait_for(State.GAVE_UP)
    assert [at for _, _, at in rig.attempts] == [0.0, 5.0]
    assert not rig.supervisor.wait_ready(SOON)
    # By hand it still connects, but a later loss is left alone.
    rig.fail = 0
    rig.supervisor.reconnect()
    assert rig.supervisor.wait_ready(SOON)
    rig.forget()
    rig.lose()
    assert rig.wait_for(State.LOST).next_attempt_in is None
    assert not rig.supervisor.wait_ready(SOON)
    assert rig.attempts == []


def test_stop_reconnect_during_an_attempt_lets_it_end_and_makes_no_other(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    rig.fail = 1
    rig.during = lambda number: rig.supervisor.stop_reconnect()
    rig.lose()
    rig.wait_for(State.GAVE_UP)
    assert len(rig.attempts) == 1
    assert rig.pause.waits == []


def test_without_automatic_reconnects_a_loss_is_told_and_left(new_rig: NewRig) -> None:
    rig = new_rig(enabled=False).ready()
    rig.lose()
    lost = rig.wait_for(State.LOST)
    assert (lost.reason, lost.next_attempt_in) == ("终端断开连接", None)
    assert not rig.supervisor.wait_ready(SOON)
    assert "可调用 user.reconnect() 重连" in rig.supervisor.describe_down()
    rig.fail = 1
    rig.supervisor.reconnect()
    rig.wait_for(State.GAVE_UP)
    assert len(rig.attempts) == 1, "by hand is one attempt"
    assert not rig.supervisor.wait_ready(SOON)
    rig.supervisor.reconnect()
    assert rig.supervisor.wait_ready(SOON)
    assert rig.let_go


def test_a_wish_that_nobody_can_fulfil_any_more_keeps_nobody_waiting(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    rig.fail = 1

    def leave(number: int) -> None:
        rig.supervisor.reconnect()
        assert on_a_thread(lambda: rig.supervisor.halt() or rig.supervisor.wait_ready(None)) is False

    rig.during = leave
    rig.lose()
    rig.wait_for(State.STOPPED)
    assert on_a_thread(lambda: rig.supervisor.wait_ready(None)) is False


def test_the_end_of_the_old_session_cannot_cost_the_new_one(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig().ready()

    def leaves() -> None:
        raise SystemExit("bridge")

    rig.supervisor._replaced = leaves
    rig.pause.rested.clear()
    rig.lose()
    rig.wait_for(State.READY)
    assert rig.pause.rested.wait(SOON)
    assert rig.states == ["LOST", "CONNECTING", "SYNCING", "READY"]
    assert any("结束旧会话" in line for line in log)


def test_stop_ends_a_wait_inside_an_attempt(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    halted: list[bool] = []

    def lease(number: int) -> None:
        rig.pause.before_wait = lambda seconds: rig.supervisor.halt()
        try:
            rig.supervisor.pause(3.0)
            rig.supervisor.pause(3.0)
        except Halted:
            halted.append(True)
            raise

    rig.during = lease
    rig.lose()
    rig.wait_for(State.STOPPED)
    assert halted == [True]
    assert rig.supervisor.stop(SOON)


# --- while down, heartbeat, robustness ------------------------------------------------------------


def test_while_down_it_says_for_how_long_and_when_the_next_attempt_is(new_rig: NewRig) -> None:
    rig = new_rig(interval=30.0).ready()
    said: list[str] = []
    rig.fail = 2
    rig.during = lambda number: said.append(rig.supervisor.describe_down())
    rig.pause.before_wait = lambda seconds: said.append(rig.supervisor.describe_down())
    rig.lose()
    rig.wait_for(State.READY)
    assert said == [
        "已断开 0 秒，正在重连",
        "已断开 0 秒，下一次重连在 30 秒后",
        "已断开 30 秒，正在重连",
        "已断开 30 秒，下一次重连在 30 秒后",
        "已断开 60 秒，正在重连",
    ]


def test_a_known_loss_is_never_shown_as_ready(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    inside, go = threading.Event(), threading.Event()
    rig.during = lambda number: (inside.set(), go.wait(SOON), None)[-1]
    rig.lose()
    assert rig.supervisor.state in (State.LOST, State.CONNECTING)
    assert inside.wait(SOON)
    assert not rig.supervisor.wait_ready(0)
    go.set()
    assert rig.supervisor.wait_ready(SOON)


def test_the_heartbeat_probes_a_quiet_connection(new_rig: NewRig) -> None:
    rig = new_rig(heartbeat=30.0, interval=5.0)
    answers = iter(["", "", "心跳失败：没有资产"])
    asked: list[float] = []

    def probe() -> str:
        asked.append(rig.clock.ticks - rig.began)
        answer = next(answers, None)
        if answer is None:
            rig.supervisor.halt()
        return answer or ""

    rig.probe = probe
    rig.supervisor.start()
    rig.wait_for(State.STOPPED)
    assert asked == [30.0, 60.0, 90.0, 120.0]
    assert rig.states == [
        "CONNECTING", "SYNCING", "READY", "LOST", "CONNECTING", "SYNCING", "READY", "STOPPED",
    ]  # fmt: skip
    assert rig.changes[3].reason == "心跳失败：没有资产"


def test_a_probe_or_an_attempt_that_breaks_never_ends_the_thread(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig(heartbeat=30.0)

    def probe() -> str:
        if rig.count(State.READY) > 1:
            rig.supervisor.halt()
            return ""
        raise AttributeError("resubscribe")

    def attempt(number: int) -> None:
        if number == 1:
            raise AttributeError("_reconnect")

    rig.probe, rig.during = probe, attempt
    rig.supervisor.start()
    rig.wait_for(State.STOPPED)
    assert rig.count(State.READY) == 2
    assert rig.changes[3].reason == "心跳失败：resubscribe"
    assert rig.changes[5].reason == "意外错误：_reconnect"


# --- the log -------------------------------------------------------------------------------------


def test_the_lines_of_an_outage(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig().ready()
    rig.fail = 1
    rig.lose()
    rig.wait_for(State.READY)
    assert rig.supervisor.stop(SOON)
    assert log == [
        "WARNING MiniQMT 连接已断开",
        "INFO 准备触发自动重连...",
        "WARNING 第 1 次重连尝试 (间隔 5 秒)...",
        "WARNING 连接 MiniQMT 失败：终端不在",
        "WARNING 第 2 次重连尝试 (间隔 5 秒)...",
        "INFO 重连成功！",
    ]


def test_ten_hours_are_a_page_of_log(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig(interval=5.0).ready()
    rig.fail = 7_200
    rig.lose()
    rig.wait_for(State.READY)
    assert rig.clock.ticks - rig.began == 36_000.0
    assert len(rig.attempts) == 7_201
    assert 20 < len(log) < 80


def test_errors_of_ours_do_not_flood_the_log_either(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig(interval=5.0).ready()

    def broken(number: int) -> None:
        if number < 2_000:
            raise KeyError(number)

    rig.during = broken
    rig.lose()
    rig.wait_for(State.READY)
    assert sum(line.startswith("ERROR") for line in log) < 25


def test_what_is_told_gets_ever_rarer() -> None:
    told = [attempt for attempt in range(1, 10_001) if worth_telling(attempt)]
    assert told[:6] == [1, 2, 3, 4, 8, 16]
    assert len(told) < 40
