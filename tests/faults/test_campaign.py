"""The short form of the campaign: nothing lost, doubled, missed or told twice, whatever happens."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.faults import campaign
from tests.faults.campaign_intents import Follower, Intent, Record, intents_of, lines_of
from tests.faults.campaign_script import KINDS, drawn
from tests.faults.campaign_table import ROWS, tables
from tests.faults.campaign_truth import Result, judged, ready_waits

ORDERS, SEED = 300, 7


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_nothing_is_lost_doubled_missed_or_told_twice(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    print(f"seed {SEED}")
    tables = tmp_path / "benchmarks" / "campaign.md"
    words = ["--orders", f"{ORDERS}", "--seed", f"{SEED}", "--markdown", f"{tables}"]
    failed = campaign.main(words)
    table = capsys.readouterr().out
    assert not failed, table
    assert "orders placed" in table
    assert f"| ours，种子 {SEED} | {ORDERS} | {ORDERS // 20} |" in tables.read_text(encoding="utf-8")


def test_a_seed_is_a_script() -> None:
    assert drawn(3, 1000, 200) == drawn(3, 1000, 200)
    assert drawn(3, 1000, 200) != drawn(4, 1000, 200)
    assert {fault.kind for fault in drawn(3, 1000, 500)} == set(KINDS)
    assert intents_of(3, 500) == intents_of(3, 500)
    assert len({intent.terms for intent in intents_of(3, 5000)}) == 5000


def test_a_record_is_read_while_it_is_written(tmp_path: Path) -> None:
    first, second, follower = Record(tmp_path, 1), Record(tmp_path, 2), Follower(tmp_path)
    seen: list[int] = []
    for number in range(100):
        (first if number < 60 else second).add("outcome", n=number)
        if number % 7 == 0:
            seen += [line["n"] for line in follower.news()]
    seen += [line["n"] for line in follower.news()]
    assert seen == list(range(100))
    assert [line["n"] for line in lines_of(tmp_path)] == seen


INTENTS = intents_of(1, 3)


def order(intent: Intent, number: int, status: int = 50) -> dict[str, Any]:
    code, order_type, _, amount = intent.terms
    return {
        "stock_code": code,
        "order_type": order_type,
        "price": intent.price,
        "order_volume": amount,
        "order_id": number,
        "order_status": status,
    }


def trade(number: str) -> dict[str, Any]:
    return {"account_id": "A", "stock_code": "600000.SH", "traded_id": number}


def told(number: str, by: str = "event", life: int = 1) -> dict[str, Any]:
    return {"kind": "trade", "key": f"A|SH|{number}", "by": by, "life": life}


def outcome(number: int, told_number: int) -> dict[str, Any]:
    return {"kind": "outcome", "n": number, "number": told_number}


GOOD = [outcome(0, 10), outcome(1, 11), outcome(2, 12)]
BOOK = [order(intent, 10 + intent.number) for intent in INTENTS]


@pytest.mark.parametrize(
    ("lines", "orders", "trades", "wrong"),
    [
        (GOOD, BOOK, [], {}),
        (GOOD, BOOK[:2], [], {"lost": 1}),
        (GOOD, [*BOOK, order(INTENTS[1], 13)], [], {"doubled": 1}),
        ([*GOOD[:2], outcome(2, 99)], BOOK, [], {"wrong": 1}),
        (GOOD, [*BOOK, {**order(INTENTS[0], 14), "order_volume": 7}], [], {"wrong": 1}),
        ([*GOOD, told("1")], BOOK, [trade("1")], {}),
        (GOOD, BOOK, [trade("1")], {"missed": 1}),
        ([*GOOD, told("1"), told("1")], BOOK, [trade("1")], {"twice": 1}),
        ([*GOOD, told("1"), told("1", life=2)], BOOK, [trade("1")], {"twice": 1}),
        ([*GOOD, told("1", "start"), told("1")], BOOK, [trade("1")], {}),
        ([*GOOD, told("1", "start"), told("1"), told("1")], BOOK, [trade("1")], {"twice": 1}),
        ([*GOOD, told("1", "start"), told("1", life=2)], BOOK, [trade("1")], {"twice": 1}),
        ([*GOOD, told("1")], BOOK, [], {"twice": 1}),
        ([*GOOD, {"kind": "late", "call": "place"}], BOOK, [], {"late": 1}),
        ([*GOOD, {"kind": "cancel", "n": 0, "done": True}], BOOK, [], {"cancels_untrue": 1}),
        ([*GOOD, {"kind": "cancel", "n": 0, "done": True}], [order(INTENTS[0], 10, 54), *BOOK[1:]], [], {}),
    ],
)  # fmt: skip
def test_the_book_judges(
    lines: list[dict[str, Any]],
    orders: list[dict[str, Any]],
    trades: list[dict[str, Any]],
    wrong: dict[str, int],
) -> None:
    result = judged(Result("ours", 1), INTENTS, lines, orders, trades, [])
    assert {name: count for name, count in result.zeros.items() if count} == wrong


def test_a_wait_for_ready_begins_when_the_terminal_is_there() -> None:
    def state(name: str, at: float) -> dict[str, Any]:
        return {"kind": "state", "state": name, "t": at}

    lines = [
        {"kind": "start", "t": 0.0},
        state("READY", 1.0),
        state("LOST", 10.0),
        state("CONNECTING", 10.1),
        state("LOST", 10.5),
        state("READY", 14.0),
        state("LOST", 20.0),
        state("READY", 20.5),
    ]
    log = [("terminal killed", 9.0, 13.0), ("pushes duplicated", 20.0, 30.0)]
    assert list(ready_waits(lines, log)) == [1.0, 1.0, 0.5]


def test_every_figure_and_fault_has_its_place_in_the_tables() -> None:
    result = Result("ours", 1)
    figures = {field.name for field in fields(Result)} - {"contender", "seed", "longest", "kinds"}
    assert {name for name, _, _ in ROWS} == figures
    assert set(result.zeros) < figures
    compared, course = tables([result, Result("easytrader", 2, kinds=dict.fromkeys(KINDS, 3))])
    assert [row[0] for row in compared.rows] == ["ours，种子 1", "easytrader，种子 2"]
    assert sum(row[2] == "3" for row in course.rows) == len(KINDS)
