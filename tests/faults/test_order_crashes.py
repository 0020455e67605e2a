"""A strategy that is killed at any step of an order's way and started again: nothing doubled, nothing lost."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.remarks import order_token, token_of
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from tests.facade import SOON
from tests.faults import strategy
from tests.link_peers import eventually

ACCOUNT = "SIM0000000001"
Start = Callable[[], SpawnedTerminal]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "userdata_mini"


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts the terminal; whatever runs at the end is ended."""
    made: list[SpawnedTerminal] = []

    def begin() -> SpawnedTerminal:
        made.append(spawn(home, connect_timeout=0.1, session_gap=0.0))
        return made[-1]

    yield begin
    for child in made:
        child.__exit__()


class Strategy:
    """One run of the strategy process."""

    def __init__(self, home: Path, *ids: str, stage: str = "", wait: bool = False) -> None:
        # Whatever a killed process leaves in its temporary folder stays in the test's own.
        env = {**os.environ, "STAGE": stage, "WAIT": "1" if wait else "", "TMPDIR": str(home.parent)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.strategy", str(home), *ids],
            env={**env, "PYTHONIOENCODING": "utf-8"},
            cwd=Path(strategy.__file__).parent.parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def line(self) -> Any:
        """The next thing it says; None at its end."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        return json.loads(text) if text else None

    def go(self) -> None:
        """Let it place its orders."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, list[Any]]:
        """Its status, and all it still said."""
        said, complaints = self.process.communicate(timeout=SOON)
        print(complaints)
        return self.process.returncode, [json.loads(line) for line in said.splitlines()]


def run(home: Path, *ids: str, stage: str = "") -> tuple[int, list[Any]]:
    return Strategy(home, *ids, stage=stage).end()


def at_the_counter(child: SpawnedTerminal) -> dict[str | None, int]:
    """The counter's orders by token; that there is one for each is checked here."""
    with child.control() as control:
        orders = control.orders()
    tokens = [token_of(order["order_remark"]) for order in orders]
    assert len(set(tokens)) == len(tokens), "an order was doubled"
    return {token: order["order_id"] for token, order in zip(tokens, orders, strict=True)}


def first_token(client_order_id: str, attempts: int = 2) -> set[str]:
    return {order_token(ACCOUNT, client_order_id, attempt) for attempt in range(attempts)}


@pytest.mark.parametrize("stage", strategy.STAGES)
def test_killed_at_a_stage_and_started_again(stage: str, start: Start, home: Path) -> None:
    child = start()
    status, said = run(home, "one", stage=stage)
    assert (status != 0, said) == (True, [])
    reached = at_the_counter(child)
    if stage == "begun":
        assert reached == {}
    elif stage != "sent":
        assert len(reached) == 1
    status, [answer] = run(home, "one")
    assert status == 0
    orders = at_the_counter(child)
    assert list(orders.values()) == [answer["entrust_no"]]
    assert set(orders) <= first_token("one")
    if reached:
        assert orders == reached
    assert run(home, "one") == (0, [answer])
    assert at_the_counter(child) == orders


def test_the_terminal_dies_as_well(start: Start, home: Path) -> None:
    child = start()
    run(home, "one", stage="arrived")
    placed = at_the_counter(child)
    assert len(placed) == 1
    child.kill()
    child = start()
    assert run(home, "one") == (0, [{"id": "one", "entrust_no": next(iter(placed.values()))}])
    assert at_the_counter(child) == placed


def test_the_terminal_dies_while_an_order_is_under_way(start: Start, home: Path) -> None:
    child = start()
    trading = Strategy(home, "one", "two", wait=True)
    assert trading.line() == "ready"
    with child.control() as control:
        control.faults.lose_responses(1)
        trading.go()
        # The order is at the counter, its answer is not coming; the strategy waits for it.
        eventually(control.orders)
    child.kill()
    child = start()
    status, answers = trading.end()
    assert status == 0
    orders = at_the_counter(child)
    assert [answer["id"] for answer in answers] == ["one", "two"]
    assert list(orders.values()) == [answer["entrust_no"] for answer in answers]


def test_two_processes_race_with_one_id(start: Start, home: Path) -> None:
    child = start()
    ids = [f"race-{at}" for at in range(20)]
    racers = [Strategy(home, *ids, wait=True) for _ in range(2)]
    assert [racer.line() for racer in racers] == ["ready", "ready"]
    for racer in racers:
        racer.go()
    (status, said), (other_status, other_said) = (racer.end() for racer in racers)
    assert (status, other_status) == (0, 0)
    assert said == other_said
    orders = at_the_counter(child)
    assert list(orders.values()) == [answer["entrust_no"] for answer in said]
    assert len(orders) == 20


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_at_any_moment(seed: int, start: Start, home: Path) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    child = start()
    ids = [f"grid-{at}" for at in range(60)]
    told: dict[str, int] = {}
    for _ in range(4):
        trading = Strategy(home, *ids)
        for _ in range(rng.randrange(1, 50)):
            answer = trading.line()
            if answer is None:
                break
            assert told.setdefault(answer["id"], answer["entrust_no"]) == answer["entrust_no"]
        trading.process.kill()
        trading.end()
    status, answers = run(home, *ids)
    assert status == 0
    assert {answer["id"]: answer["entrust_no"] for answer in answers} | told == {
        answer["id"]: answer["entrust_no"] for answer in answers
    }
    orders = at_the_counter(child)
    assert sorted(orders.values()) == sorted(answer["entrust_no"] for answer in answers)
    assert len(orders) == 60
