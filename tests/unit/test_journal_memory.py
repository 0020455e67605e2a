"""The journal in memory: the same rules as the one on disk, for the life of a process, and no longer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easytrader_qmt.errors import InvalidOrder, JournalError
from easytrader_qmt.journal import Intent, Journal
from easytrader_qmt.journal_memory import MemoryJournal, RemarkBook, memory_journal
from easytrader_qmt.orders import limit_order
from tests.clocks import FakeClock

ACCOUNTS = ("A1", "A2")
NAMES = ("x", "y")
OUTCOMES: tuple[Any, ...] = ("accepted", "refused", "not_sent", "in_doubt", "absent")


def intent(account: str, name: str, amount: int = 100) -> Intent:
    kind = 3 if name == "y" else 2
    order = limit_order("600036", "buy", 35.0, amount, remark="备注")
    return Intent.of(order, account, name, account_type=kind)


STEPS = st.one_of(
    st.tuples(
        st.just("begin"), st.sampled_from(ACCOUNTS), st.sampled_from(NAMES), st.sampled_from((100, 100, 200))
    ),
    st.tuples(st.just("finish"), st.integers(0, 5), st.sampled_from(OUTCOMES), st.sampled_from((0, 7, 8))),
    st.tuples(
        st.just("refuse"), st.sampled_from(ACCOUNTS), st.sampled_from((7, 8, "token")), st.integers(0, 5)
    ),
    st.tuples(st.just("live"), st.integers(0, 5), st.sampled_from((0, 7, 8)), st.just(0)),
    st.tuples(st.just("day"), st.just(0), st.just(0), st.just(0)),
)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(STEPS, max_size=25))
def test_it_decides_as_the_one_on_disk_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    clock = FakeClock()
    disk = Journal(tmp_path_factory.mktemp("journal") / "orders.db", clock=clock, is_alive=lambda *_: True)
    memory = MemoryJournal(clock)
    begun: list[tuple[int, int, str]] = []
    for kind, *rest in steps:
        clock.pass_(1)
        if kind == "day":
            clock.pass_(86_400)
        elif kind == "begin":
            answers = []
            for journal in (disk, memory):
                try:
                    found = journal.begin(intent(*rest))
                    answers.append((found.fresh, found.attempt, found.token, found.remark, found.key))
                except InvalidOrder as error:
                    answers.append((error.field,))
            assert answers[0][:4] == answers[1][:4]
            if answers[0][0] is True:
                begun.append((answers[0][4], answers[1][4], answers[0][2]))
        elif kind == "finish" and rest[0] < len(begun):
            for journal, key in zip((disk, memory), begun[rest[0]], strict=False):
                journal.finish(key, rest[1], order_id=rest[2], message=f"{rest[1]}")
        elif kind == "live" and rest[0] < len(begun):
            for journal, key in zip((disk, memory), begun[rest[0]], strict=False):
                journal.found_live(key, rest[1], "在柜台")
        elif kind == "refuse" and rest[2] < len(begun):
            order = begun[rest[2]][2] if rest[1] == "token" else rest[1]
            for journal in (disk, memory):
                journal.attach_refusal(rest[0], order, "柜台拒绝")
        assert seen(disk) == seen(memory)
    disk.close()


def seen(journal: Any) -> list[Any]:
    """All that the order path can ask of a journal."""
    said: list[Any] = [journal.open_doubts(account, kind) for account in ACCOUNTS for kind in (0, 2, 3)]
    said = [[(entry.token, entry.sent_at) for entry in entries] for entries in said]
    for account in ACCOUNTS:
        for name in NAMES:
            every = journal.attempts(account, name)
            said.append([(each.token, each.outcome, each.account_type) for each in every])
            said += [journal.find_token(account, each.token).outcome for each in every]
            entry = journal.find(account, name)
            said.append(
                entry and (entry.outcome, entry.order_id, entry.message, entry.rejected_later, entry.token)
            )
        said.append(journal.sent_on(account, "2023-11-15"))
        said += [entry.token for entry in journal.entries(account, outcome="accepted")]
    return said


def test_it_belongs_to_a_terminal_and_not_to_a_connection(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "a").mkdir()
    one = memory_journal(str(tmp_path / "a"), clock)
    assert memory_journal(str(tmp_path / "a" / ".." / "a"), clock) is one
    assert memory_journal(str(tmp_path / "b"), clock) is not one


def test_it_forgets_the_oldest_orders_but_no_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("easytrader_qmt.journal_memory._KEPT", 10)
    journal = MemoryJournal(FakeClock())
    doubt = journal.begin(intent("A1", "doubt"))
    journal.finish(doubt.key, "in_doubt")
    for at in range(50):
        journal.finish(journal.begin(intent("A1", f"n{at}")).key, "accepted", order_id=at + 1)
    assert [entry.client_order_id for entry in journal.open_doubts("A1")] == ["doubt"]
    assert journal.find("A1", "n0") is None
    assert journal.find("A1", "n49") is not None
    assert len(journal.entries()) == 10
    assert journal.user_remark_of(doubt.token) == "备注"


class Remarks:
    """A journal that knows remarks, or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def user_remark_of(self, token: str) -> str | None:
        self.asked += 1
        if self.broken:
            raise JournalError("日志被占用")
        return {"t1": "一", "t2": "二"}.get(token)


def test_a_remark_is_asked_for_once() -> None:
    journal = Remarks()
    book = RemarkBook(journal, FakeClock())  # type: ignore[arg-type]
    assert [book.get("t1"), book.get("t1"), book.get("none"), book.get("none")] == ["一", "一", None, None]
    assert journal.asked == 2
    book.note("t3", "三")
    assert book["t3"] == "三"
    assert journal.asked == 2
    assert bool(book)


def test_a_journal_that_fails_does_not_hold_up_a_query() -> None:
    journal, clock = Remarks(), FakeClock()
    book = RemarkBook(journal, clock)  # type: ignore[arg-type]
    journal.broken = True
    assert [book.get(f"t{at}") for at in range(1000)] == [None] * 1000
    assert journal.asked == 1
    journal.broken = False
    clock.pass_(61)
    assert book["t1"] == "一"
