"""The leased pool from outside: its folder, what the doctor sees of it, and processes that race or die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from easytrader_qmt.errors import ConnectError, InvalidArgument
from easytrader_qmt.miniqmt.session_ids import IdUse, SessionIds, usage
from tests.clocks import FakeClock
from tests.session_pool import clock, home, queue

__all__ = ["clock", "home"]

ROOT = Path(__file__).resolve().parents[2]


# --- the folder ----------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["gone", "gone/userdata_mini"])
def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path: Path, clock: FakeClock, below: str) -> None:
    ids = SessionIds(tmp_path / below, clock=clock)
    with pytest.raises(ConnectError, match="目录不存在"):
        ids.lease()
    assert ids.sweep() == ()
    assert usage(tmp_path / below, 100, 101) == (
        IdUse(100, False, None, False, 0),
        IdUse(101, False, None, False, 0),
    )
    assert list(tmp_path.iterdir()) == []


def test_an_empty_path_is_an_error(clock: FakeClock) -> None:
    with pytest.raises(ConnectError, match="目录不存在"):
        SessionIds("", clock=clock).lease()


def test_a_folder_that_refuses_our_own_is_an_error(home: Path, clock: FakeClock) -> None:
    (home / "easytrader_qmt").write_text("in the way")
    with pytest.raises(ConnectError, match="不可写"):
        SessionIds(home, clock=clock).lease()


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0, reason="nobody is refused here"
)
def test_a_read_only_folder_is_an_error(home: Path, clock: FakeClock) -> None:
    home.chmod(0o555)
    try:
        with pytest.raises(ConnectError, match="不可写"):
            SessionIds(home, clock=clock).lease()
    finally:
        home.chmod(0o755)
    assert [path.name for path in home.iterdir()] == ["up_queue_xtquant"]


@pytest.mark.parametrize(("first", "last", "fixed"), [(5, 4, None), (0, 3, None), (1, 2, True), (1, 2, -1)])
def test_an_impossible_range_is_refused(home: Path, first: int, last: int, fixed: int | None) -> None:
    with pytest.raises(InvalidArgument):
        SessionIds(home, first, last, fixed=fixed, clock=FakeClock())


def test_usage_tells_held_foreign_and_size_and_changes_nothing(home: Path, clock: FakeClock) -> None:
    ids = SessionIds(home, 100, 102, clock=clock)
    ids.lease()
    ids.lease().release(stopped=True)
    queue(home, 100)
    queue(home, 102)
    queue(home, 102, "up")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.suffix == ".json"}
    expected = (
        IdUse(100, True, os.getpid(), False, 10),
        IdUse(101, False, None, False, 0),
        IdUse(102, False, None, True, 20),
    )
    assert usage(home, 100, 102) == expected
    assert usage(home, 100, 102) == expected
    assert {path: path.read_bytes() for path in home.rglob("*") if path.suffix == ".json"} == before


# --- other processes -----------------------------------------------------------------------------

HOLDER = """
import sys
from easytrader_qmt.clock import SystemClock
from easytrader_qmt.miniqmt.session_ids import SessionIds

home, last, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ids = SessionIds(home, 100, last, clock=SystemClock())
print("ready", flush=True)
sys.stdin.readline()
leases = [ids.lease() for _ in range(count)]
for lease in leases:
    with open(f"{home}/down_queue_{lease.session_id}", "wb") as file:
        file.write(b"q" * 10)
print(*[lease.session_id for lease in leases], flush=True)
sys.stdin.readline()
"""


def holder(home: Path, last: int, count: int) -> subprocess.Popen[str]:
    """A process that leases ``count`` ids at the first line it reads and lives until the second."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home), str(last), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def held_by(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def end(process: subprocess.Popen[str], kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate(timeout=30)


def test_two_processes_racing_never_share_an_id(home: Path, clock: FakeClock) -> None:
    racers = [holder(home, 109, 5) for _ in range(2)]
    try:
        for racer in racers:
            tell(racer)
        got = [held_by(racer) for racer in racers]
        assert sorted(got[0] + got[1]) == list(range(100, 110))
        with pytest.raises(ConnectError) as caught:
            SessionIds(home, 100, 109, clock=clock).lease()
        for racer, numbers in zip(racers, got, strict=True):
            for number in numbers:
                assert f"{number}（进程 {racer.pid}）" in str(caught.value)
    finally:
        for racer in racers:
            end(racer)


def test_a_killed_holder_frees_its_id_and_its_queue_file_is_swept(home: Path) -> None:
    clock = FakeClock(wall=4e9)  # long after the victim's lease, which was written in real time
    victim, survivor = holder(home, 102, 1), holder(home, 102, 1)
    try:
        tell(victim)
        assert held_by(victim) == [100]
        tell(survivor)
        assert held_by(survivor) == [101]
        theirs = queue(home, 102)
        ids = SessionIds(home, 100, 102, clock=clock)
        assert ids.sweep() == ()
        end(victim, kill=True)
        assert [use.held for use in usage(home, 100, 102)] == [False, True, False]
        assert ids.sweep() == (100,)
        assert not (home / "down_queue_100").exists()
        assert (home / "down_queue_101").exists()
        assert theirs.exists()
        # When it was last used is not known, so the sweep counts.
        assert ids.lease().session_id == 100
        assert clock.slept == [3.0]
    finally:
        end(victim, kill=True)
        end(survivor)


def test_an_unswept_leftover_of_a_killed_holder_goes_before_its_id_is_used(home: Path) -> None:
    clock = FakeClock(wall=4e9)
    victim = holder(home, 100, 1)
    tell(victim)
    assert held_by(victim) == [100]
    end(victim, kill=True)
    lease = SessionIds(home, 100, 100, clock=clock).lease()
    assert clock.slept == [3.0]
    assert not (home / "down_queue_100").exists()
    assert json.loads((home / "easytrader_qmt" / "session_100.json").read_text())["pid"] == os.getpid()
    lease.release(stopped=True)
