"""What a campaign's strategy means to do, and the record it keeps of what it did and was told.

Every intent's terms occur once, so that the counter's own book says which order is whose without trusting a
remark. Never talks to a terminal.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASES = {
    "600000.SH": 1048,
    "600036.SH": 3550,
    "601318.SH": 5230,
    "000001.SZ": 1136,
    "000858.SZ": 12120,
    "300059.SZ": 2268,
}
"""What is traded, and the price in fen around which orders and quotes lie."""

WIDEST, WANDER = 45, 25
"""How many fen an order's price, and the market's, are at most away from the base."""

_LINES_PER_FILE = 24
"""So few that a record's file stays below the size at which the disk is full for the journal's."""

Terms = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Intent:
    """One order the strategy wants placed once. ``fen`` is its limit; ``cancel``: to be cancelled soon after."""

    number: int
    client_order_id: str
    action: str
    code: str
    fen: int
    amount: int
    cancel: bool

    @property
    def price(self) -> float:
        """The limit in yuan."""
        return self.fen / 100

    @property
    def terms(self) -> Terms:
        """What no other intent of the campaign has."""
        return self.code, 23 if self.action == "buy" else 24, self.fen, self.amount


def intents_of(seed: int, count: int) -> list[Intent]:
    """The same list for the same seed: buys and sells, about half of them beyond the market's price."""
    rng = random.Random(f"intents {seed}")
    lots = max(30, count // 100)
    seen: set[Terms] = set()
    made: list[Intent] = []
    while len(made) < count:
        code = rng.choice(list(BASES))
        action = rng.choice(("buy", "sell"))
        fen = BASES[code] + rng.randint(-WIDEST, WIDEST)
        number = len(made)
        intent = Intent(
            number, f"s{seed}-{number}", action, code, fen, 100 * rng.randint(1, lots), rng.random() < 0.2
        )
        if intent.terms not in seen:
            seen.add(intent.terms)
            made.append(intent)
    return made


def terms_of(order: dict[str, Any]) -> Terms:
    """The terms of a row of the counter's book."""
    return (
        order["stock_code"],
        int(order["order_type"]),
        round(order["price"] * 100),
        int(order["order_volume"]),
    )


def trade_key(trade: dict[str, Any]) -> str:
    """Account, market and number of a trade; a campaign lasts one day."""
    return f"{trade['account_id']}|{trade['stock_code'][-2:]}|{trade['traded_id']}"


class Record:
    """A process's lines in a folder of small append-only files; a line that was written survives a SIGKILL."""

    def __init__(self, folder: Path, life: int) -> None:
        self._folder = folder
        self._life = life
        self._lock = threading.Lock()
        self._lines = 0
        self._file = -1

    def add(self, kind: str, **fields: Any) -> None:
        """Write one line, whole or not at all."""
        line = json.dumps({"t": time.time(), "life": self._life, "kind": kind, **fields}, ensure_ascii=False)
        with self._lock:
            if self._lines % _LINES_PER_FILE == 0:
                if self._file >= 0:
                    os.close(self._file)
                name = self._folder / f"{self._life:04d}-{self._lines // _LINES_PER_FILE:06d}.jsonl"
                self._file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._lines += 1
            os.write(self._file, line.encode() + b"\n")


class Follower:
    """Reads a record's folder while others write to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, int] = {}
        self._done = ""

    def news(self) -> Iterator[dict[str, Any]]:
        """The lines that came since the last time, of each process in their order."""
        names = sorted(name for name in os.listdir(self._folder) if name >= self._done)
        for name in names:
            at = self._read.get(name, 0)
            with (self._folder / name).open("rb") as file:
                file.seek(at)
                whole = file.read().rpartition(b"\n")[0]
            if whole:
                self._read[name] = at + len(whole) + 1
                yield from map(json.loads, whole.split(b"\n"))
        # Two behind: the writer may still be at the one before the newest.
        self._done = names[-2] if len(names) > 1 else self._done


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Everything a record holds, of each process in its order."""
    return list(Follower(folder).news())
