"""The order journal's one connection: whose turn it is, how long to wait, and what to do when the file fails.

It never knows what a statement means. After a failure the file is opened anew by the next call.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import JournalError
from easytrader_qmt.journal_schema import failure, open_file
from easytrader_qmt.liveness import process_marker

__all__ = ["JournalFile", "in_one_step"]

T = TypeVar("T")

# A checkpoint waits for the disk, so it comes after an order's answer, not before an order leaves.
_CHECKPOINT_EVERY = 128
_LEAST_WAIT = 0.001
# Closing a connection that came along in a fork would drop the locks of the parent.
_inherited: list[sqlite3.Connection] = []


class JournalFile:
    """One connection for all threads; a call waits ``timeout`` seconds at most for its turn and the file."""

    def __init__(self, path: str, clock: Clock, timeout: float, synchronous: str) -> None:
        self.path = path
        self.pid = 0
        self.marker = ""
        self._clock = clock
        self._timeout = timeout
        self._synchronous = synchronous
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._patience = timeout
        self._recorded = 0
        self._unwritten: list[tuple[str, Mapping[str, object]]] = []

    @property
    def unwritten(self) -> int:
        """How many records wait in memory for a file that can be written."""
        return len(self._unwritten)

    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self._connection is not None or os.path.exists(self.path)

    def close(self) -> None:
        """Let go of the file."""
        if self._turn.acquire(timeout=self._timeout):
            try:
                self._drop()
            finally:
                self._turn.release()

    def write(self, act: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``act`` on the connection; what waits in memory is written before. Raises JournalError."""
        connection = self._enter()
        try:
            while self._unwritten:
                connection.execute(*self._unwritten[0])
                self._unwritten.pop(0)
            return act(connection)
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error
        finally:
            self._turn.release()

    def read(self, query: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        """The rows of a query; none where there is no file. Raises JournalError."""
        if not self.exists():
            return []
        connection = self._enter()
        try:
            return connection.execute(query, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from error
        finally:
            self._turn.release()

    def record(self, *records: tuple[str, Mapping[str, object]], keep: bool = True) -> bool:
        """Run statements in one write, or keep them for the next one, unless told not to, and say False."""

        def act(connection: sqlite3.Connection) -> None:
            if len(records) == 1:
                connection.execute(*records[0])
            else:
                in_one_step(connection, lambda: [connection.execute(*each) for each in records])
            before, self._recorded = self._recorded, self._recorded + len(records)
            if before // _CHECKPOINT_EVERY != self._recorded // _CHECKPOINT_EVERY:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

        try:
            self.write(act)
        except JournalError:
            self._unwritten += records if keep else ()
            return False
        return True

    def _enter(self) -> sqlite3.Connection:
        if self.pid and self.pid != os.getpid():
            self._after_fork()
        left = self._timeout
        if not self._turn.acquire(blocking=False):
            deadline = self._clock.monotonic() + left
            if not self._turn.acquire(timeout=left):
                raise failure(sqlite3.OperationalError("journal is locked by another thread"), self.path)
            left = max(_LEAST_WAIT, deadline - self._clock.monotonic())
        try:
            connection = self._connection
            if connection is None:
                deadline = self._clock.monotonic() + left
                connection = self._open(deadline)
                left = max(_LEAST_WAIT, deadline - self._clock.monotonic())
            if connection.in_transaction:
                # Whoever began it was interrupted; what others write must not become part of it.
                connection.execute("ROLLBACK")
            if left != self._patience:
                connection.execute(f"PRAGMA busy_timeout={int(left * 1000)}")
                self._patience = left
        except BaseException as error:
            self._turn.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise failure(error, self.path) from error
            raise
        return connection

    def _open(self, deadline: float) -> sqlite3.Connection:
        self.pid = os.getpid()
        self.marker = process_marker(self.pid)
        self._connection = open_file(
            self.path,
            self._synchronous,
            lambda: max(_LEAST_WAIT, deadline - self._clock.monotonic()),
            self._clock.sleep,
            self._clock.now(),
        )
        self._patience = 0.0
        return self._connection

    def _failed(self, error: Exception) -> JournalError:
        if "locked" not in str(error):
            self._drop()
        return failure(error, self.path)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _after_fork(self) -> None:
        self._turn = threading.Lock()
        if self._connection is not None:
            _inherited.append(self._connection)
        self._connection = None
        self._unwritten = []
        self.pid = os.getpid()


def in_one_step(
    connection: sqlite3.Connection, act: Callable[[], T], undo: Callable[[], object] = lambda: None
) -> T:
    """Run ``act`` in one transaction: written whole, or not at all if it raises.

    ``undo`` takes back what was written, where an interrupt is raised only once it has been.
    """
    acted = False
    try:
        # Inside: SQLite waits for others here, and an interrupt meanwhile is raised once it has begun.
        connection.execute("BEGIN IMMEDIATE")
        done = act()
        acted = True
        connection.execute("COMMIT")
    except BaseException as error:
        if acted and not isinstance(error, Exception) and not connection.in_transaction:
            undo()
        raise
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return done
