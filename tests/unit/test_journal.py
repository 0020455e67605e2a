"""The order journal by itself: what is known of an order, and what its file survives."""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from easytrader_qmt import journal_schema, liveness
from easytrader_qmt.errors import InvalidArgument, InvalidOrder, JournalError
from easytrader_qmt.journal import Entry, Intent, Journal, Outcome
from easytrader_qmt.orders import limit_order, market_order
from easytrader_qmt.remarks import order_token, token_of
from tests.unit import journal_child
from tests.unit.journal_child import ACCOUNT, intent

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals, limits and users")


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "journal.db"


@pytest.fixture
def journal(path: Path, clock: Clock) -> Iterator[Journal]:
    made = Journal(path, clock=clock)
    yield made
    made.close()


def found(journal: Journal, client_order_id: str) -> Entry:
    entry = journal.find(ACCOUNT, client_order_id)
    assert entry is not None
    return entry


def child(*words: object, go: str | None = None) -> subprocess.Popen[str]:
    root = str(Path(journal_child.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.journal_child", *map(str, words)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# --- one order ----------------------------------------------------------------------------------------


def test_nothing_is_made_before_the_first_write(journal: Journal, path: Path, tmp_path: Path) -> None:
    assert journal.find(ACCOUNT, "a") is None
    assert (journal.entries(), journal.open_doubts(ACCOUNT), list(journal.export("json"))) == (
        (),
        (),
        ["[]\n"],
    )
    assert list(tmp_path.iterdir()) == []
    journal.begin(intent("a"))
    assert path.is_file()


def test_an_intent_is_on_disk_before_the_answer(journal: Journal, path: Path) -> None:
    begun = journal.begin(intent("a"))
    assert begun.fresh
    with sqlite3.connect(path) as other:
        rows = other.execute("SELECT client_order_id, outcome, token FROM orders").fetchall()
        mode = other.execute("PRAGMA journal_mode").fetchone()
    other.close()
    assert (rows, mode) == ([("a", "sending", begun.token)], ("wal",))


def test_a_known_id_is_not_sent_again(journal: Journal) -> None:
    first = journal.begin(intent("a"))
    second = journal.begin(intent("a"))
    assert (second.fresh, second.key) == (False, first.key)
    assert journal.finish(first.key, "accepted", order_id=123)
    third = journal.begin(intent("a"))
    assert third.known is not None
    assert (third.fresh, third.known.outcome, third.known.order_id) == (False, "accepted", 123)


@pytest.mark.parametrize("outcome", ["accepted", "refused", "in_doubt"])
def test_only_an_order_that_is_nowhere_may_be_sent_again(journal: Journal, outcome: Outcome) -> None:
    journal.finish(journal.begin(intent("a")).key, outcome)
    assert not journal.begin(intent("a")).fresh


@pytest.mark.parametrize("outcome", ["not_sent", "absent"])
def test_another_attempt_has_its_own_token(journal: Journal, outcome: Outcome) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, outcome)
    second = journal.begin(intent("a"))
    assert (second.fresh, second.attempt) == (True, 1)
    assert second.token == order_token(ACCOUNT, "a", 1) != first.token
    assert token_of(second.remark) == second.token
    assert not journal.begin(intent("a")).fresh
    earlier = journal.find_token(ACCOUNT, first.token)
    assert earlier is not None
    assert (earlier.outcome, found(journal, "a").attempt) == (outcome, 1)


def test_an_attempt_thought_absent_that_turns_up_decides_the_order(journal: Journal) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, "absent")
    second = journal.begin(intent("a"))
    journal.finish(second.key, "not_sent")
    journal.finish(first.key, "accepted", order_id=9)
    assert (found(journal, "a").order_id, journal.begin(intent("a")).fresh) == (9, False)
    assert [entry.outcome for entry in journal.attempts(ACCOUNT, "a")] == ["accepted", "not_sent"]


