"""Whose the queue file of an id is: ours, or another program's that used the id after ours was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from easytrader_qmt.miniqmt.session_ids import SessionIds, usage
from easytrader_qmt.miniqmt.session_slots import FOLDER, Slot
from tests.clocks import FakeClock
from tests.session_pool import clock, home, queue, record

__all__ = ["clock", "home"]


def killed(home: Path, clock: FakeClock, *, noted: bool) -> Path:
    """The queue file of id 100 whose session was killed, and whether it had been noted which file that is."""
    ids = SessionIds(home, fixed=100, clock=clock)
    lease = ids.lease()
    made = queue(home, 100)
    if noted:
        ids.started(lease)
    lease.slot.unlock(lease.lock)
    clock.pass_(60.0)
    return made


def replaced(made: Path) -> None:
    """Another program makes its own file of the same name."""
    theirs = made.with_name("theirs")
    theirs.write_bytes(b"theirs")
    theirs.replace(made)


def test_another_programs_file_under_the_id_of_a_killed_session_is_foreign(
    home: Path, clock: FakeClock
) -> None:
    made = killed(home, clock, noted=True)
    replaced(made)
    assert [each.foreign for each in usage(home, 100, 100)] == [True]
    ids = SessionIds(home, 100, 101, clock=clock)
    assert ids.sweep() == ()
    assert ids.lease().session_id == 101
    fixed = SessionIds(home, fixed=100, clock=clock).lease()
    fixed.release(stopped=True)
    assert made.read_bytes() == b"theirs"


@pytest.mark.parametrize("noted", [True, False])
def test_the_file_of_a_killed_session_is_swept(home: Path, clock: FakeClock, noted: bool) -> None:
    """Also by the record of an older version, which does not say which file it was."""
    made = killed(home, clock, noted=noted)
    assert ("queues" in record(home, 100)) is noted
    assert SessionIds(home, 100, 101, clock=clock).sweep() == (100,)
    assert not made.exists()
    assert "queues" not in record(home, 100)


def test_a_record_of_files_that_cannot_be_understood_is_none(home: Path, clock: FakeClock) -> None:
    killed(home, clock, noted=True)
    path = home / FOLDER / "session_100.json"
    for queues in ("7", '"x"', "[1]", '[["a", 1]]', "[[1, 2, 3]]", "null"):
        path.write_text(f'{{"leased_by_us": true, "last_used": 1.0, "pid": null, "queues": {queues}}}')
        assert [each.foreign for each in usage(home, 100, 100)] == [False]


def test_an_id_whose_leftover_cannot_be_deleted_is_used_last(
    home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where somebody who has the file open may be using the id."""
    killed(home, clock, noted=True)
    monkeypatch.setattr(Slot, "delete_queues", lambda self: None)
    ids = SessionIds(home, 100, 101, clock=clock, min_gap=0.0)
    assert [ids.lease().session_id, ids.lease().session_id] == [101, 100]
