"""Ids whose session hangs: kept, then used again when there is no other, and never taken from an heir."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from easytrader_qmt.errors import ConnectError
from easytrader_qmt.miniqmt.session_ids import SessionIds
from tests.clocks import FakeClock
from tests.session_pool import clock, home, queue, record

__all__ = ["clock", "home"]


def test_a_hung_session_keeps_its_id_and_file(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 101, clock=clock)
    ids.lease().release(stopped=False)
    kept = queue(home, 100)
    gc.collect()
    assert ids.quarantined == (100,)
    clock.pass_(3600.0)
    assert ids.sweep() == ()
    other = SessionIds(home, 100, 101, clock=clock)
    assert other.quarantined == (100,)
    assert other.lease().session_id == 101
    assert kept.exists()


def test_the_longest_hung_id_is_used_again_when_there_is_no_other(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 101, clock=clock)
    first, second = ids.lease(), ids.lease()
    second.release(stopped=False)
    clock.pass_(1.0)
    first.release(stopped=False)
    kept = queue(home, 101)
    assert ids.lease().session_id == 101
    assert clock.slept == [2.0]
    assert ids.quarantined == (100,)
    assert SessionIds(home, 100, 101, clock=clock).lease().session_id == 100
    with pytest.raises(ConnectError):
        ids.lease()
    assert kept.exists()


def test_an_id_used_again_goes_back_to_the_hung_ones(home: Path, clock: FakeClock) -> None:
    """Its session ended in order, but the one before still hangs: file and lock stay."""
    ids = SessionIds(home, 100, 101, clock=clock, min_gap=0.0)
    hung, other = ids.lease(), ids.lease()
    hung.release(stopped=False)
    kept = queue(home, 100)
    other.release(stopped=False)
    ids.lease().release(stopped=True)
    assert kept.exists()
    assert ids.quarantined == (100, 101)
    assert ids.lease().session_id == 101, "the next in turn, not the one just tried"
    hung.release(stopped=True)
    assert not kept.exists()
    assert ids.lease().session_id == 100


@pytest.mark.parametrize("order", ["hung first", "heir first"])
def test_a_hung_stop_that_returns_never_takes_the_id_from_its_heir(
    home: Path, clock: FakeClock, order: str
) -> None:
    ids = SessionIds(home, fixed=100, clock=clock, min_gap=0.0)
    hung = ids.lease()
    hung.release(stopped=False)
    heir = ids.lease()
    used = queue(home, 100)
    if order == "hung first":
        hung.release(stopped=True)
        assert used.exists()
        with pytest.raises(ConnectError):
            ids.lease()
        heir.release(stopped=True)
    else:
        heir.release(stopped=False)
        again = ids.lease()
        heir.release(stopped=True)
        again.release(stopped=True)
        assert used.exists()
        assert ids.quarantined == (100,)
        hung.release(stopped=True)
    assert not used.exists()
    assert ids.quarantined == ()
    assert record(home, 100)["pid"] is None
    assert ids.lease().session_id == 100


def test_a_wait_for_a_hung_id_that_is_given_up_leaves_it_as_it_was(home: Path, clock: FakeClock) -> None:
    def give_up(seconds: float) -> None:
        raise InterruptedError("stop")

    ids = SessionIds(home, fixed=7, clock=clock, wait=give_up)
    hung = ids.lease()
    hung.release(stopped=False)
    with pytest.raises(InterruptedError):
        ids.lease()
    assert ids.quarantined == (7,)
    hung.release(stopped=True)
    clock.pass_(3.0)
    assert ids.lease().session_id == 7


def test_a_hung_stop_that_returns_after_all_frees_the_id(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 100, clock=clock)
    lease = ids.lease()
    kept = queue(home, 100)
    lease.release(stopped=False)
    lease.release(stopped=True)
    lease.release(stopped=False)
    assert ids.quarantined == ()
    assert not kept.exists()
    assert ids.lease().session_id == 100
