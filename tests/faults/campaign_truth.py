"""What a campaign came to: the counter's own book against the strategy's record, as one table.

Pure: books and records in, figures and text out. Never asks the library what happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.measure import Table
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


COMMAND = "python -m tests.faults.campaign --contender ours|easytrader"
NOTES = (
    "The counter's own book is the truth. Lost: an intended order that is not in it; doubled: one that is in it"
    " more than once. Missed: a trade of the book that the strategy neither was told by its handler nor found at"
    " a start; twice: one its handler was told again. A call is late beyond its deadline and half a second.",
    "The time to READY counts from the loss or the start of the strategy, or from when the terminal could be"
    " reached again. A process had to be killed when it did not get on for 15 s without a fault; the scripted"
    " kills do not count.",
    "easytrader takes no order id and has no reconnect: its strategy does what its users do. It makes a call"
    " again that raised, hung for 3.5 s or brought no number, and calls `connect()` again after a disconnect was"
    " told or a call hung.",
)

ROWS = (
    ("orders intended", "intended"),
    ("faults injected", "faults"),
    ("orders placed", "placed"),
    ("orders lost", "lost"),
    ("orders doubled", "doubled"),
    ("orders or numbers nobody asked for", "wrong"),
    ("trades in the book", "trades"),
    ("trades missed", "missed"),
    ("trades delivered twice", "twice"),
    ("calls beyond their deadline", "late"),
    ("processes that had to be killed", "killed"),
    ("cancels asked", "cancels"),
    ("cancels told untruly", "cancels_untrue"),
    ("times READY", "readies"),
    ("longest time to READY, s", "ready_seconds"),
    ("orders once in doubt", "doubts"),
    ("calls to be made again later", "held"),
    ("of these for a full disk", "no_disk"),
    ("trades told after an outage", "recovered"),
    ("trades learned at a start", "at_start"),
    ("trades that came both ways at a start", "both_ways"),
    ("seconds", "seconds"),
)


def printed(result: Result) -> str:
    """One run as one table."""
    rows = [("contender", result.contender), ("seed", f"{result.seed}")]
    rows += [(label, f"{getattr(result, name):,}") for label, name in ROWS]
    rows += [(f"longest {call}, s", f"{seconds:.2f}") for call, seconds in sorted(result.longest.items())]
    rows += [(f"  {kind}", f"{times}") for kind, times in result.kinds.items()]
    return "\n".join(f"{label:<40}{value:>12}" for label, value in rows)


HEADS = ("intended", "faults", "placed", "lost", "doubled", "missed", "twice", "late", "killed")
HEADS += ("ready_seconds", "seconds")
"""The figures that the first table compares; the second has the rest."""


def tables(results: Sequence[Result]) -> list[Table]:
    """Every run as a row with what must be zero; then what the runs went through."""
    label_of = {name: label for label, name in ROWS}
    first = Table(
        "Fault campaign",
        f"{COMMAND} --orders ORDERS --seed SEED",
        ("contender, seed", *(label_of[name] for name in HEADS)),
        [(_run(one), *(_cell(getattr(one, name)) for name in HEADS)) for one in results],
        NOTES,
    )
    rest = [name for name in label_of if name not in HEADS]
    rows = [(label_of[name], *(_cell(getattr(one, name)) for one in results)) for name in rest]
    for call in sorted({call for one in results for call in one.longest}):
        rows.append((f"longest call: {call}, s", *(_cell(one.longest.get(call, 0.0)) for one in results)))
    for kind in sorted({kind for one in results for kind in one.kinds}):
        rows.append((f"fault: {kind}", *(_cell(one.kinds.get(kind, 0)) for one in results)))
    second = Table(
        "What the runs went through",
        f"{COMMAND} --orders ORDERS --seed SEED",
        ("", *map(_run, results)),
        rows,
    )
    return [first, second]


def _run(result: Result) -> str:
    return f"{result.contender}, {result.seed}"


def _cell(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
