"""The order journal on a file that is locked, full, read-only, corrupt, newer, or of something else."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from easytrader_qmt import journal_schema
from easytrader_qmt.errors import InvalidArgument, JournalError
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


def test_a_locked_file_is_given_up_within_the_deadline(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock=clock, timeout=0.05)
    begun = journal.begin(intent("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match=r"占用.*没有发出任何委托") as caught:
        journal.begin(intent("b"))
    assert caught.value.sent is False
    assert found(journal, "a").outcome == "sending"
    assert not journal.finish(begun.key, "accepted", order_id=5)
    assert journal.unwritten == 1
    other.execute("ROLLBACK")
    assert journal.begin(intent("b")).fresh
    assert (journal.unwritten, found(journal, "a").order_id) == (0, 5)
    other.close()
    journal.close()


def test_a_locked_new_file_is_given_up_within_the_deadline(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    journal = Journal(path, clock=clock, timeout=0.05)
    with pytest.raises(JournalError, match="占用"):
        journal.begin(intent("a"))
    other.execute("ROLLBACK")
    assert journal.begin(intent("a")).fresh
    other.close()
    journal.close()


@POSIX
def test_a_full_disk_stops_orders_and_keeps_outcomes(path: Path, clock: FakeClock) -> None:
    text, error = child("limited", path).communicate(timeout=60)
    message, finished, count, after = text.splitlines()
    assert error == ""
    assert "没有发出任何委托" in message
    assert "磁盘" in message
    # Giving the file up may have made room for one more outcome.
    assert finished in ("False 1", "True 0")
    assert after == "True 0"
    journal = Journal(path, clock=clock)
    assert len(journal.entries()) == int(count) + 2
    assert [entry.client_order_id for entry in journal.entries(outcome="accepted")] == ["0"]
    journal.close()


def test_a_full_database_is_told_as_a_full_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def small(*args: object, **words: object) -> sqlite3.Connection:
        connection = connect(*args, **words)  # type: ignore[call-overload]
        connection.execute("PRAGMA max_page_count=12")
        return connection  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", small)

    def fill() -> None:
        for number in range(1000):
            journal.begin(intent(str(number)))

    with pytest.raises(JournalError, match=r"磁盘已满.*没有发出任何委托.*腾出磁盘空间"):
        fill()


@POSIX
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_may_not_be_written(clock: FakeClock, exists: bool) -> None:
    # The tests' own folder may be hidden from other users.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        if exists:
            journal = Journal(path, clock=clock)
            journal.begin(intent("a"))
            journal.close()
            path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
        os.chmod(folder, 0o555)
        text, error = child("nobody", path).communicate(timeout=60)
        os.chmod(folder, 0o755)
    assert error == ""
    assert "只读" in text
    assert "没有发出任何委托" in text


def test_a_corrupt_file_is_told_and_left_alone(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database at all " * 500)
    journal = Journal(path, clock=clock)
    with pytest.raises(JournalError, match=r"损坏.*没有发出任何委托.*移走"):
        journal.begin(intent("a"))
    assert path.read_bytes() == b"not a database at all " * 500
    path.unlink()
    assert journal.begin(intent("a")).fresh
    journal.close()


def test_a_file_damaged_inside_is_told(path: Path, clock: FakeClock) -> None:
    journal = Journal(path, clock=clock)
    for number in range(200):
        journal.begin(intent(str(number)))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(JournalError, match="没有发出任何委托"):
        journal.begin(intent("a"))
    journal.close()


def test_a_folder_in_the_files_place_and_a_file_in_the_folders(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "journal.db"):
        journal = Journal(path, clock=clock)
        with pytest.raises(JournalError, match=r"打不开.*没有发出任何委托"):
            journal.begin(intent("a"))
        journal.close()


def test_a_database_of_something_else_is_left_alone(path: Path, clock: FakeClock) -> None:
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (name TEXT)")
    other.close()
    before = path.read_bytes()
    journal = Journal(path, clock=clock)
    with pytest.raises(JournalError, match="不是委托日志"):
        journal.begin(intent("a"))
    assert path.read_bytes() == before
    journal.close()


def test_a_newer_journal_is_refused(journal: Journal, path: Path) -> None:
    journal.begin(intent("a"))
    journal.close()
    other = sqlite3.connect(path)
    with other:
        other.execute("INSERT INTO schema_version VALUES (99, 0)")
    other.close()
    for read in (lambda: journal.begin(intent("b")), lambda: journal.find(ACCOUNT, "a")):
        with pytest.raises(JournalError, match=r"格式 99.*升级 easytrader-qmt"):
            read()


def test_an_upgrade_is_all_or_nothing(journal: Journal, path: Path, clock: FakeClock) -> None:
    journal.begin(intent("a"))
    journal.close()

    def open_two(broken: bool) -> sqlite3.Connection:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute("ALTER TABLE orders ADD COLUMN later TEXT")
            if broken:
                raise sqlite3.OperationalError("database or disk is full")

        now = journal_schema.VERSION
        return journal_schema.open_file(
            str(path), "NORMAL", lambda: 1.0, clock.sleep, NOON, version=now + 1, migrations={now: step}
        )

    with pytest.raises(sqlite3.OperationalError):
        open_two(broken=True)
    upgraded = open_two(broken=False)
    found = upgraded.execute("SELECT max(version), count(*) FROM schema_version").fetchone()
    assert found == (journal_schema.VERSION + 1, 2)
    assert upgraded.execute("SELECT client_order_id, later FROM orders").fetchone() == ("a", None)
    upgraded.close()


def test_a_file_of_the_first_version_goes_on(journal: Journal, path: Path) -> None:
    """It knew no account types: its doubts are everybody's with the number."""
    old = journal.begin(intent("a"))
    journal.close()
    with sqlite3.connect(path) as file:
        file.execute("ALTER TABLE orders DROP COLUMN account_type")
        file.execute("UPDATE schema_version SET version = 1")
    file.close()
    journal.finish(old.key, "in_doubt")
    new = journal.begin(intent("b")._replace(account_type=7))
    journal.finish(new.key, "in_doubt")
    doubts = {
        kind: [each.client_order_id for each in journal.open_doubts(ACCOUNT, kind)] for kind in (0, 2, 7)
    }
    assert doubts == {0: ["a", "b"], 2: ["a"], 7: ["a", "b"]}


def test_closing_is_no_end(journal: Journal) -> None:
    journal.close()
    begun = journal.begin(intent("a"))
    journal.close()
    journal.close()
    assert journal.finish(begun.key, "accepted", order_id=1)
    assert found(journal, "a").outcome == "accepted"


def test_impossible_settings(path: Path, clock: FakeClock) -> None:
    with pytest.raises(InvalidArgument, match="synchronous"):
        Journal(path, clock=clock, synchronous="OFF")  # type: ignore[arg-type]
    for words in ({"timeout": 0.0}, {"timeout": float("nan")}, {"lease": -1.0}):
        with pytest.raises(InvalidArgument, match="timeout"):
            Journal(path, clock=clock, **words)  # type: ignore[arg-type]
