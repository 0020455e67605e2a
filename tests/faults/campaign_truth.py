"""What a campaign came to: the counter's own book against the strategy's record.

Pure: books and records in, figures out. Never asks the library what happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.campaign_intents import Intent, terms_of, trade_key
from tests.faults.campaign_script import HARMLESS

_CANCELLED = (53, 54)


@dataclass
class Result:
    """The figures of one run; the first block is what must be zero."""

    contender: str
    seed: int
    intended: int = 0
    faults: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    missed: int = 0
    twice: int = 0
    late: int = 0
    killed: int = 0
    placed: int = 0
    trades: int = 0
    at_start: int = 0
    recovered: int = 0
    both_ways: int = 0
    doubts: int = 0
    held: int = 0
    no_disk: int = 0
    cancels: int = 0
    cancels_untrue: int = 0
    readies: int = 0
    ready_seconds: float = 0.0
    seconds: float = 0.0
    longest: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def zeros(self) -> dict[str, int]:
        """What is to be zero."""
        names = ("lost", "doubled", "wrong", "missed", "twice", "late", "killed", "cancels_untrue")
        return {name: getattr(self, name) for name in names}


def judged(
    result: Result,
    intents: Sequence[Intent],
    lines: Sequence[dict[str, Any]],
    orders: Sequence[dict[str, Any]],
    trades: Sequence[dict[str, Any]],
    log: Sequence[tuple[str, float, float]],
) -> Result:
    """Fill in what the book and the record say."""
    result.intended, result.faults = len(intents), len(log)
    result.kinds = dict(sorted(Counter(kind for kind, _, _ in log).items()))
    _orders(result, intents, lines, orders)
    _trades(result, lines, [trade_key(row) for row in trades])
    result.doubts = len({line["n"] for line in lines if line["kind"] == "doubt"})
    held = [line["text"] for line in lines if line["kind"] == "held"]
    result.held, result.no_disk = len(held), sum(text.startswith("JournalError") for text in held)
    result.late = sum(line["kind"] == "late" for line in lines)
    for line in lines:
        if line["kind"] == "longest":
            result.longest[line["call"]] = max(line["seconds"], result.longest.get(line["call"], 0.0))
    waits = list(ready_waits(lines, log))
    result.readies, result.ready_seconds = len(waits), round(max(waits, default=0.0), 2)
    return result


def _orders(
    result: Result,
    intents: Sequence[Intent],
    lines: Sequence[dict[str, Any]],
    orders: Sequence[dict[str, Any]],
) -> None:
    """Whose is each order of the book, and is it what the strategy was told?"""
    whose = {intent.terms: intent.number for intent in intents}
    found: dict[int, list[dict[str, Any]]] = {}
    for order in orders:
        if terms_of(order) in whose:
            found.setdefault(whose[terms_of(order)], []).append(order)
        else:
            result.wrong += 1
    told = {line["n"]: line["number"] for line in lines if line["kind"] == "outcome"}
    for intent in intents:
        there = found.get(intent.number, [])
        result.placed += bool(there)
        result.lost += not there
        result.doubled += len(there) > 1
        result.wrong += bool(there) and told.get(intent.number) not in [row["order_id"] for row in there]
    by_number = {row["order_id"]: row for row in orders}
    for line in lines:
        if line["kind"] == "cancel":
            result.cancels += 1
            row = by_number.get(told.get(line["n"], 0))
            ended = row is not None and row["order_status"] in _CANCELLED
            result.cancels_untrue += line["done"] != ended


def _trades(result: Result, lines: Iterable[dict[str, Any]], book: Sequence[str]) -> None:
    """How often each trade of the book was brought to the strategy, and how."""
    brought: dict[str, tuple[str, int]] = {}
    for line in lines:
        if line["kind"] != "trade":
            continue
        key, here = line["key"], (line["by"], line["life"])
        result.at_start += line["by"] == "start"
        result.recovered += line.get("recovered", False)
        if key in brought and brought[key] == ("start", line["life"]):
            result.both_ways += 1
        elif key in brought:
            result.twice += 1
        brought[key] = here
    result.trades = len(book)
    result.missed = len(set(book) - set(brought))
    result.twice += len(set(brought) - set(book))


def ready_waits(lines: Iterable[dict[str, Any]], log: Sequence[tuple[str, float, float]]) -> Iterable[float]:
    """Seconds to each READY, from its loss (or the start of the process) or from when the terminal was there."""
    began: float | None = None
    for line in lines:
        if line["kind"] == "start" or (line["kind"] == "state" and line["state"] == "LOST" and began is None):
            began = line["t"]
        elif line["kind"] == "state" and line["state"] == "READY" and began is not None:
            ready, since = line["t"], began
            for kind, start, end in log:
                if kind not in HARMLESS and start < ready and end > since:
                    since = min(ready, end)
            yield ready - since
            began = None
