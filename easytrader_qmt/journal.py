"""The order journal: what is about to be sent is on disk before it is sent, and what became of it after.

Whoever may send an order asks `Journal.begin` first: of all threads and processes that use one client order
id, exactly one is told to send. A process may be killed at any moment; what it had begun then counts as in
doubt. It never sends, never asks a counter, and no call waits longer than the given timeout. With
``synchronous='NORMAL'`` a power failure (not a killed process) may take the last moments with it; 'FULL'
forces every intent to the disk first, and costs two disk flushes per order.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from easytrader_qmt import journal_sql as sql
from easytrader_qmt.clock import Clock, shanghai
from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Entry, Intent, Outcome, entry_of, sent_of
from easytrader_qmt.journal_file import JournalFile, in_one_step
from easytrader_qmt.liveness import is_alive as process_is_alive
from easytrader_qmt.remarks import order_token, outgoing_remark

__all__ = ["Begun", "Entry", "Intent", "Journal", "Outcome"]

_PAGE_OF_EXPORT = 500


class Journal:
    """One journal file, shared by any number of threads and processes.

    The file and its folders are made by the first write. ``timeout``: how many seconds a call may wait for
    others that use the file. ``lease``: for how many seconds an unfinished order is left to a process of
    which nobody can tell whether it lives; ``is_alive(pid, marker)`` tells it (see `liveness`).

    Every method but `finish`, `attach_refusal` and `found_live` raises JournalError when the file cannot be used. After
    `close` the next call opens the file again.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock,
        timeout: float = 5.0,
        synchronous: Literal["NORMAL", "FULL", "EXTRA"] = "NORMAL",
        lease: float = 60.0,
        is_alive: Callable[[int, str], bool | None] = process_is_alive,
    ) -> None:
        if synchronous not in ("NORMAL", "FULL", "EXTRA"):
            raise InvalidArgument(f"synchronous 只能是 NORMAL、FULL 或 EXTRA，收到 {synchronous!r}")
        if not timeout > 0 or not lease >= 0:
            raise InvalidArgument(f"timeout 必须大于 0、lease 不能为负，收到 {timeout!r} 和 {lease!r}")
        self.path = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self._clock = clock
        self._lease = lease
        self._is_alive = is_alive
        self._file = JournalFile(self.path, clock, timeout, synchronous)

    @property
    def unwritten(self) -> int:
        """How many outcomes wait in memory because the file could not be written."""
        return self._file.unwritten

    def close(self) -> None:
        """Let go of the file. Never raises."""
        self._file.close()

    def begin(self, intent: Intent) -> Begun:
        """Put an intent on disk. Only if the answer is ``fresh`` the caller may send, and must then `finish`.

        A known id is not sent again, unless every earlier attempt is proved to be nowhere (outcome not_sent
        or absent): then exactly one caller gets the next attempt, with a token and a remark of its own.

        Raises InvalidOrder (field ``client_order_id``) for an id that stands for another order already, and
        JournalError, with nothing sent.
        """

        def act(connection: sqlite3.Connection) -> Begun:
            row = self._row(intent, 0, intent.token, intent.remark)
            before = connection.total_changes
            try:
                cursor = connection.execute(sql.INSERT, row)
                if cursor.rowcount == 1 and cursor.lastrowid is not None:
                    return Begun(True, cursor.lastrowid, 0, intent.token, intent.remark)
            except BaseException:
                # An interrupt during the wait for the file is raised once the intent is in it.
                if connection.total_changes > before:
                    _take_back(connection, [intent.token])
                raise
            return self._begin_known(connection, intent)

        return self._file.write(act)

    def _begin_known(self, connection: sqlite3.Connection, intent: Intent) -> Begun:
        inserted: list[str] = []
        return in_one_step(
            connection,
            lambda: self._next_attempt(connection, intent, inserted),
            lambda: _take_back(connection, inserted),
        )

    def begin_all(self, intents: Sequence[Intent]) -> list[Begun] | None:
        """Put many new intents on disk in one write: all of them fresh, or None and none of them begun.

        None: one of the ids or tokens is known, so each must be begun by itself. Raises JournalError, with
        nothing sent.
        """

        inserted: list[str] = []

        def insert(connection: sqlite3.Connection) -> list[Begun]:
            begun = []
            for intent in intents:
                cursor = connection.execute(sql.INSERT, self._row(intent, 0, intent.token, intent.remark))
                if cursor.rowcount != 1 or cursor.lastrowid is None:
                    raise _Known
                begun.append(Begun(True, cursor.lastrowid, 0, intent.token, intent.remark))
                inserted.append(intent.token)
            return begun

        def act(connection: sqlite3.Connection) -> list[Begun]:
            return in_one_step(
                connection, lambda: insert(connection), lambda: _take_back(connection, inserted)
            )

        try:
            return self._file.write(act)
        except _Known:
            return None

    def _next_attempt(self, connection: sqlite3.Connection, intent: Intent, inserted: list[str]) -> Begun:
        rows = connection.execute(sql.OF_ID, (intent.account_id, intent.client_order_id)).fetchall()
        attempts = [self._entry(row) for row in rows]
        mine = (intent.terms, intent.account_type)
        other = next((entry for entry in attempts if not entry.stands_for(*mine)), None)
        if other is not None or not attempts:
            raise _other_order(intent, other)
        standing = max(attempts, key=lambda entry: entry.firmness)
        if standing.outcome == "in_doubt":
            connection.execute(sql.FINISH["in_doubt"], self._outcome(standing.key, 0, ""))
        if standing.outcome not in RETRYABLE:
            return Begun(False, standing.key, standing.attempt, standing.token, standing.remark, standing)
        attempt = attempts[-1].attempt + 1
        token = order_token(intent.account_id, intent.client_order_id, attempt)
        remark = outgoing_remark(intent.user_remark, token)
        key = connection.execute(sql.INSERT, self._row(intent, attempt, token, remark)).lastrowid
        assert key is not None
        inserted.append(token)
        return Begun(True, key, attempt, token, remark)

    def finish(
        self, key: int, outcome: Outcome, *, order_id: int = 0, message: str = "", keep: bool = True
    ) -> bool:
        """Write what became of an order. Never raises for the file: the order has left already.

        False: it could not be written now; with ``keep`` it is kept and tried again with the next write, and
        until then the order counts as in doubt for others. An outcome only gets firmer: sending, then in_doubt,
        not_sent or absent, then refused, then accepted; a weaker one that comes later changes nothing, and
        a refusal of an accepted order is kept beside it as `Entry.rejected_later`.
        Raises InvalidArgument for an outcome that does not exist.
        """
        statement = sql.FINISH.get(outcome)
        if statement is None:
            raise InvalidArgument(f"委托结果只能是 {'、'.join(sql.FINISH)}，收到 {outcome!r}")
        return self._file.record((statement, self._outcome(key, order_id, message)), keep=keep)

    def finish_all(self, outcomes: Sequence[tuple[int, Outcome, int, str]]) -> bool:
        """`finish` many orders in one write: key, outcome, order number and message of each."""
        return self._file.record(
            *(
                (sql.FINISH[outcome], self._outcome(key, number, text))
                for key, outcome, number, text in outcomes
            )
        )

    def attach_refusal(self, account_id: str, order: int | str, message: str) -> bool:
        """Write a refusal that came on its own, for an ``order_id`` or a token.

        An accepted order stays accepted (it was at the counter) and gets `Entry.rejected_later`, the first
        one; any other becomes refused. A number means today's latest order of that number, 0 and less none.
        False as in `finish`; an order that is not in the journal changes nothing.
        """
        if isinstance(order, int) and order <= 0:
            return True  # what has no number yet is not the order that a refusal without one is about
        midnight = shanghai(self._clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
        values = self._outcome(0, 0, message)
        values |= {"account": account_id, "order": order, "midnight": midnight.timestamp()}
        return self._file.record((sql.REFUSE_TOKEN if isinstance(order, str) else sql.REFUSE_NUMBER, values))

    def found_live(self, key: int, order_id: int, message: str) -> bool:
        """Write that an order which counted as absent or refused is at the counter after all.

        Its refusal is forgotten, for it was none. False as in `finish`.
        """
        return self._file.record((sql.FOUND_LIVE, self._outcome(key, order_id, message)))

    def open_doubts(self, account_id: str, account_type: int = 0) -> tuple[Entry, ...]:
        """The orders of which nobody knows whether they are live, oldest first.

        ``account_type``: only of this type or of one that is not known; 0: of every type.
        Those that a dead process left behind are noted as in doubt from this moment on (their `sent_at`): ask
        before the snapshot that shall resolve them.
        """

        def act(connection: sqlite3.Connection) -> tuple[Entry, ...]:
            found = [self._entry(row) for row in connection.execute(sql.OPEN, (account_id, account_type))]
            doubts = tuple(entry for entry in found if entry.outcome == "in_doubt")
            for entry in doubts:
                connection.execute(sql.FINISH["in_doubt"], self._outcome(entry.key, 0, ""))
            return doubts

        return self._file.write(act) if self._file.exists() else ()

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """What became of an order: its firmest attempt, or None."""
        return max(self.attempts(account_id, client_order_id), key=lambda entry: entry.firmness, default=None)

    def attempts(self, account_id: str, client_order_id: str) -> tuple[Entry, ...]:
        """Every attempt to send an order, first to last."""
        return tuple(self._rows(sql.OF_ID, (account_id, client_order_id)))

    def find_token(self, account_id: str, token: str) -> Entry | None:
        """The attempt that left with this token, or None."""
        return next(iter(self._rows(sql.OF_TOKEN, (token, account_id))), None)

    def user_remark_of(self, token: str) -> str | None:
        """The user's own remark of the order with this token; None for a token that is not in the journal."""
        return next((entry.user_remark for entry in self._rows(sql.OF_ANY_TOKEN, (token,))), None)

    def sent_on(self, account_id: str, day: date | str, account_type: int = 0) -> tuple[int, float]:
        """How many orders of a day may have left, and what they are worth in yuan as far as known.

        ``account_type``: as in `open_doubts`.
        """
        return sent_of(self.entries(account_id, day=day), account_type)

    def entries(
        self,
        account_id: str | None = None,
        *,
        day: date | str | None = None,
        outcome: Outcome | None = None,
        security: str | None = None,
        limit: int | None = None,
    ) -> tuple[Entry, ...]:
        """The newest ``limit`` entries that fit every filter, newest first.

        ``day``: a date or ``2025-11-03``, in Asia/Shanghai. ``security``: a code in any form.
        Raises InvalidArgument, InvalidOrder for an unreadable code, JournalError.
        """
        if limit is not None and (isinstance(limit, bool) or limit < 0):
            raise InvalidArgument(f"limit 不能为负，收到 {limit!r}")
        where, values = sql.filters(account_id, day, outcome, security)
        # A dead process's "sending" reads as "in_doubt", which only shows once the row is read.
        computed = outcome in ("sending", "in_doubt")
        rows = self._rows(sql.newest(where, None if computed else limit), values)
        return tuple([entry for entry in rows if outcome in (None, entry.outcome)][:limit])

    def export(self, form: Literal["csv", "json"] = "csv") -> Iterator[str]:
        """The whole journal as text, oldest first, piece by piece; the file is free between two pieces.

        CSV with a header, or one JSON array of objects; times in Asia/Shanghai.
        Raises InvalidArgument for another form, at once.
        """
        from easytrader_qmt.journal_export import as_csv, as_json

        if form not in ("csv", "json"):
            raise InvalidArgument(f"导出格式只能是 csv 或 json，收到 {form!r}")
        return as_csv(self._all()) if form == "csv" else as_json(self._all())

    def _all(self) -> Iterator[Entry]:
        last = 0
        while page := self._rows(sql.AFTER, (last, _PAGE_OF_EXPORT)):
            yield from page
            last = page[-1].key

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Entry]:
        return [self._entry(row) for row in self._file.read(query, values)]

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        entry = entry_of(row)
        if entry.outcome == "sending" and self._orphaned(entry):
            return replace(entry, outcome="in_doubt", finished_at=self._clock.now())
        return entry

    def _orphaned(self, entry: Entry) -> bool:
        alive = self._is_alive(entry.pid, entry.marker)
        return self._clock.now() - entry.begun_at > self._lease if alive is None else not alive

    def _row(self, intent: Intent, attempt: int, token: str, remark: str) -> tuple[object, ...]:
        return (
            intent.account_id,
            intent.client_order_id,
            attempt,
            token,
            remark,
            intent.user_remark,
            intent.strategy_name,
            intent.stock_code,
            intent.order_type,
            intent.price_type,
            intent.price,
            intent.amount,
            intent.notional,
            intent.session_id,
            self._file.pid,
            self._file.marker,
            self._clock.now(),
            intent.account_type,
        )

    def _outcome(self, key: int, order_id: int, message: str) -> dict[str, object]:
        # A text cut inside a Chinese character must not keep its order's outcome from the disk.
        text = message.encode("utf-8", "replace").decode("utf-8")
        return {"key": key, "order_id": order_id, "message": text, "now": self._clock.now()}


def _take_back(connection: sqlite3.Connection, tokens: Sequence[str]) -> None:
    """Note intents of one's own as not sent: an interrupt keeps whoever wrote them from sending."""
    with suppress(sqlite3.Error):  # then they are in doubt; the interrupt must not get lost over it
        connection.executemany(sql.TAKE_BACK, [(token,) for token in tokens])


class _Known(Exception):
    """An id or a token of several is in the journal already."""


def _other_order(intent: Intent, other: Entry | None) -> InvalidOrder:
    rule = "一个 client_order_id 永远只代表一笔委托"
    if other is None:
        seen = "与另一个编号的标记相同"
    else:
        seen = f"已用于 {other.stock_code} 委托类型 {other.order_type} 价格 {other.price} 数量 {other.amount}"
        if other.terms == intent.terms:
            seen = "已用于同号的另一类账户的委托"
    return InvalidOrder(
        f"client_order_id {intent.client_order_id!r} {seen}，{rule}，没有发出任何委托。新的委托请用新的编号",
        field="client_order_id",
        value=intent.client_order_id,
        rule=rule,
    )
