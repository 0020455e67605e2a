"""The journal of someone who turned the journal off: the same rules, kept by this process alone.

Never touches the disk, so a client order id means one order only as long as this process lives, and only
among its last orders.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

from easytrader_qmt.clock import Clock, shanghai
from easytrader_qmt.errors import InvalidOrder, JournalError
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Entry, Intent, Outcome, sent_of
from easytrader_qmt.recent_days import RecentDays
from easytrader_qmt.remarks import order_token, outgoing_remark

__all__ = ["AnyJournal", "MemoryJournal", "RemarkBook", "memory_journal"]

_KEPT = 20_000
_STEPS = 32
_REST_SECONDS = 60.0
_BEFORE: Mapping[str, frozenset[str]] = {
    "accepted": frozenset({"sending", "in_doubt", "not_sent", "absent", "refused"}),
    "refused": frozenset({"sending", "in_doubt", "not_sent", "absent", "accepted"}),
    "not_sent": frozenset({"sending"}),
    "in_doubt": frozenset({"sending"}),
    "absent": frozenset({"sending", "in_doubt"}),
}
"""What an outcome may follow; it changes nothing after any other."""


class AnyJournal(Protocol):
    """What the order path needs of a journal; `journal.Journal` says what each call means."""

    def begin(self, intent: Intent) -> Begun: ...  # noqa: D102
    def begin_all(self, intents: Sequence[Intent]) -> list[Begun] | None: ...  # noqa: D102
    def finish(  # noqa: D102
        self, key: int, outcome: Outcome, *, order_id: int = 0, message: str = "", keep: bool = True
    ) -> bool: ...
    def finish_all(self, outcomes: Sequence[tuple[int, Outcome, int, str]]) -> bool: ...  # noqa: D102
    def attach_refusal(self, account_id: str, order: int | str, message: str) -> bool: ...  # noqa: D102
    def found_live(self, key: int, order_id: int, message: str) -> bool: ...  # noqa: D102
    def open_doubts(self, account_id: str, account_type: int = 0) -> tuple[Entry, ...]: ...  # noqa: D102
    def find(self, account_id: str, client_order_id: str) -> Entry | None: ...  # noqa: D102
    def attempts(self, account_id: str, client_order_id: str) -> tuple[Entry, ...]: ...  # noqa: D102
    def find_token(self, account_id: str, token: str) -> Entry | None: ...  # noqa: D102
    def user_remark_of(self, token: str) -> str | None: ...  # noqa: D102
    def sent_on(  # noqa: D102
        self, account_id: str, day: date | str, account_type: int = 0
    ) -> tuple[int, float]: ...
    def entries(  # noqa: D102
        self, account_id: str | None = None, *, day: date | str | None = None, outcome: Outcome | None = None
    ) -> tuple[Entry, ...]: ...
    def close(self) -> None: ...  # noqa: D102


class _Held:
    """One attempt; an `Entry` is made of it only when somebody asks, because every order passes here."""

    __slots__ = (
        "attempt", "begun_at", "finished_at", "intent", "key", "message", "order_id", "outcome",
        "rejected_later", "remark", "token",
    )  # fmt: skip

    def __init__(self, key: int, intent: Intent, attempt: int, token: str, remark: str, now: float) -> None:
        self.key = key
        self.intent = intent
        self.attempt = attempt
        self.token = token
        self.remark = remark
        self.begun_at = now
        self.finished_at = 0.0
        self.outcome: Outcome = "sending"
        self.order_id = 0
        self.message = self.rejected_later = ""

    @property
    def entry(self) -> Entry:
        """As it stands."""
        of = self.intent
        return Entry(
            self.key, of.account_id, of.client_order_id, self.attempt, self.token, self.remark,
            of.user_remark, of.strategy_name, of.stock_code, of.order_type, of.price_type, of.price,
            of.amount, of.notional, of.session_id, os.getpid(), "", self.outcome, self.order_id,
            self.message, self.rejected_later, self.begun_at, self.finished_at, of.account_type,
        )  # fmt: skip


class MemoryJournal:
    """One process's orders. Thread safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that cancels
        self._entries: OrderedDict[int, _Held] = OrderedDict()
        self._attempts: dict[tuple[str, str], list[int]] = {}
        self._tokens: dict[str, int] = {}
        self._open: set[int] = set()
        self._keys = itertools.count(1)

    def begin(self, intent: Intent) -> Begun:
        """As `journal.Journal.begin`, within this process."""
        with self._lock:
            known = self._standing(intent.account_id, intent.client_order_id)
            if known is None:
                return self._new(intent, 0)
            if not known.stands_for(intent.terms, intent.account_type):
                raise InvalidOrder(
                    f"client_order_id={intent.client_order_id!r} 已经用于另一笔委托（{known.stock_code}），没有发送",
                    field="client_order_id",
                    value=intent.client_order_id,
                    rule="一个编号只代表一笔委托",
                )
            if known.outcome not in RETRYABLE:
                return Begun(False, known.key, known.attempt, known.token, known.remark, known)
            last = self._attempts[intent.account_id, intent.client_order_id][-1]
            return self._new(intent, self._entries[last].attempt + 1)

    def begin_all(self, intents: Sequence[Intent]) -> list[Begun] | None:
        """As `journal.Journal.begin_all`, within this process."""
        with self._lock:
            ids = {(each.account_id, each.client_order_id) for each in intents}
            if len(ids) < len(intents) or not ids.isdisjoint(self._attempts):
                return None
            return [self._new(each, 0) for each in intents]

    def _standing(self, account_id: str, client_order_id: str) -> Entry | None:
        """The attempt that says what became of an order."""
        keys = self._attempts.get((account_id, client_order_id))
        if keys is None:
            return None
        return max((self._entries[key].entry for key in keys), key=lambda entry: entry.firmness)

    def _new(self, intent: Intent, attempt: int) -> Begun:
        token, remark = intent.token, intent.remark
        if attempt:
            token = order_token(intent.account_id, intent.client_order_id, attempt)
            remark = outgoing_remark(intent.user_remark, token)
        key = next(self._keys)
        self._entries[key] = _Held(key, intent, attempt, token, remark, self._clock.now())
        self._attempts.setdefault((intent.account_id, intent.client_order_id), []).append(key)
        self._tokens[token] = key
        if len(self._entries) > _KEPT:
            self._forget_oldest()
        return Begun(True, key, attempt, token, remark)

    def _forget_oldest(self) -> None:
        # A few steps for each order that comes: where all are unresolved, none would cost a look at all of them.
        for _ in range(min(len(self._entries), _STEPS)):
            key, held = next(iter(self._entries.items()))
            if held.outcome in ("sending", "in_doubt"):  # kept until it is cleared up
                self._entries.move_to_end(key)
                continue
            of = held.intent
            del self._entries[key]
            self._tokens.pop(held.token, None)
            attempts = self._attempts[of.account_id, of.client_order_id]
            attempts.remove(key)
            if not attempts:
                del self._attempts[of.account_id, of.client_order_id]
            return

    def finish(
        self, key: int, outcome: Outcome, *, order_id: int = 0, message: str = "", keep: bool = True
    ) -> bool:
        """As `journal.Journal.finish`."""
        with self._lock:
            self._finish(key, outcome, order_id, message)
        return True

    def finish_all(self, outcomes: Sequence[tuple[int, Outcome, int, str]]) -> bool:
        """As `journal.Journal.finish_all`."""
        with self._lock:
            for each in outcomes:
                self._finish(*each)
        return True

    def _finish(self, key: int, outcome: Outcome, order_id: int, message: str) -> None:
        held = self._entries.get(key)
        if held is not None and held.outcome in _BEFORE[outcome]:
            self._write(held, outcome, order_id, message)

    def _write(self, held: _Held, outcome: Outcome, order_id: int, message: str) -> None:
        if held.outcome != "sending" and {held.outcome, outcome} == {"accepted", "refused"}:
            # It was at the counter, and it was refused: both are kept.
            held.rejected_later = held.rejected_later or (message if outcome == "refused" else held.message)
            message = held.message if outcome == "refused" else message
            outcome = "accepted"
        held.outcome, held.message, held.finished_at = outcome, message, self._clock.now()
        if order_id > 0:
            held.order_id = order_id
        (self._open.add if outcome == "in_doubt" else self._open.discard)(held.key)

    def attach_refusal(self, account_id: str, order: int | str, message: str) -> bool:
        """As `journal.Journal.attach_refusal`."""
        with self._lock:
            held = self._of_token(order) if isinstance(order, str) else self._of_number(account_id, order)
            if held is not None and held.outcome != "refused" and self._is_meant(held, account_id, order):
                self._write(held, "refused", 0, message)
            return True

    def _of_token(self, token: str) -> _Held | None:
        return self._entries.get(self._tokens.get(token, 0))

    def _of_number(self, account_id: str, order_id: int) -> _Held | None:
        """The latest order of that number. Searched for, because a refusal by number alone is rare."""
        found = [one for one in self._entries.values() if order_id > 0 and one.order_id == order_id]
        whose = [one for one in found if one.intent.account_id == account_id]
        return max(whose, key=lambda one: one.key, default=None)

    def _is_meant(self, held: _Held, account_id: str, order: int | str) -> bool:
        if held.intent.account_id != account_id:
            return False
        # A terminal numbers each day's orders anew.
        return isinstance(order, str) or self._day(held.begun_at) == self._day(self._clock.now())

    def found_live(self, key: int, order_id: int, message: str) -> bool:
        """As `journal.Journal.found_live`."""
        with self._lock:
            held = self._entries.get(key)
            if held is not None and held.outcome in ("absent", "refused"):
                held.outcome, held.message, held.rejected_later = "accepted", message, ""
                held.finished_at = self._clock.now()
                held.order_id = order_id if order_id > 0 else held.order_id
            return True

    def open_doubts(self, account_id: str, account_type: int = 0) -> tuple[Entry, ...]:
        """The orders of which nobody knows whether they are live, oldest first."""
        if not self._open:
            return ()
        with self._lock:
            found = (self._entries[key].entry for key in sorted(self._open))
            mine = (entry for entry in found if entry.account_id == account_id)
            return tuple(
                entry for entry in mine if not account_type or entry.account_type in (0, account_type)
            )

    def attempts(self, account_id: str, client_order_id: str) -> tuple[Entry, ...]:
        """Every attempt to send an order, first to last."""
        with self._lock:
            return tuple(
                self._entries[key].entry for key in self._attempts.get((account_id, client_order_id), ())
            )

    def find_token(self, account_id: str, token: str) -> Entry | None:
        """The attempt that left with this token, or None."""
        with self._lock:
            held = self._of_token(token)
            return held.entry if held is not None and held.intent.account_id == account_id else None

    def find(self, account_id: str, client_order_id: str) -> Entry | None:
        """What became of an order, or None."""
        with self._lock:
            return self._standing(account_id, client_order_id)

    def user_remark_of(self, token: str) -> str | None:
        """The user's own remark of the order with this token."""
        with self._lock:
            held = self._of_token(token)
            return None if held is None else held.intent.user_remark

    def sent_on(self, account_id: str, day: date | str, account_type: int = 0) -> tuple[int, float]:
        """As `journal.Journal.sent_on`, of this process's orders."""
        return sent_of(self.entries(account_id, day=day), account_type)

    def entries(
        self, account_id: str | None = None, *, day: date | str | None = None, outcome: Outcome | None = None
    ) -> tuple[Entry, ...]:
        """This process's orders that fit every filter, newest first; ``day`` as ``2025-11-03``."""
        with self._lock:
            found = [held.entry for held in sorted(self._entries.values(), key=lambda held: -held.key)]
        return tuple(
            entry
            for entry in found
            if account_id in (None, entry.account_id)
            and outcome in (None, entry.outcome)
            and (day is None or str(day) == self._day(entry.begun_at))
        )

    @staticmethod
    def _day(seconds: float) -> str:
        return shanghai(seconds).strftime("%Y-%m-%d")

    def close(self) -> None:
        """Nothing to let go of."""


