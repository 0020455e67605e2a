"""Many intents or outcomes in one write: all of them or none, in the file and in memory alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from easytrader_qmt.errors import JournalError
from easytrader_qmt.journal import Journal
from easytrader_qmt.journal_entries import Intent
from easytrader_qmt.journal_memory import AnyJournal, MemoryJournal
from easytrader_qmt.orders import limit_order
from tests.clocks import FakeClock

ACCOUNT = "1000000001"


def intents(*names: str) -> list[Intent]:
    return [Intent.of(limit_order("600036", "buy", 35.0, 100), ACCOUNT, name) for name in names]


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AnyJournal:
    made: dict[str, Callable[[], AnyJournal]] = {
        "file": lambda: Journal(tmp_path / "orders.db", clock=FakeClock()),
        "memory": lambda: MemoryJournal(FakeClock()),
    }
    return made[request.param]()


def test_all_are_begun_and_each_is_its_own_order(journal: AnyJournal) -> None:
    begun = journal.begin_all(intents("a", "b", "c"))
    assert begun is not None
    assert [each.fresh for each in begun] == [True] * 3
    assert len({each.key for each in begun}) == len({each.token for each in begun}) == 3
    entries = journal.entries(ACCOUNT)
    assert [(one.client_order_id, one.outcome) for one in entries] == [
        ("c", "sending"),
        ("b", "sending"),
        ("a", "sending"),
    ]


@pytest.mark.parametrize("names", [("x", "a", "y"), ("x", "x")])
def test_a_known_id_among_them_begins_none(journal: AnyJournal, names: tuple[str, ...]) -> None:
    if "a" in names:
        journal.begin(intents("a")[0])
    before = journal.entries(ACCOUNT)
    assert journal.begin_all(intents(*names)) is None
    assert journal.entries(ACCOUNT) == before


def test_all_outcomes_are_written_and_a_weaker_one_changes_nothing(journal: AnyJournal) -> None:
    begun = journal.begin_all(intents("a", "b", "c"))
    assert begun is not None
    first, second, third = begun
    assert journal.finish_all([(first.key, "accepted", 7, ""), (second.key, "refused", 0, "资金不足")])
    assert journal.finish_all([(first.key, "in_doubt", 0, "晚了"), (third.key, "in_doubt", 0, "没有应答")])
    found = {one.client_order_id: one for one in journal.entries(ACCOUNT)}
    assert (found["a"].outcome, found["a"].order_id) == ("accepted", 7)
    assert (found["b"].outcome, found["b"].message) == ("refused", "资金不足")
    assert (found["c"].outcome, found["c"].message) == ("in_doubt", "没有应答")


def test_a_file_that_cannot_be_written_begins_none(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("", encoding="utf-8")
    journal = Journal(blocked / "orders.db", clock=FakeClock())
    with pytest.raises(JournalError):
        journal.begin_all(intents("a", "b"))


class Interrupted:
    """A connection on which Ctrl+C comes in one statement, and is raised before or after it is done."""

    def __init__(self, connection: sqlite3.Connection, statement: str, *, done: bool) -> None:
        self._connection = connection
        self._statement = statement
        self._done = done

    def execute(self, statement: str, *values: Any) -> Any:
        if statement != self._statement:
            return self._connection.execute(statement, *values)
        if self._done:
            self._connection.execute(statement, *values)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("many", [False, True])
def test_an_interrupt_at_the_end_of_a_write_leaves_nothing_begun(
    many: bool, done: bool, tmp_path: Path
) -> None:
    """Raised once all is in the file: none of them has left, so none may look as if it were being sent."""
    journal = Journal(tmp_path / "orders.db", clock=FakeClock())
    [again] = intents("again")
    first = journal.begin(again)
    journal.finish(first.key, "absent")
    file = journal._file
    connection = file._connection
    assert connection is not None
    file._connection = cast(sqlite3.Connection, Interrupted(connection, "COMMIT", done=done))
    with pytest.raises(KeyboardInterrupt):
        _ = journal.begin_all(intents("a", "b")) if many else journal.begin(again)  # another attempt
    file._connection = connection
    assert journal.entries(outcome="sending") == journal.open_doubts(ACCOUNT) == ()
    assert len(journal.entries(outcome="not_sent")) == (int(done) * (2 if many else 1))
    for one in (*intents("a", "b"), again):
        assert journal.begin(one).fresh
    journal.close()