@pytest.mark.parametrize(
    "change",
    [{"amount": 200}, {"price": 35.2}, {"stock_code": "600000.SH"}, {"order_type": 24}, {"price_type": 44}],
)
def test_an_id_means_one_order_for_ever(journal: Journal, change: dict[str, object]) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, "absent")
    with pytest.raises(InvalidOrder, match="600036.SH") as caught:
        journal.begin(replace(intent("a"), **change))  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.sent) == ("client_order_id", False)
    assert journal.begin(intent("a")).fresh


def test_the_protect_price_is_not_part_of_a_market_order(journal: Journal) -> None:
    for price, fresh in ((38.6, True), (38.7, False)):
        request = market_order("600036", "buy", 100, protect_price=price)
        assert journal.begin(Intent.of(request, ACCOUNT, "a")).fresh is fresh


def test_accounts_do_not_share_ids(journal: Journal) -> None:
    request = limit_order("600036", "buy", 35.1, 100)
    assert journal.begin(Intent.of(request, "1", "a")).fresh
    assert journal.begin(Intent.of(request, "2", "a")).fresh
    assert journal.find("3", "a") is None


def test_a_long_remark_is_found_by_the_token_of_any_attempt(journal: Journal) -> None:
    made = Intent.of(limit_order("600036", "buy", 35.1, 100, remark="均线突破"), ACCOUNT, "a")
    assert made.remark == f"~{made.token}"
    first = journal.begin(made)
    journal.finish(first.key, "absent")
    second = journal.begin(made)
    assert [journal.user_remark_of(token) for token in (first.token, second.token, "a" * 12)] == [
        "均线突破",
        "均线突破",
        None,
    ]


# --- outcomes -----------------------------------------------------------------------------------------


