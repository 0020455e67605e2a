"""The reconnect thread: every wait as a list, every state in order, one attempt at a time."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State
from easytrader_qmt.miniqmt.supervisor import AttemptFailed
from tests.facade import SOON
from tests.pauses import FakePause
from tests.supervising import Supervised

NewRig = Callable[..., Supervised]


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
