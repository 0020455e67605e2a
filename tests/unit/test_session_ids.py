"""The leased pool within one process: gaps, foreign ids, releasing and cleaning."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import pytest

from easytrader_qmt.errors import ConnectError
from easytrader_qmt.miniqmt.session_ids import SessionIds
from easytrader_qmt.miniqmt.session_slots import FOLDER, Slot
from tests.clocks import FakeClock
from tests.session_pool import clock, home, queue, record

__all__ = ["clock", "home"]


# --- leasing and the gap -------------------------------------------------------------------------


def test_each_lease_is_another_id_and_is_recorded(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 102, clock=clock)
    leases = [ids.lease() for _ in range(3)]
    assert [lease.session_id for lease in leases] == [100, 101, 102]
    assert record(home, 101) == {"leased_by_us": True, "last_used": clock.wall, "pid": os.getpid()}
    assert clock.slept == []


def test_a_rested_id_is_preferred_and_the_longest_unused_first(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 102, clock=clock)
    leases = [ids.lease() for _ in range(3)]
    for lease in (leases[1], leases[2], leases[0]):
        lease.release(stopped=True)
        clock.pass_(1.5)
    # Since its release: 101 rests 4.5 s, 102 3.0 s, 100 only 1.5 s.
    assert [ids.lease().session_id for _ in range(3)] == [101, 102, 100]
    assert clock.slept == [1.5]


def test_when_all_are_too_recent_the_remainder_of_the_soonest_is_waited(home: Path, clock: FakeClock) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.pass_(seconds)

    ids = SessionIds(home, 100, 101, clock=clock, wait=wait)
    first, second = ids.lease(), ids.lease()
    first.release(stopped=True)
    clock.pass_(1.0)
    second.release(stopped=True)
    clock.pass_(0.5)
    assert ids.lease().session_id == 100
    assert ids.lease().session_id == 101
    assert waits == [1.5, 1.0]
    assert clock.slept == []


def test_the_gap_counts_from_the_lease_of_a_session_that_ended_at_once(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, fixed=7, clock=clock, min_gap=4.0)
    ids.lease().release(stopped=True)
    assert ids.lease().session_id == 7
    assert clock.slept == [4.0]


def test_another_process_gap_is_read_from_the_record(home: Path, clock: FakeClock) -> None:
    SessionIds(home, fixed=7, clock=clock).lease().release(stopped=True)
    clock.pass_(2.0)
    SessionIds(home, fixed=7, clock=clock).lease()
    assert clock.slept == [1.0]


def test_a_clock_that_jumped_back_blocks_for_one_gap_only(home: Path, clock: FakeClock) -> None:
    SessionIds(home, fixed=7, clock=clock).lease().release(stopped=True)
    clock.wall -= 86_400.0
    SessionIds(home, fixed=7, clock=clock).lease()
    assert clock.slept == [3.0]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_within_one_process_a_jumping_clock_changes_nothing(
    home: Path, clock: FakeClock, jump: float
) -> None:
    ids = SessionIds(home, fixed=7, clock=clock)
    ids.lease().release(stopped=True)
    clock.wall += jump
    clock.pass_(1.0)
    ids.lease()
    assert clock.slept == [2.0]


def test_a_wait_that_gives_up_takes_no_lease(home: Path, clock: FakeClock) -> None:
    def give_up(seconds: float) -> None:
        raise InterruptedError("stop")

    ids = SessionIds(home, fixed=7, clock=clock, wait=give_up)
    ids.lease().release(stopped=True)
    with pytest.raises(InterruptedError):
        ids.lease()
    clock.pass_(3.0)
    assert ids.lease().session_id == 7


def test_an_unreadable_record_is_no_record(home: Path, clock: FakeClock) -> None:
    folder = home / "easytrader_qmt"
    folder.mkdir()
    for number, text in ((100, "{"), (101, "[]"), (102, '{"leased_by_us": true, "last_used": NaN}')):
        (folder / f"session_{number}.json").write_text(text)
        queue(home, number)
    with pytest.raises(ConnectError, match="100、101、102"):
        SessionIds(home, 100, 102, clock=clock).lease()


def test_threads_never_share_an_id(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 107, clock=clock)
    start = threading.Barrier(8)
    got: list[int] = []

    def work() -> None:
        start.wait()
        got.append(ids.lease().session_id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(100, 108))


# --- foreign ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["down", "up"])
def test_a_foreign_id_is_neither_leased_nor_touched(home: Path, clock: FakeClock, side: str) -> None:
    theirs = queue(home, 100, side)
    ids = SessionIds(home, 100, 101, clock=clock)
    lease = ids.lease()
    assert lease.session_id == 101
    with pytest.raises(ConnectError) as caught:
        ids.lease()
    lease.release(stopped=True)
    assert ids.sweep() == ()
    assert theirs.exists()
    assert not (home / "easytrader_qmt" / "session_100.json").exists()
    text = str(caught.value)
    assert "属于其他程序：100（" in text
    assert f"101（进程 {os.getpid()}，即本进程）" in text
    assert "session_id=" in text
    assert "session_ids=" in text


def test_a_file_that_appears_after_ours_was_deleted_is_foreign(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 100, clock=clock)
    lease = ids.lease()
    queue(home, 100)
    lease.release(stopped=True)
    theirs = queue(home, 100)
    clock.pass_(60.0)
    assert ids.sweep() == ()
    with pytest.raises(ConnectError, match="属于其他程序：100"):
        ids.lease()
    assert theirs.exists()


def test_a_fixed_id_keeps_the_queue_file_it_found(home: Path, clock: FakeClock) -> None:
    theirs = queue(home, 123456)
    for _ in range(2):
        ids = SessionIds(home, fixed=123456, clock=clock, min_gap=0.0)
        ids.lease().release(stopped=True)
        assert ids.sweep() == ()
    assert theirs.read_bytes() == b"x" * 10


def test_a_fixed_id_deletes_the_queue_file_it_made(home: Path, clock: FakeClock) -> None:
    lease = SessionIds(home, fixed=123456, clock=clock).lease()
    ours = queue(home, 123456)
    lease.release(stopped=True)
    assert not ours.exists()


def test_a_fixed_id_in_use_is_refused_with_its_holder(home: Path, clock: FakeClock) -> None:
    lease = SessionIds(home, fixed=5, clock=clock).lease()
    with pytest.raises(ConnectError, match=rf"5（进程 {os.getpid()}"):
        SessionIds(home, fixed=5, clock=clock).lease()
    lease.release(stopped=True)


# --- releasing and cleaning ----------------------------------------------------------------------


def test_release_deletes_our_queue_files_and_nothing_else(home: Path, clock: FakeClock) -> None:
    lease = SessionIds(home, clock=clock).lease()
    down, up, other = queue(home, 100), queue(home, 100, "up"), queue(home, 1000)
    lease.release(stopped=True)
    lease.release(stopped=True)
    assert not down.exists()
    assert not up.exists()
    assert other.exists()
    assert (home / "up_queue_xtquant").read_bytes() == b"terminal"
    assert record(home, 100)["pid"] is None


def test_a_queue_file_that_cannot_be_deleted_is_left_to_the_next_sweep(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 100, clock=clock)
    lease = ids.lease()
    stuck = home / "down_queue_100"
    stuck.mkdir()  # unlink fails on a folder everywhere, as on a mapped file under Windows
    lease.release(stopped=True)
    assert ids.sweep() == ()
    stuck.rmdir()
    queue(home, 100)
    assert ids.sweep() == (100,)
    assert not stuck.exists()


def test_a_forgotten_lease_is_still_held(home: Path, clock: FakeClock) -> None:
    SessionIds(home, 100, 100, clock=clock).lease()
    gc.collect()
    with pytest.raises(ConnectError):
        SessionIds(home, 100, 100, clock=clock).lease()


def test_a_block_that_raises_leaves_the_id_quarantined(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 101, clock=clock)
    with ids.lease() as lease:
        assert lease.session_id == 100
    assert ids.quarantined == ()
    with pytest.raises(RuntimeError), ids.lease():
        raise RuntimeError
    assert ids.quarantined == (101,)
    with ids.lease() as lease:
        lease.release(stopped=False)
    assert ids.quarantined == (100, 101)


def test_threads_on_one_slot_hold_its_lock_one_at_a_time(home: Path) -> None:
    """One that is freed while another thread takes it is neither held by both nor by nobody for good."""
    slot = Slot(str(home), 100)
    (home / FOLDER).mkdir()
    holding = most = taken = 0

    def work() -> None:
        nonlocal holding, most, taken
        for _ in range(200):
            lock = slot.lock()
            if lock is None:
                continue
            holding += 1
            most = max(most, holding)
            taken += 1
            holding -= 1
            slot.unlock(lock)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert taken > 0
    last = slot.lock()
    assert last is not None
    slot.unlock(last)
    assert not slot.locked()
