"""The campaign's strategy, a process of its own that may be killed at any moment and is started again.

It places every intent of the seed's list once and cancels some, and keeps a record of its own: what became of
each intent, and each trade its handler was told. A trade that happens while it is dead is nobody's event: a
strategy that starts connects, then compares ``today_trades`` with its record and acts on what the record lacks.
A trade between the two steps comes both ways: the record, which the handler asks too, lets it count once.
"""

from __future__ import annotations

import argparse
import faulthandler
import heapq
import itertools
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tests.faults.campaign_contenders import AGAIN, CANCEL, CONTENDERS, FIRST, QUERY, RECONNECT, Contender
from tests.faults.campaign_intents import Intent, Record, intents_of, lines_of

T = TypeVar("T")

WORKERS = 3
SLACK = 0.5
"""Seconds beyond its deadline that a call may take on a busy machine."""
_DOUBT_SECONDS = 3.5
_END_SECONDS = 60.0


class Agenda:
    """What is to be done, shared by the workers: what is due again first, then the intents in their order.

    A job is an intent and the number to cancel, or 0.
    """

    def __init__(self) -> None:
        self._fresh: deque[Intent] = deque()
        self._later: list[tuple[float, int, Intent, int]] = []
        self._order = itertools.count()
        self._news = threading.Condition()
        self._open = 0

    def add(self, intent: Intent) -> None:
        """An intent to be placed for the first time in this life."""
        with self._news:
            self._open += 1
            self._fresh.append(intent)

    def add_cancel(self, intent: Intent, number: int) -> None:
        """An order to be cancelled soon."""
        with self._news:
            self._open += 1
        self.put_back(intent, number, 0.1)

    def put_back(self, intent: Intent, number: int, seconds: float) -> None:
        """A job that is to be tried again in ``seconds``."""
        with self._news:
            heapq.heappush(self._later, (time.monotonic() + seconds, next(self._order), intent, number))
            self._news.notify()

    def take(self) -> tuple[Intent, int]:
        """The next job, once there is one."""
        with self._news:
            while True:
                left = self._later[0][0] - time.monotonic() if self._later else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._later)[2:]
                if self._fresh:
                    return self._fresh.popleft(), 0
                self._news.wait(left)

    def hasten(self, client_order_id: str) -> None:
        """An intent's outcome is known: it need not wait any longer."""
        with self._news:
            for place, (_, order, intent, number) in enumerate(self._later):
                if intent.client_order_id == client_order_id and not number:
                    self._later[place] = (0.0, order, intent, number)
                    heapq.heapify(self._later)
                    self._news.notify()
                    return

    def finish(self) -> None:
        """A job is done for good."""
        with self._news:
            self._open -= 1
            self._news.notify_all()

    def wait_until_empty(self) -> None:
        """Until every job is done."""
        with self._news:
            self._news.wait_for(lambda: not self._open)


