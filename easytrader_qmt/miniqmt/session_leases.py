"""Leases of session ids, and whose an id is while a session hangs under it.

An id whose stop() hung stays locked, and is leased again only where no other is left: then two sessions share it,
and the later one is its heir. Never touches a file.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from easytrader_qmt.miniqmt.session_slots import Slot

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["Lease", "free", "hang", "hung", "take_over"]

Key = tuple[str, int]
"""Folder and session id."""

_hung: OrderedDict[Key, Lease] = OrderedDict()
# The ids of this process whose stop() hung, the longest ago first. Of the whole process: a second connect() must
# find what the first one left.
_turnover = threading.RLock()
# Held while it is decided whose an id is. Whoever holds it may be interrupted by a handler that exits another user,
# so what is looped over is a copy.


class Lease:
    """One session id, held by this process until it is released.

    As a context manager it releases as stopped when the block ends in order, and as not stopped when the
    block raises, because then nobody knows whether the session ended.
    """

    def __init__(
        self, home: str, slot: Slot, lock: FileLock, ours: bool, release: Callable[[Lease, bool], None]
    ) -> None:
        self.slot = slot
        self.lock = lock
        self.ours = ours
        self.pid = os.getpid()
        self.released = False
        self.turn = threading.Lock()
        self.key = home, slot.session_id
        self._release = release
        self._heir: Lease | None = None  # who uses the id although this session has not ended
        self._haunted_by: Lease | None = None  # the session that hung under this id before

    @property
    def session_id(self) -> int:
        """The id to build XtQuantTrader with."""
        return self.slot.session_id

    def release(self, stopped: bool) -> None:
        """Give the id back. Never raises; a second call does nothing.

        ``stopped=True``: the session's stop() returned; its queue files are deleted if this lease made them,
        then the lock is freed. ``stopped=False``: stop() hung, so the vendor's threads may still use the id:
        queue file and lock are kept, knowingly, until the process ends or until a later
        ``release(stopped=True)`` says that stop() did return after all. When every other id is taken too,
        the id is leased anew all the same, because a bot must not stay down for ever.
        """
        self._release(self, stopped)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if _hung.get(self.key) is not self:
            self.release(stopped=kind is None)

    def __repr__(self) -> str:
        return f"Lease(session_id={self.session_id})"


def hung(among: Callable[[Key], bool]) -> tuple[int, ...]:
    """The ids, among these, whose session hangs and which nobody else uses."""
    with _turnover:
        return tuple(sorted(key[1] for key in tuple(_hung) if among(key)))


def take_over(among: Callable[[Key], bool], release: Callable[[Lease, bool], None]) -> Lease | None:
    """A lease of the id, among these, that has hung the longest; None without one. ``release`` ends it."""
    with _turnover:
        old = next((one for key, one in tuple(_hung.items()) if among(key)), None)
        if old is None:
            return None
        del _hung[old.key]
        lease = Lease(old.key[0], old.slot, old.lock, old.ours, release)
        lease._haunted_by, old._heir = old, lease
        return lease


def hang(lease: Lease) -> bool | None:
    """The lease's session hangs. False: the id stays locked; None: it is another lease's."""
    with _turnover:
        if lease._heir is not None:
            return None
        _hung[lease.key] = lease
        return False


def free(lease: Lease) -> bool | None:
    """The lease's session has ended. True: nobody uses the id; False: a hung one does; None: its heir does."""
    with _turnover:
        heir, before = lease._heir, lease._haunted_by
        if before is not None:
            before._heir = heir
        if heir is not None:
            heir._haunted_by = before
            return None
        _hung.pop(lease.key, None)
        if before is None:
            return True
        _hung[lease.key] = before
        return False