def test_an_outcome_only_gets_firmer(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    steps: list[tuple[Outcome, int, str]] = [
        ("in_doubt", 0, "in_doubt"),
        ("not_sent", 0, "in_doubt"),
        ("absent", 0, "absent"),
        ("in_doubt", 0, "absent"),
        ("refused", 0, "refused"),
        ("in_doubt", 0, "refused"),
        ("accepted", 5, "accepted"),
        ("absent", 0, "accepted"),
        ("in_doubt", 0, "accepted"),
    ]
    for outcome, order_id, expected in steps:
        assert journal.finish(begun.key, outcome, order_id=order_id, message=outcome)
        assert found(journal, "a").outcome == expected
    entry = found(journal, "a")
    assert (entry.order_id, entry.message, entry.rejected_later) == (5, "accepted", "refused")


def test_a_refusal_after_the_acceptance_is_kept_beside_it(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    journal.finish(begun.key, "accepted", order_id=5)
    for order in (5, begun.token):
        assert journal.attach_refusal(ACCOUNT, order, f"[251005]{order}")
    journal.finish(begun.key, "refused", message="again")
    entry = found(journal, "a")
    assert (entry.outcome, entry.order_id, entry.rejected_later) == ("accepted", 5, "[251005]5")


def test_a_refusal_on_its_own_ends_a_doubt(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    journal.finish(begun.key, "in_doubt")
    journal.attach_refusal("another", begun.token, "no")
    assert found(journal, "a").outcome == "in_doubt"
    journal.attach_refusal(ACCOUNT, begun.token, "[260200]可用资金不足")
    assert (found(journal, "a").outcome, found(journal, "a").message) == ("refused", "[260200]可用资金不足")
    assert journal.open_doubts(ACCOUNT) == ()


def test_a_number_used_again_means_the_latest_order(journal: Journal) -> None:
    for name in ("old", "new"):
        journal.finish(journal.begin(intent(name)).key, "accepted", order_id=5)
    journal.attach_refusal(ACCOUNT, 5, "no")
    assert (found(journal, "old").rejected_later, found(journal, "new").rejected_later) == ("", "no")
    assert journal.attach_refusal(ACCOUNT, 6, "no")


def test_a_broken_message_does_not_lose_the_outcome(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    assert journal.finish(begun.key, "refused", message="可用\udcbf")
    assert found(journal, "a").message == "可用?"


def test_an_unknown_outcome_is_refused(journal: Journal) -> None:
    key = journal.begin(intent("a")).key
    for outcome in ("sending", "done"):
        with pytest.raises(InvalidArgument, match="accepted"):
            journal.finish(key, outcome)  # type: ignore[arg-type]


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
    path: Path, clock: Clock, alive: bool | None, after: float, expected: str
) -> None:
    journal = Journal(path, clock=clock, lease=60.0, is_alive=lambda pid, marker: alive)
    begun = journal.begin(intent("a"))
    clock.time += after
    assert found(journal, "a").outcome == expected
    assert [entry.key for entry in journal.entries(outcome="in_doubt")] == [begun.key] * (
        expected == "in_doubt"
    )
    assert len(journal.entries(outcome="sending")) == (expected == "sending")
    again = journal.begin(intent("a"))
    assert (again.fresh, again.known and again.known.outcome) == (False, expected)
    journal.close()


def test_a_doubt_counts_from_when_it_was_noticed(path: Path, clock: Clock) -> None:
    journal = Journal(path, clock=clock, is_alive=lambda pid, marker: False)
    journal.begin(intent("a"))
    clock.time += 100
    assert [entry.sent_at for entry in journal.open_doubts(ACCOUNT)] == [NOON + 100]
    clock.time += 100
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


# --- reading ------------------------------------------------------------------------------------------


def test_entries_are_filtered_newest_first(journal: Journal, clock: Clock) -> None:
    journal.begin(intent("a"))
    clock.time += 86_400
    journal.finish(journal.begin(intent("b")).key, "accepted")
    other = Intent.of(limit_order("000001", "sell", 10.0, 100), "2", "c")
    journal.finish(journal.begin(other).key, "not_sent")

    def names(**filters: object) -> str:
        return "".join(entry.client_order_id for entry in journal.entries(**filters))  # type: ignore[arg-type]

    assert (names(), names(limit=2), names(limit=0), names(account_id="2")) == ("cba", "cb", "", "c")
    assert (names(day="2025-11-03"), names(day="20251104"), names(outcome="accepted")) == ("a", "cb", "b")
    assert (names(security="sz000001"), names(outcome="sending", limit=1)) == ("c", "a")
    assert journal.sent_on(ACCOUNT, "2025-11-04") == (1, 3510.0)
    assert journal.sent_on("2", "2025-11-04") == (0, 0.0)
    for bad in ({"day": "11/3"}, {"outcome": "done"}, {"limit": -1}, {"limit": True}):
        with pytest.raises(InvalidArgument):
            journal.entries(**bad)  # type: ignore[arg-type]


def test_export_is_one_text_and_leaves_the_file_free(journal: Journal) -> None:
    remark = '备注,"x"\n'.strip()
    made = Intent.of(limit_order("600036", "buy", 35.1, 100, remark=remark), ACCOUNT, "0")
    journal.begin(made)
    for number in range(1, 501):
        journal.begin(intent(str(number)))
    pieces = journal.export("csv")
    text = next(pieces)
    journal.begin(intent("501"))
    rows = list(csv.DictReader((text + "".join(pieces)).splitlines()))
    assert [row["client_order_id"] for row in rows] == list(map(str, range(502)))
    assert (rows[0]["user_remark"], rows[0]["begun_at"]) == (remark, "2025-11-03T12:00:00.000+08:00")
    told = json.loads("".join(journal.export("json")))
    assert [row["client_order_id"] for row in told] == list(map(str, range(502)))
    with pytest.raises(InvalidArgument):
        journal.export("xml")  # type: ignore[arg-type]


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
def test_of_racing_processes_exactly_one_may_send(path: Path, clock: Clock, again: bool) -> None:
    count = 60
    if again:
        journal = Journal(path, clock=clock)
        for number in range(count):
            journal.finish(journal.begin(intent(str(number))).key, "absent")
        journal.close()
    racers = [child("race", path, count) for _ in range(3)]
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
    points = [*draw.sample(range(1, steps - 100), 6), *draw.sample(range(steps - 100, steps + 1), 10)]
    running = [(at, tmp_path / f"{at}.db", child("die", tmp_path / f"{at}.db", at)) for at in points]
    for at, path, process in running:
        told = process.communicate(timeout=60)[0].split()
        assert process.returncode == -signal.SIGKILL, at
        clock = Clock()
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


# --- a file that fails --------------------------------------------------------------------------------


def test_a_locked_file_is_given_up_within_the_deadline(path: Path, clock: Clock) -> None:
    journal = Journal(path, clock=clock, timeout=0.05)
    begun = journal.begin(intent("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match="占用.*没有发出任何委托") as caught:
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


def test_a_locked_new_file_is_given_up_within_the_deadline(path: Path, clock: Clock) -> None:
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
def test_a_full_disk_stops_orders_and_keeps_outcomes(path: Path, clock: Clock) -> None:
    text, error = child("limited", path).communicate(timeout=60)
    message, finished, count, after = text.splitlines()
    assert error == ""
    assert "没有发出任何委托" in message
    assert "磁盘" in message
    assert (finished, after) == ("False 1", "True 0")
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
    with pytest.raises(JournalError, match="磁盘已满.*没有发出任何委托.*腾出磁盘空间"):
        for number in range(1000):
            journal.begin(intent(str(number)))


@POSIX
@pytest.mark.parametrize("exists", [False, True])
def test_a_file_that_may_not_be_written(clock: Clock, exists: bool) -> None:
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


def test_a_corrupt_file_is_told_and_left_alone(path: Path, clock: Clock) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database at all " * 500)
    journal = Journal(path, clock=clock)
    with pytest.raises(JournalError, match="损坏.*没有发出任何委托.*移走"):
        journal.begin(intent("a"))
    assert path.read_bytes() == b"not a database at all " * 500
    path.unlink()
    assert journal.begin(intent("a")).fresh
    journal.close()


def test_a_file_damaged_inside_is_told(path: Path, clock: Clock) -> None:
    journal = Journal(path, clock=clock)
    for number in range(200):
        journal.begin(intent(str(number)))
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    with pytest.raises(JournalError, match="没有发出任何委托"):
        journal.begin(intent("a"))
    journal.close()


def test_a_folder_in_the_files_place_and_a_file_in_the_folders(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "journal.db"):
        journal = Journal(path, clock=clock)
        with pytest.raises(JournalError, match="打不开.*没有发出任何委托"):
            journal.begin(intent("a"))
        journal.close()


def test_a_database_of_something_else_is_left_alone(path: Path, clock: Clock) -> None:
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
        with pytest.raises(JournalError, match="格式 99.*升级 easytrader-qmt"):
            read()


def test_an_upgrade_is_all_or_nothing(journal: Journal, path: Path, clock: Clock) -> None:
    journal.begin(intent("a"))
    journal.close()

    def open_two(broken: bool) -> sqlite3.Connection:
        def step(connection: sqlite3.Connection) -> None:
            connection.execute("ALTER TABLE orders ADD COLUMN later TEXT")
            if broken:
                raise sqlite3.OperationalError("database or disk is full")

        return journal_schema.open_file(
            str(path), "NORMAL", lambda: 1.0, clock.sleep, NOON, version=2, migrations={1: step}
        )

    with pytest.raises(sqlite3.OperationalError):
        open_two(broken=True)
    upgraded = open_two(broken=False)
    assert upgraded.execute("SELECT max(version), count(*) FROM schema_version").fetchone() == (2, 2)
    assert upgraded.execute("SELECT client_order_id, later FROM orders").fetchone() == ("a", None)
    upgraded.close()


def test_closing_is_no_end(journal: Journal) -> None:
    journal.close()
    begun = journal.begin(intent("a"))
    journal.close()
    journal.close()
    assert journal.finish(begun.key, "accepted", order_id=1)
    assert found(journal, "a").outcome == "accepted"


def test_impossible_settings(path: Path, clock: Clock) -> None:
    with pytest.raises(InvalidArgument, match="synchronous"):
        Journal(path, clock=clock, synchronous="OFF")  # type: ignore[arg-type]
    for words in ({"timeout": 0.0}, {"timeout": float("nan")}, {"lease": -1.0}):
        with pytest.raises(InvalidArgument, match="timeout"):
            Journal(path, clock=clock, **words)