class Strategy:
    """Three workers, one agenda, one record."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._intents = intents_of(asked.seed, asked.orders)
        self._pace = WORKERS / asked.pace
        before = lines_of(asked.records)
        self._told = {line["key"] for line in before if line["kind"] == "trade"}
        self._tried = {line["n"] for line in before if line["kind"] == "try"}
        self._placed = {line["n"]: line for line in before if line["kind"] == "outcome"}
        self._cancelled = {line["n"] for line in before if line["kind"] == "cancel"}
        self._record = Record(asked.records, asked.life)
        self._lock = threading.Lock()
        self._longest: dict[str, float] = {}
        self._agenda = Agenda()
        self._contender: Contender = CONTENDERS[asked.contender](asked.home, asked.journal, self)

    # --- what the contender tells --------------------------------------------------------------

    def trade(self, key: str, recovered: bool) -> None:
        """The handler: on record before anything is done about it."""
        with self._lock:
            self._record.add("trade", key=key, by="event", recovered=recovered, known=key in self._told)
            self._told.add(key)

    def state(self, state: str) -> None:
        self._record.add("state", state=state)

    def resolved(self, client_order_id: str) -> None:
        self._agenda.hasten(client_order_id)

    # --- its life ------------------------------------------------------------------------------

    def run(self) -> None:
        self._record.add("start")
        while not self._contender.connect():
            time.sleep(0.1)
        self._compare()
        for intent in self._intents:
            placed = self._placed.get(intent.number)
            if placed is None:
                self._agenda.add(intent)
            elif intent.cancel and placed["number"] and intent.number not in self._cancelled:
                self._agenda.add_cancel(intent, placed["number"])
        for place in range(WORKERS):
            threading.Thread(target=self._work, name=f"worker {place}", daemon=True).start()
        self._agenda.wait_until_empty()
        self._record.add("all done")
        sys.stdin.readline()
        deadline = time.monotonic() + _END_SECONDS
        while not self._contender.alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        self._record.add("settled")
        self._contender.exit()
        self._record.add("end")

    def _compare(self) -> None:
        """Learn of the trades that happened while nobody was there to be told."""
        while True:
            try:
                happened = self._timed("query", QUERY, self._contender.trades)
                break
            except Exception as error:
                self._record.add("note", text=f"compare: {error!r}")
                self._contender.wait(0.5)
        # What happens from here on is told; what was told meanwhile is on record already.
        with self._lock:
            for key in happened:
                if key not in self._told:
                    self._record.add("trade", key=key, by="start", known=False)
                    self._told.add(key)

    def _work(self) -> None:
        while True:
            intent, number = self._agenda.take()
            try:
                while not self._timed("connect", RECONNECT, self._contender.ready):
                    time.sleep(0.1)
                began = time.monotonic()
                self._cancel(intent, number) if number else self._place(intent)
                time.sleep(max(0.0, self._pace - (time.monotonic() - began)))
            except Exception as error:
                self._record.add("note", text=f"{intent.client_order_id}: {error!r}")
                self._agenda.put_back(intent, number, 0.5)

    def _place(self, intent: Intent) -> None:
        again = intent.number in self._tried
        if not again:
            self._tried.add(intent.number)
            self._record.add("try", n=intent.number)
        said = self._timed("again" if again else "place", AGAIN if again else FIRST,
                           lambda: self._contender.place(intent))  # fmt: skip
        if said.kind == "later":
            self._record.add("held", n=intent.number, text=said.text)
            self._agenda.put_back(intent, 0, 0.05)
            self._contender.wait(0.5)
        elif said.kind == "doubt":
            self._record.add("doubt", n=intent.number, text=said.text)
            self._agenda.put_back(intent, 0, _DOUBT_SECONDS)
        else:
            self._record.add("outcome", n=intent.number, number=said.number, text=said.text)
            if intent.cancel and said.number:
                self._agenda.add_cancel(intent, said.number)
            self._agenda.finish()

    def _cancel(self, intent: Intent, number: int) -> None:
        said = self._timed("cancel", CANCEL, lambda: self._contender.cancel(number))
        if said.kind in ("done", "refused"):
            self._record.add("cancel", n=intent.number, done=said.kind == "done", text=said.text)
            self._agenda.finish()
        else:
            self._agenda.put_back(intent, number, 0.2)
            self._contender.wait(0.5)

    def _timed(self, what: str, deadline: float, call: Callable[[], T]) -> T:
        """Make a call; a watch notes the one that passes its deadline even if it never comes back."""
        began = time.monotonic()
        watch = threading.Timer(deadline + SLACK, lambda: self._record.add("late", call=what))
        watch.daemon = True
        watch.start()
        try:
            return call()
        finally:
            watch.cancel()
            took = time.monotonic() - began
            if took > max(0.2, self._longest.get(what, 0.0)):
                self._longest[what] = took
                self._record.add("longest", call=what, seconds=round(took, 3))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the strategy; the exit status."""
    parser = argparse.ArgumentParser()
    for name in ("home", "records", "journal"):
        parser.add_argument(name, type=Path)
    for name in ("seed", "orders", "life"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--pace", type=float, default=50.0)
    parser.add_argument("--contender", choices=sorted(CONTENDERS), default="ours")
    parser.add_argument("--log", default="")
    asked = parser.parse_args(argv)
    from loguru import logger

    logger.remove()
    # Whoever has to kill it asks first where it stands.
    stacks = open(stacks_of(asked.records, asked.life), "w", encoding="utf-8")  # noqa: SIM115
    faulthandler.register(signal.SIGUSR1, stacks, all_threads=True)
    if asked.log:
        logger.add(asked.log, level="INFO", catch=False)
    Strategy(asked).run()
    return 0


def stacks_of(records: Path, life: int) -> Path:
    """Where a life of the strategy writes the stacks of its threads when it is asked for them."""
    return records.with_name(f"stacks-{life}.txt")


def environment() -> dict[str, Any]:
    """For a child that must find these modules and speak UTF-8."""
    return {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}


if __name__ == "__main__":
    raise SystemExit(main())
