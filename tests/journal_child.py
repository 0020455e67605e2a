"""A process of its own for the journal's tests: it races, or is killed in the middle of a write.

``race path count``: begins ``count`` ids after a line on stdin, prints those it may send.
``die path at``: begins and finishes one order and kills itself at the ``at``-th step of SQLite's machine,
printing what it was told before. ``limited path``: writes until the file may not grow.
``nobody path``: begins as a user who may not write.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.errors import JournalError
from easytrader_qmt.journal import Intent, Journal
from easytrader_qmt.liveness import process_marker
from easytrader_qmt.orders import limit_order

ACCOUNT = "1000000365"


def intent(client_order_id: str) -> Intent:
    return Intent.of(limit_order("600036", "buy", 35.1, 100), ACCOUNT, client_order_id)


def child(*words: object) -> subprocess.Popen[str]:
    """Start a process with these words."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.journal_child", *map(str, words)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def race(journal: Journal, count: int) -> None:
    journal.find(ACCOUNT, "opens the file, if there is one")
    print("ready", flush=True)
    sys.stdin.readline()
    print(*(name for name in map(str, range(count)) if journal.begin(intent(name)).fresh))


def die(journal: Journal, at: int) -> None:
    seen = 0

    def step() -> int:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    connect = sqlite3.connect

    def counted(*args: Any, **words: Any) -> sqlite3.Connection:
        connection = connect(*args, **words)
        connection.set_progress_handler(step, 1)
        return connection

    sqlite3.connect = counted  # type: ignore[assignment]
    begun = journal.begin(intent("dies"))
    print("fresh" if begun.fresh else "known", flush=True)
    journal.finish(begun.key, "accepted", order_id=7)
    print("finished", seen, flush=True)


def limited(journal: Journal) -> None:
    import resource

    journal.begin(intent("before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, resource.RLIM_INFINITY))
    begun = []
    try:
        for number in range(10_000):
            begun.append(journal.begin(intent(str(number))))
    except JournalError as error:
        print(error)
    print(journal.finish(begun[0].key, "accepted", order_id=7), journal.unwritten)
    print(len(begun))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(journal.begin(intent("after")).fresh, journal.unwritten)


def nobody(journal: Journal) -> None:
    if os.geteuid() == 0:
        process_marker(os.getpid())  # what Python loads for it may be hidden from that user
        os.seteuid(65534)
    try:
        print(journal.begin(intent("denied")))
    except JournalError as error:
        print(error)


if __name__ == "__main__":
    what, path, *rest = sys.argv[1:]
    made = Journal(path, clock=SystemClock(), timeout=30.0)
    globals()[what](made, *map(int, rest))
    made.close()
