"""The order journal of many threads and processes, some of which die in the middle of a write."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from easytrader_qmt import liveness
from easytrader_qmt.journal import Entry, Journal
from tests.clocks import FakeClock
from tests.journal_child import ACCOUNT, child, intent

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, limits and users")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "journal.db"


@pytest.fixture
def journal(path: Path, clock: FakeClock) -> Iterator[Journal]:
    made = Journal(path, clock=clock)
    yield made
    made.close()


def found(journal: Journal, client_order_id: str) -> Entry:
    entry = journal.find(ACCOUNT, client_order_id)
    assert entry is not None
    return entry


# --- whose process lives ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alive", "after", "expected"),
    [
        (True, 10_000.0, "sending"),
        (False, 0.0, "in_doubt"),
        (None, 60.0, "sending"),
        (None, 60.1, "in_doubt"),
    ],
)
def test_what_a_process_left_behind(
    path: Path, clock: FakeClock, alive: bool | None, after: float, expected: str
) -> None:
    journal = Journal(path, clock=clock, lease=60.0, is_alive=lambda pid, marker: alive)
    begun = journal.begin(intent("a"))
    clock.pass_(after)
    assert found(journal, "a").outcome == expected
    assert [entry.key for entry in journal.entries(outcome="in_doubt")] == [begun.key] * (
        expected == "in_doubt"
    )
    assert len(journal.entries(outcome="sending")) == (expected == "sending")
    again = journal.begin(intent("a"))
    assert (again.fresh, again.known and again.known.outcome) == (False, expected)
    journal.close()


def test_a_doubt_counts_from_when_it_was_noticed(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock=clock, is_alive=lambda pid, marker: False)
    journal.begin(intent("a"))
    clock.pass_(100)
    assert [entry.sent_at for entry in journal.open_doubts(ACCOUNT)] == [NOON + 100]
    clock.pass_(100)
    assert [entry.sent_at for entry in journal.open_doubts(ACCOUNT)] == [NOON + 100]
    journal.close()


def test_this_process_lives_and_a_dead_one_does_not() -> None:
    marker = liveness.process_marker(os.getpid())
    assert liveness.is_alive(os.getpid(), marker) in (True, None if sys.platform == "darwin" else True)
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    marker = liveness.process_marker(gone.pid)
    assert liveness.is_alive(gone.pid, marker) is not False
    gone.communicate(b"\n")
    assert liveness.is_alive(gone.pid, marker) is False
    assert liveness.is_alive(gone.pid, "elsewhere:1") is None
    assert liveness.is_alive(gone.pid, "") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other ways to tell a start time")
def test_a_number_used_again_is_another_process() -> None:
    scope = liveness.process_marker(os.getpid()).rpartition(":")[0]
    assert liveness.is_alive(os.getpid(), f"{scope}:1") is False


# --- many threads and processes -----------------------------------------------------------------------


def test_of_many_threads_one_may_send(journal: Journal) -> None:
    fresh: list[str] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait(10)
        for number in range(50):
            begun = journal.begin(intent(str(number)))
            if begun.fresh:
                fresh.append(str(number))
                journal.finish(begun.key, "accepted", order_id=number + 1)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(fresh, key=int) == list(map(str, range(50)))


@pytest.mark.parametrize("again", [False, True])
def test_of_racing_processes_exactly_one_may_send(path: Path, clock: FakeClock, again: bool) -> None:
    count = 400
    if again:
        journal = Journal(path, clock=clock)
        for number in range(count):
            journal.finish(journal.begin(intent(str(number))).key, "absent")
        journal.close()
    racers = [child("race", path, count) for _ in range(3)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [racer.communicate(timeout=60) for racer in racers]
    assert [error for _, error in told] == [""] * 3
    fresh = [name for text, _ in told for name in text.split()]
    assert sorted(fresh, key=int) == list(map(str, range(count)))


@POSIX
def test_a_process_killed_at_any_step_leaves_what_it_was_told(tmp_path: Path) -> None:
    whole = child("die", tmp_path / "whole.db", 0).communicate(timeout=60)[0].split()
    steps = int(whole[-1])
    seed = random.randrange(1_000_000)
    print("seed", seed)
    draw = random.Random(seed)
    # The last steps are the ones of begin and finish; the ones before make the file.
    points = [*draw.sample(range(1, steps - 160), 6), *draw.sample(range(steps - 160, steps + 1), 10)]
    running = [(at, tmp_path / f"{at}.db", child("die", tmp_path / f"{at}.db", at)) for at in points]
    for at, path, process in running:
        told = process.communicate(timeout=60)[0].split()
        assert process.returncode == -signal.SIGKILL, at
        clock = FakeClock()
        journal = Journal(path, clock=clock)
        before = journal.find(ACCOUNT, "dies")
        if told:
            assert before is not None, at
        if before is not None:
            assert before.outcome in ("in_doubt", "accepted"), at
            assert len(journal.open_doubts(ACCOUNT)) == (before.outcome == "in_doubt")
        assert journal.begin(intent("dies")).fresh is (before is None), at
        assert journal.begin(intent("next")).fresh
        journal.close()


@POSIX
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own_connection(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    context = multiprocessing.get_context("fork")

    def run() -> None:
        ok = journal.begin(intent("b")).fresh and not journal.begin(intent("a")).fresh
        os._exit(0 if ok else 1)

    forked = context.Process(target=run)
    forked.start()
    forked.join(60)
    assert forked.exitcode == 0
    assert journal.finish(begun.key, "accepted", order_id=1)
    assert (found(journal, "a").outcome, found(journal, "b").outcome) == ("accepted", "in_doubt")
