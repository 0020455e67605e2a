"""The reconnect thread: every wait as a list, every state in order, one attempt at a time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator

import pytest

from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State, StateChange, worth_telling
from easytrader_qmt.miniqmt.supervisor import AttemptFailed, Halted, Supervisor
from tests.clocks import FakeClock
from tests.pauses import FakePause

SOON = 20.0


class Rig:
    """A supervisor over attempts that fail as often as they are told to."""

    def __init__(self, policy: ReconnectPolicy) -> None:
        self.clock = FakeClock()
        self.pause = FakePause(self.clock)
        self.changes: list[StateChange] = []
        self.attempts: list[tuple[int, int, float]] = []
        self.let_go: list[str] = []
        self.fail = 0
        self.during: Callable[[int], None] = lambda number: None
        self.probe: Callable[[], str] = lambda: ""
        self._news = threading.Condition()
        self.supervisor = Supervisor(
            self._attempt,
            lambda: self.probe(),
            self._changed,
            policy,
            self.clock,
            self.pause,
            let_go=self.let_go.append,
        )
        self.began = self.clock.ticks

    def _attempt(self, number: int, generation: int) -> None:
        self.attempts.append((number, generation, self.clock.ticks - self.began))
        self.during(number)
        if self.fail > 0:
            self.fail -= 1
            raise AttemptFailed("终端不在")
        self.supervisor.syncing()

    def _changed(self, change: StateChange) -> None:
        with self._news:
            self.changes.append(change)
            self._news.notify_all()

    def wait_for(self, state: State, times: int = 1) -> StateChange:
        with self._news:
            assert self._news.wait_for(lambda: self.count(state) >= times, SOON), self.states
            return [change for change in self.changes if change.state is state][times - 1]

    def count(self, state: State) -> int:
        return sum(change.state is state for change in self.changes)

    @property
    def states(self) -> list[str]:
        return [str(change.state) for change in self.changes]

    def lose(self, why: str = "终端断开连接") -> None:
        self.supervisor.report_lost(why)

    def forget(self) -> None:
        """From here on count anew."""
        self.attempts.clear()
        self.changes.clear()
        self.pause.waits.clear()
        self.began = self.clock.ticks

    def ready(self) -> Rig:
        self.supervisor.start()
        self.forget()
        return self


@pytest.fixture
def new_rig() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**words: object) -> Rig:
        made.append(Rig(ReconnectPolicy(**{"heartbeat": 0.0, **words})))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        assert rig.supervisor.stop(SOON)


NewRig = Callable[..., Rig]


# --- the first connect ---------------------------------------------------------------------------


def test_the_first_connect_is_one_attempt_at_once(new_rig: NewRig) -> None:
    rig = new_rig()
    rig.supervisor.start()
    assert rig.states == ["CONNECTING", "SYNCING", "READY"]
    assert rig.attempts == [(0, 1, 0.0)]
    assert rig.pause.waits == []
    assert rig.supervisor.wait_ready(0)


def test_a_first_connect_that_fails_raises_and_leaves_no_thread(new_rig: NewRig) -> None:
    rig = new_rig()
    rig.fail = 1
    with pytest.raises(AttemptFailed, match="终端不在"):
        rig.supervisor.start()
    assert rig.states == ["CONNECTING", "STOPPED"]
    assert rig.changes[-1].reason == "终端不在"
    assert rig.supervisor.stop(SOON)
    assert not rig.supervisor.wait_ready(SOON), "nothing will ever get there, so it says so at once"


def test_wait_keeps_trying_that_long_with_a_last_attempt_at_the_end(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0)
    rig.fail = 99
    with pytest.raises(AttemptFailed):
        rig.supervisor.start(wait=12.0)
    assert rig.pause.waits == [5.0, 5.0, 2.0]
    assert [at for _, _, at in rig.attempts] == [0.0, 5.0, 10.0, 12.0]


def test_wait_ends_with_the_first_success_also_without_automatic_reconnects(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0, enabled=False)
    rig.fail = 2
    rig.supervisor.start(wait=60.0)
    assert rig.pause.waits == [5.0, 5.0]
    assert rig.supervisor.state is State.READY


def test_an_error_of_ours_during_the_first_connect_is_raised_not_swallowed(
    new_rig: NewRig, log: list[str]
) -> None:
    rig = new_rig()

    def broken(number: int) -> None:
        raise KeyError("x")

    rig.during = broken
    with pytest.raises(AttemptFailed, match="意外错误"):
        rig.supervisor.start()


# --- reconnecting --------------------------------------------------------------------------------


def test_the_first_reconnect_comes_at_once_and_then_one_each_interval(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0).ready()
    rig.fail = 3
    rig.lose()
    rig.wait_for(State.READY)
    assert rig.pause.waits == [5.0, 5.0, 5.0]
    assert [(number, at) for number, _, at in rig.attempts] == [(1, 0.0), (2, 5.0), (3, 10.0), (4, 15.0)]
    assert rig.states == ["LOST", *["CONNECTING", "LOST"] * 3, "CONNECTING", "SYNCING", "READY"]
    assert [change.next_attempt_in for change in rig.changes if change.state is State.LOST] == [0, 5, 5, 5]
    assert rig.changes[-1].attempt == 4


def test_backoff_doubles_up_to_its_cap_with_jitter(new_rig: NewRig) -> None:
    seed = 7
    print("seed", seed)
    rig = new_rig(interval=2.0, backoff=60.0, rng=random.Random(seed)).ready()
    rig.fail = 9
    rig.lose()
    rig.wait_for(State.READY)
    rng = random.Random(seed)
    steady = [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert rig.pause.waits == pytest.approx([each * rng.uniform(0.5, 1.0) for each in steady])
    assert max(rig.pause.waits) <= 60


def test_an_interval_of_zero_is_no_busy_loop(new_rig: NewRig) -> None:
    rig = new_rig(interval=0.0).ready()
    rig.fail = 2
    rig.lose()
    rig.wait_for(State.READY)
    assert rig.pause.waits == pytest.approx([0.1, 0.1])


def test_backoff_never_overflows() -> None:
    policy = ReconnectPolicy(backoff=300.0)
    assert 150.0 <= policy.wait(100_000) <= 300.0


def test_max_attempts_then_gave_up_then_reconnect_by_hand(new_rig: NewRig) -> None:
    rig = new_rig(max_attempts=3).ready()
    rig.fail = 3
    rig.lose()
    gone = rig.wait_for(State.GAVE_UP)
    assert rig.pause.waits == [5.0, 5.0]
    assert gone.attempt == 3
    assert "已达到最大重连次数" in gone.reason
    assert rig.let_go
    assert not rig.supervisor.wait_ready(SOON)
    rig.forget()
    rig.supervisor.reconnect()
    assert rig.supervisor.wait_ready(SOON)
    assert rig.pause.waits == []
    assert rig.states == ["CONNECTING", "SYNCING", "READY"]
    # And the next outage has all its attempts again.
    rig.forget()
    rig.fail = 2
    rig.lose()
    rig.wait_for(State.READY)
    assert len(rig.attempts) == 3


def test_a_loss_during_the_last_attempt_does_not_begin_another_series(new_rig: NewRig) -> None:
    rig = new_rig(max_attempts=1).ready()
    rig.during = lambda number: rig.lose("在重连中又断开")
    rig.lose()
    rig.wait_for(State.GAVE_UP)
    rig.during = lambda number: None
    rig.supervisor.reconnect()
    assert rig.supervisor.wait_ready(SOON)
    assert len(rig.attempts) == 2
    assert rig.count(State.GAVE_UP) == 1


def test_many_reports_of_one_outage_are_one_reconnect(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    entered, go = threading.Event(), threading.Event()

    def hold(number: int) -> None:
        entered.set()
        assert go.wait(SOON)

    rig.during = hold
    said = ("终端断开连接", 1)
    threads = [threading.Thread(target=rig.supervisor.report_lost, args=said) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entered.wait(SOON)
    for _ in range(5):
        rig.supervisor.report_lost(*said)
    go.set()
    rig.wait_for(State.READY)
    assert rig.supervisor.wait_ready(SOON)
    assert len(rig.attempts) == 1
    # A late event of the old session, once the new one is READY.
    rig.supervisor.report_lost("旧会话的迟到事件", generation=1)
    assert rig.supervisor.state is State.READY
    assert rig.states == ["LOST", "CONNECTING", "SYNCING", "READY"]


def test_a_loss_during_a_reconnect_is_one_more_attempt_after_the_interval(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0).ready()

    def lose_first(number: int) -> None:
        if number == 1:
            rig.supervisor.report_lost("又断开", generation=rig.attempts[-1][1])

    rig.during = lose_first
    rig.lose()
    rig.wait_for(State.READY)
    assert [(number, at) for number, _, at in rig.attempts] == [(1, 0.0), (2, 5.0)]
    assert rig.count(State.READY) == 1


def test_a_wake_that_means_nothing_does_not_shorten_a_wait(new_rig: NewRig) -> None:
    """A second report of the same loss wakes nobody; neither does one of an old generation."""
    rig = new_rig(interval=5.0).ready()
    waits: list[float] = []

    class Restless(FakePause):
        def wait(self, seconds: float | None) -> None:
            if seconds is None:
                return super().wait(None)
            waits.append(seconds)
            self.clock.pass_(min(seconds, 2.0))  # woken early each time
            return None

    rig.supervisor._pause = Restless(rig.clock)
    rig.pause.wake()
    rig.fail = 1
    rig.lose()
    rig.pause.wake()
    rig.wait_for(State.READY)
    assert [at for _, _, at in rig.attempts] == [0.0, 5.0]
    assert waits == [5.0, 3.0, 1.0]


def test_reconnect_forces_one_now_and_the_schedule_goes_on(new_rig: NewRig) -> None:
    rig = new_rig(interval=5.0).ready()
    rig.fail = 2

    def force(seconds: float) -> None:
        if len(rig.pause.waits) == 1:
            rig.clock.pass_(1.0 - seconds)  # after one second of the five
            rig.supervisor.reconnect()

    rig.pause.before_wait = force
    rig.lose()
    rig.wait_for(State.READY)
    assert [at for _, _, at in rig.attempts] == [0.0, 1.0, 6.0]


def test_reconnect_while_ready_makes_one_new_session_and_is_waited_for(new_rig: NewRig) -> None:
    rig = new_rig().ready()
    rig.supervisor.reconnect()
    assert rig.supervisor.wait_ready(SOON)
    assert rig.states == ["LOST", "CONNECTING", "SYNCING", "READY"]
    assert rig.changes[0].reason == "手动重连"
    assert len(rig.attempts) == 1


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