_journals: dict[str, MemoryJournal] = {}
_making = threading.Lock()


def memory_journal(terminal: str, clock: Clock) -> MemoryJournal:
    """This process's memory of the orders sent to the terminal at this path; the same one for every connect."""
    with _making:
        return _journals.setdefault(os.path.realpath(terminal), MemoryJournal(clock))


class RemarkBook(Mapping[str, str]):
    """The user's own remarks by token; asks the journal once for each it has not seen today or the day before.

    A journal that fails is left alone for a minute: a remark is not worth a query that takes for ever.
    """

    def __init__(self, journal: AnyJournal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._known: RecentDays[str, str | None] = RecentDays(clock, 1, 2 * _KEPT)
        self._failed_at: float | None = None

    def note(self, token: str, remark: str | None) -> None:
        """An order leaves with this token and stands for this remark; None: nobody here knows the token."""
        self._known[token] = remark

    def __getitem__(self, token: str) -> str:
        try:
            found = self._known[token]
        except KeyError:
            found = self._ask(token)
        if found is None:
            raise KeyError(token)
        return found

    def _ask(self, token: str) -> str | None:
        now = self._clock.monotonic()
        if self._failed_at is not None and now - self._failed_at < _REST_SECONDS:
            raise KeyError(token)
        try:
            remark = self._journal.user_remark_of(token)
        except JournalError:
            self._failed_at = now
            raise KeyError(token) from None
        self._failed_at = None
        self.note(token, remark)
        return remark

    def __bool__(self) -> bool:
        return True  # nothing asked yet does not mean nothing known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known.keys())

    def __len__(self) -> int:
        return len(self._known)
