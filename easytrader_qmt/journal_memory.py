"""The journal of someone who turned the journal off: the same rules, kept by this process alone.

Never touches the disk, so a client order id means one order only as long as this process lives, and only
among its last orders.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidOrder, JournalError
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Entry, Intent, Outcome
from easytrader_qmt.remarks import order_token, outgoing_remark

__all__ = ["AnyJournal", "MemoryJournal", "RemarkBook"]

_KEPT = 20_000
_FIRMER: Mapping[str, int] = {
    "sending": 0,
    "in_doubt": 1,
    "not_sent": 1,
    "absent": 1,
    "refused": 2,
    "accepted": 3,
}


class AnyJournal(Protocol):
    """What the order path needs of a journal; `journal.Journal` says what each call means."""

    def begin(self, intent: Intent) -> Begun: ...  # noqa: D102
    def finish(self, key: int, outcome: Outcome, *, order_id: int = 0, message: str = "") -> bool: ...  # noqa: D102
    def attach_refusal(self, account_id: str, order: int | str, message: str) -> bool: ...  # noqa: D102
    def open_doubts(self, account_id: str) -> tuple[Entry, ...]: ...  # noqa: D102
    def find(self, account_id: str, client_order_id: str) -> Entry | None: ...  # noqa: D102
    def user_remark_of(self, token: str) -> str | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class MemoryJournal:
    """One process's orders. Thread safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._newest: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, int] = {}
        self._numbers: dict[tuple[str, int], int] = {}
        self._open: set[int] = set()
        self._next = 1

    def begin(self, intent: Intent) -> Begun:
        """As `journal.Journal.begin`, within this process."""
        with self._lock:
            known = self._entries.get(self._newest.get((intent.account_id, intent.client_order_id), 0))
            attempt = 0
            if known is not None:
                if known.terms != intent.terms:
                    raise InvalidOrder(
                        f"client_order_id={intent.client_order_id!r} 已经用于另一笔委托（{known.stock_code}），没有发送",
                        field="client_order_id",
                        value=intent.client_order_id,
                        rule="一个编号只代表一笔委托",
                    )
                if known.outcome not in RETRYABLE:
                    return Begun(False, known.key, known.attempt, known.token, known.remark, known)
                attempt = known.attempt + 1
            return self._new(intent, attempt)

    def _new(self, intent: Intent, attempt: int) -> Begun:
        token = (
            intent.token if attempt == 0 else order_token(intent.account_id, intent.client_order_id, attempt)
        )
        remark = intent.remark if attempt == 0 else outgoing_remark(intent.user_remark, token)
        key, self._next = self._next, self._next + 1
        self._entries[key] = Entry(
            key, intent.account_id, intent.client_order_id, attempt, token, remark, intent.user_remark,
            intent.strategy_name, intent.stock_code, intent.order_type, intent.price_type, intent.price,
            intent.amount, intent.notional, intent.session_id, os.getpid(), "", "sending", 0, "", "",
            self._clock.now(), 0.0,
        )  # fmt: skip
        self._newest[intent.account_id, intent.client_order_id] = key
        self._tokens[token] = key
        if len(self._entries) > _KEPT:
            self._forget(next(iter(self._entries)))
        return Begun(True, key, attempt, token, remark)

    def _forget(self, key: int) -> None:
        if key in self._open:  # what is in doubt is kept until it is cleared up
            self._entries.move_to_end(key)
            return
        entry = self._entries.pop(key)
        self._tokens.pop(entry.token, None)
        self._numbers.pop((entry.account_id, entry.order_id), None)
        if self._newest.get((entry.account_id, entry.client_order_id)) == key:
            del self._newest[entry.account_id, entry.client_order_id]

    def finish(self, key: int, outcome: Outcome, *, order_id: int = 0, message: str = "") -> bool:
        """As `journal.Journal.finish`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or _FIRMER[outcome] < _FIRMER[entry.outcome]:
                return True
            self._entries[key] = replace(
                entry, outcome=outcome, order_id=order_id, message=message, finished_at=self._clock.now()
            )
            if order_id > 0:
                self._numbers[entry.account_id, order_id] = key
            (self._open.add if outcome == "in_doubt" else self._open.discard)(key)
            return True

    def attach_refusal(self, account_id: str, order: int | str, message: str) -> bool:
        """As `journal.Journal.attach_refusal`."""
        with self._lock:
            key = (
                self._tokens.get(order) if isinstance(order, str) else self._numbers.get((account_id, order))
            )
            entry = self._entries.get(key or 0)
            if entry is None:
                return True
            if entry.outcome == "accepted":
                self._entries[entry.key] = replace(entry, rejected_later=entry.rejected_later or message)
            else:
                self._open.discard(entry.key)
                self._entries[entry.key] = replace(entry, outcome="refused", message=message)
            return True

    def open_doubts(self, account_id: str) -> tuple[Entry, ...]:
        """The orders of which nobody knows whether they are live, oldest first."""
        if not self._open:
            return ()
        with self._lock:
            found = (self._entries[key] for key in sorted(self._open))
            return tuple(entry for entry in found if entry.account_id == account_id)

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """What became of an order, or None."""
        with self._lock:
            return self._entries.get(self._newest.get((account_id, client_order_id), 0))

    def user_remark_of(self, token: str) -> str | None:
        """The user's own remark of the order with this token."""
        with self._lock:
            entry = self._entries.get(self._tokens.get(token, 0))
            return None if entry is None else entry.user_remark

    def close(self) -> None:
        """Nothing to let go of."""


class RemarkBook(Mapping[str, str]):
    """The user's own remarks by token; asks the journal once for each it has not seen."""

    def __init__(self, journal: AnyJournal) -> None:
        self._journal = journal
        self._known: OrderedDict[str, str | None] = OrderedDict()

    def note(self, token: str, remark: str | None) -> None:
        """An order leaves with this token and stands for this remark; None: nobody here knows the token."""
        self._known[token] = remark
        if len(self._known) > 2 * _KEPT:
            self._known.popitem(last=False)

    def __getitem__(self, token: str) -> str:
        if token not in self._known:
            try:
                self.note(token, self._journal.user_remark_of(token))
            except JournalError:
                raise KeyError(token) from None  # a remark is not worth a failed query
        found = self._known[token]
        if found is None:
            raise KeyError(token)
        return found

    def __bool__(self) -> bool:
        return True  # nothing asked yet does not mean nothing known

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._known))

    def __len__(self) -> int:
        return len(self._known)
