"""The live session of one connection, the one it replaced, and the leases of their ids.

A session that is replaced is detached at once and stopped later: to stop one takes time, or hangs. Never connects
one, never decides when one is replaced, and holds no lock while a session is stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from loguru import logger

from easytrader_qmt.miniqmt.policy import worth_telling
from easytrader_qmt.miniqmt.session import Session
from easytrader_qmt.miniqmt.session_ids import SessionIds
from easytrader_qmt.miniqmt.session_leases import Lease


class LiveSessions:
    """At most one live session and one that was set aside. ``ids`` gives the ids; ``make`` a session of one."""

    def __init__(self, ids: SessionIds, make: Callable[[int, int], Session]) -> None:
        self._ids = ids
        self._make = make
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that exits
        self._ended = False
        self._lease: Lease | None = None
        self._old: tuple[Session, Lease] | None = None  # detached, not stopped yet
        self._hung = 0
        self.current: Session | None = None

    def new(self, generation: int) -> Session | None:
        """Make the session that is live from now on; None after ``end``. Raises ConnectError and OSError."""
        lease = self._ids.spare() if self._old is not None else None
        if lease is None:
            self.drop_old()  # its id may be the only one
            lease = self._ids.lease()
        session = self._make(lease.session_id, generation)
        with self._lock:
            if not self._ended:
                self.current, self._lease = session, lease
                return session
        lease.release(True)
        return None

    def set_aside(self) -> None:
        """Detach the session; stopping it waits until another has replaced it."""
        self.drop_old()
        with self._lock:
            session, lease = self.current, self._lease
            self.current = self._lease = None
            self._old = None if session is None or lease is None else (session, lease)
        if session is not None:
            session.detach("正在重连")

    def drop(self, why: str) -> bool:
        """Detach and stop every session there is; True unless something was left behind."""
        with self._lock:
            session, lease = self.current, self._lease
            self.current = self._lease = None
        if session is None or lease is None:
            return self.drop_old()
        session.detach(why)
        old_stopped = False
        try:
            stopped = self._stop(session, lease)
        finally:  # also when a KeyboardInterrupt ends the wait for the first one
            old_stopped = self.drop_old()
        return old_stopped and stopped

    def note_queues(self) -> None:
        """The live session has made its queue files: remember which are its own. Never raises."""
        with self._lock:
            lease = self._lease
        if lease is not None:
            self._ids.started(lease)

    def drop_old(self) -> bool:
        """Stop the session that was set aside, if there is one; True unless it was left behind."""
        with self._lock:
            old, self._old = self._old, None
        return old is None or self._stop(*old)

    def end(self, why: str) -> None:
        """No new session from now on; the live one is detached, which ends whatever anybody waits for."""
        with self._lock:
            self._ended = True
            session = self.current
        if session is not None:
            session.detach(why)

    @property
    def ended(self) -> bool:
        """Whether there will be no new session."""
        return self._ended

    def none_hangs(self) -> None:
        """Connected: the next ``stop()`` that hangs is worth a word again."""
        self._hung = 0

    def _stop(self, session: Session, lease: Lease) -> bool:
        stopped = False
        try:
            stopped = session.close(late=lambda: lease.release(True))
        finally:
            lease.release(stopped)
        if not stopped:
            self._hung += 1
            if worth_telling(self._hung):
                logger.warning("旧会话 {} 没有在期限内停止，已放弃等待", session.session_id)
        return stopped
