"""The leased pool of session ids of one terminal, shared by every process that uses this package.

Each new id costs the terminal's folder a queue file of about 72 MiB, and an id used again too soon or by two
programs at once cannot connect; so ids come from a small pool, are leased under an OS lock, rest between
uses, and their queue files are deleted afterwards. An id whose session hangs is used again only when there is
no other. Never creates the terminal's folder, never grows beyond the pool, and never touches a queue file that
a session leased here did not make.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import ConnectError, InvalidArgument
from easytrader_qmt.miniqmt.session_leases import Lease, free, hang, hung, take_over
from easytrader_qmt.miniqmt.session_slots import (
    FOLDER,
    IdUse,
    Record,
    Slot,
    exhausted,
    is_foreign,
    usage,
)

if TYPE_CHECKING:
    from filelock import FileLock

__all__ = ["IdUse", "SessionIds", "usage"]


class SessionIds:
    """Leases the ids ``first`` to ``last`` of the terminal whose userdata_mini is ``directory``.

    ``fixed`` leases that one id only. ``min_gap`` is the least number of seconds between two uses of one id
    (the vendor asks for more than 3 between two connects). ``wait`` lets seconds pass, or raises to give up
    (the lease is then not taken); ``clock.sleep`` by default. Thread safe. Raises InvalidArgument for an
    impossible range.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        first: int = 100,
        last: int = 119,
        *,
        fixed: int | None = None,
        clock: Clock,
        min_gap: float = 3.0,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        low, high = (first, last) if fixed is None else (fixed, fixed)
        for value in (low, high):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
                raise InvalidArgument(f"会话ID必须是 1 到 2147483647 之间的整数，收到 {value!r}")
        if low > high:
            raise InvalidArgument(f"会话ID范围无效：{low} 大于 {high}")
        self._directory = os.fspath(directory)
        self._first, self._last, self._fixed = low, high, fixed is not None
        self._clock = clock
        self._gap = min_gap
        self._wait = wait if wait is not None else clock.sleep
        self._mutex = threading.RLock()  # whoever holds it may be interrupted by a handler that exits
        self._home = os.path.normcase(os.path.realpath(self._directory))
        self._used: dict[int, tuple[float, float]] = {}
        self._seen: dict[Slot, Record | None] = {}

    @property
    def quarantined(self) -> tuple[int, ...]:
        """Ids whose stop() hung: this process keeps them locked and uses them only when there is no other."""
        return hung(self._has)

    def _has(self, key: tuple[str, int]) -> bool:
        return key[0] == self._home and self._first <= key[1] <= self._last

    def lease(self) -> Lease:
        """One id for one session: rested ids first, the longest unused of them first.

        When every free id was used too recently, waits for the one that is ready soonest; when none is free,
        the id whose session hung the longest ago is used again. Raises ConnectError when there is none either,
        or the directory is missing or cannot be written.
        """
        lease = self._free_one(patient=True) or self._take_over()
        if lease is not None:
            return lease
        raise ConnectError(exhausted(self._directory, self._first, self._last, self.quarantined))

    def spare(self) -> Lease | None:
        """One id at once: a free and rested one, or None. Raises ConnectError as ``lease`` does."""
        return self._free_one(patient=False)

    def _free_one(self, patient: bool) -> Lease | None:
        self._prepare()
        lease = self._likely_one(patient) or self._first_of_all(patient)
        return self._first_of_all(True, stuck=True) if lease is None and patient else lease

    def _first_of_all(self, patient: bool, stuck: bool = False) -> Lease | None:
        tried = (self._try(slot, patient, stuck=stuck) for slot in self._in_order())
        return next((lease for lease in tried if lease is not None), None)

    def _likely_one(self, patient: bool) -> Lease | None:
        """The id that was the first to take when all were read, if its record is still as it was.

        Uses only get later, so it still is: nineteen records need not be read again in every outage.
        """
        seen = self._seen
        likely = min(seen, key=lambda slot: self._readiness(slot, seen[slot]), default=None)
        return None if likely is None else self._try(likely, patient, (None, seen[likely]))

    def _try(
        self,
        slot: Slot,
        patient: bool,
        expected: Collection[Record | None] | None = None,
        stuck: bool = False,
    ) -> Lease | None:
        try:
            lock = slot.lock()
        except OSError as error:
            raise self._unwritable(error) from error
        return None if lock is None else self._take(slot, lock, patient, expected, stuck)

    def sweep(self) -> tuple[int, ...]:
        """Delete what dead sessions leased here left behind; the ids whose queue files are gone now.

        Touches no id that is held, and no queue file that is not ours. Never raises.
        """
        swept = []
        for slot in self._slots():
            with contextlib.suppress(OSError):
                if self._sweep_one(slot):
                    swept.append(slot.session_id)
        return tuple(swept)

    def _slots(self) -> Iterator[Slot]:
        return (Slot(self._directory, number) for number in range(self._first, self._last + 1))

    def _prepare(self) -> None:
        writable = os.access(self._directory, os.W_OK | os.X_OK)
        folder = os.path.join(self._directory, FOLDER)
        if writable and os.path.isdir(folder):
            return  # as in every outage: what an exception costs is time until READY
        if not os.path.isdir(self._directory):
            raise ConnectError(
                f"目录不存在：{self._directory!r}；请填写 MiniQMT 安装目录下 userdata_mini 的完整路径"
            )
        if not writable:
            raise self._unwritable(PermissionError("没有写权限"))
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ConnectError:
        return ConnectError(
            f"目录 {self._directory!r} 不可写：{error}；请以管理员身份运行，或把终端安装到非 C 盘的可写目录"
        )

    def _rest(self, slot: Slot, record: Record | None) -> float:
        """Seconds until the id may be used again."""
        if record is None:
            return 0.0
        wall, monotonic = self._used.get(slot.session_id, (math.nan, 0.0))
        if record.pid is not None:
            age = 0.0  # its holder died without saying when
        elif wall == record.last_used:
            age = self._clock.monotonic() - monotonic
        else:
            # A last use in the future is a clock that jumped back: it counts as now, or it would block.
            age = max(0.0, self._clock.now() - record.last_used)
        return max(0.0, self._gap - age)

    def _in_order(self) -> Iterator[Slot]:
        """Rested ids first, the longest unused of them first."""
        self._seen = read = {slot: slot.read() for slot in self._slots()}
        yield from sorted(read, key=lambda slot: self._readiness(slot, read[slot]))

    def _readiness(self, slot: Slot, record: Record | None) -> tuple[float, float]:
        return self._rest(slot, record), -math.inf if record is None else record.last_used

    def _take(
        self,
        slot: Slot,
        lock: FileLock,
        patient: bool,
        expected: Collection[Record | None] | None,
        stuck: bool,
    ) -> Lease | None:
        """Turn a lock into a lease; None, and the lock freed, for a foreign id or one to be waited for.

        Also for one whose record is none of ``expected``, and, unless ``stuck`` ones are wanted, for one whose
        leftover cannot be deleted: somebody has it open, who may be using the id.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(slot.unlock, lock)
            # Read again: another process may have used the id since the ids were put in order.
            record, queues = slot.read(), slot.queues()
            if expected is not None and record not in expected:
                return None
            foreign = is_foreign(record, queues)
            if foreign and not self._fixed:
                return None
            rest = self._rest(slot, record)
            if rest > 0 and not patient:
                return None
            if queues and not foreign:
                slot.delete_queues()  # a leftover of a killed session can keep its id from connecting
                if slot.has_queue() and not (stuck or self._fixed):
                    return None
            if rest > 0:
                self._wait(rest)
            lease = Lease(self._home, slot, lock, not foreign, self._release)
            try:
                self._note(lease, os.getpid())
            except OSError as error:
                raise self._unwritable(error) from error
            undo.pop_all()
            return lease

    def _note(self, lease: Lease, pid: int | None) -> None:
        now = self._clock.now()
        queues = lease.slot.queues() if lease.ours else ()
        record = Record(lease.ours and (pid is not None or bool(queues)), now, pid, queues)
        with self._mutex:
            self._used[lease.session_id] = (now, self._clock.monotonic())
        lease.slot.write(record, self._clock)
        seen = self._seen
        if lease.slot in seen:  # the slots of an older reading are others
            seen[lease.slot] = record

    def started(self, lease: Lease) -> None:
        """The lease's session has made its queue files: remember which they are. Never raises."""
        with lease.turn:
            if lease.released or not lease.ours or lease.pid != os.getpid():
                return
            known, queues = lease.slot.read(), lease.slot.queues()
            if queues and (known is None or known.queues != queues):
                with contextlib.suppress(OSError):
                    self._note(lease, lease.pid)

    def _take_over(self) -> Lease | None:
        """Lease an id whose session hung although nobody knows whether it still uses it; None without one."""
        lease = take_over(self._has, self._release)
        if lease is None:
            return None
        try:
            record = lease.slot.read()
            rest = 0.0 if record is None else self._rest(lease.slot, replace(record, pid=None))
            if rest > 0:
                self._wait(rest)
            try:
                self._note(lease, lease.pid)
            except OSError as error:
                raise self._unwritable(error) from error
        except BaseException:
            lease.release(stopped=True)
            raise
        return lease

    def _release(self, lease: Lease, stopped: bool) -> None:
        # A stop() given up on may return while its release(stopped=False) is under way: one after the other.
        with lease.turn:
            # A forked child inherits the object, but the lock is its parent's.
            if lease.released or lease.pid != os.getpid():
                return
            lease.released = stopped
            freed = free(lease) if stopped else hang(lease)
            if freed and lease.ours:
                lease.slot.delete_queues()
            if freed is not None:
                with contextlib.suppress(OSError):
                    self._note(lease, None if freed else lease.pid)
            if freed:
                lease.slot.unlock(lease.lock)

    def _sweep_one(self, slot: Slot) -> bool:
        if not slot.has_queue() or is_foreign(slot.read(), slot.queues()):
            return False
        lock = slot.lock()
        if lock is None:
            return False
        try:
            record = slot.read()
            if record is None or not record.leased_by_us or is_foreign(record, slot.queues()):
                return False
            slot.delete_queues()
            left = slot.queues()
            used = record.last_used if record.pid is None else self._clock.now()
            slot.write(Record(bool(left), used, None, left), self._clock)
            return not left
        finally:
            slot.unlock(lock)
