"""The files of one session id: queue files, lock, record; and what they say of its use.

Reads, writes and locks; never decides which id is leased, and never creates a folder.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from easytrader_qmt import busy_files
from easytrader_qmt.clock import Clock

if TYPE_CHECKING:
    from filelock import FileLock

FOLDER = "easytrader_qmt"
"""Where locks and records lie, below the terminal's userdata_mini."""

_HELD: dict[int, FileLock] = {}
# Every lock this process holds. A FileLock unlocks when it is collected, and an id whose lease object was
# dropped by mistake is still in use by a running session.


@dataclass(frozen=True)
class IdUse:
    """One id of the pool as it looks from outside.

    ``held``: a living process holds its lease, ``pid`` says which. ``foreign``: another program's queue file
    lies there. ``queue_bytes``: size of the id's queue files, in bytes.
    """

    session_id: int
    held: bool
    pid: int | None
    foreign: bool
    queue_bytes: int


Identity = tuple[int, int]
"""Which file this is: its number on the disk, and when it was created. 0 for what is not known, or no file."""


@dataclass(frozen=True)
class Record:
    """What is remembered of an id. ``leased_by_us``: a queue file under this id would be ours.

    ``last_used`` is in Unix seconds; ``pid`` is None after a release. ``queues`` says which files our session made,
    as ``Slot.queues`` does; empty where nobody noted it.
    """

    leased_by_us: bool
    last_used: float
    pid: int | None
    queues: tuple[Identity, ...] = ()


class Slot:
    """The files of one id. Reads and writes them; decides nothing."""

    def __init__(self, directory: str, session_id: int) -> None:
        self.session_id = session_id
        self._stem = os.path.join(directory, FOLDER, f"session_{session_id}")
        self._lock: FileLock | None = None
        self._made_by = 0
        self._locking = threading.Lock()
        self._queues = [os.path.join(directory, f"{side}_queue_{session_id}") for side in ("down", "up")]

    def has_queue(self) -> bool:
        """Whether a queue file of this id lies in the terminal's folder, whoever made it."""
        return any(os.path.lexists(path) for path in self._queues)

    def queues(self) -> tuple[Identity, ...]:
        """Which queue files of this id lie there, down and up; without any, an empty tuple."""
        found = tuple(_identity(path) for path in self._queues)
        return found if any(map(any, found)) else ()

    def queue_bytes(self) -> int:
        """Size of the id's queue files, in bytes."""
        total = 0
        for path in self._queues:
            with contextlib.suppress(OSError, ValueError):
                total += os.stat(path).st_size
        return total

    def delete_queues(self) -> None:
        """Delete the id's queue files as far as the system lets it. The caller holds the lock."""
        for path in self._queues:
            # Windows refuses while the terminal still maps the file; the next sweep tries again.
            with contextlib.suppress(OSError):
                os.unlink(path)

    def read(self) -> Record | None:
        """The id's record; None when there is none that can be understood."""
        try:
            with open(f"{self._stem}.json", encoding="utf-8") as file:
                said = json.load(file)
            ours, used, pid = said["leased_by_us"], said["last_used"], said.get("pid")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        if not isinstance(used, (int, float)) or not math.isfinite(used):
            return None
        return Record(ours is True, float(used), pid if isinstance(pid, int) else None, _noted(said))

    def write(self, record: Record, clock: Clock) -> None:
        """Replace the record at once, never half. The caller holds the lock. Raises OSError."""
        temporary = f"{self._stem}.json.tmp"
        said: dict[str, Any] = {
            "leased_by_us": record.leased_by_us, "last_used": record.last_used, "pid": record.pid,
        }  # fmt: skip
        if record.queues:
            said["queues"] = record.queues
        with open(temporary, "wb") as file:
            file.write(json.dumps(said).encode())
        busy_files.replace(temporary, f"{self._stem}.json", clock)

    def lock(self) -> FileLock | None:
        """The id's OS lock, or None when somebody holds it. Raises OSError when it cannot be tried."""
        # Imported here, because some versions write a file when they are imported.
        from filelock import FileLock, Timeout

        with self._locking:
            # One for all leases of the slot: to make it takes as long as to lock the file. A forked child's own.
            lock, pid = self._lock, os.getpid()
            if lock is None or self._made_by != pid:
                lock = FileLock(f"{self._stem}.lock", timeout=0, thread_local=False)
                self._lock, self._made_by = lock, pid
            if lock.is_locked:
                return None  # ours already; it would only count how often
            try:
                lock.acquire()
            except Timeout:
                return None
            _HELD[id(lock)] = lock
            return lock

    def locked(self) -> bool:
        """Whether somebody holds the lock. Takes it for a moment when nobody does."""
        if not os.path.exists(f"{self._stem}.lock"):
            return False
        try:
            lock = self.lock()
        except OSError:
            return True
        if lock is None:
            return True
        self.unlock(lock)
        return False

    def unlock(self, lock: FileLock) -> None:
        """Free a lock that ``lock`` gave."""
        # One at a time with ``lock``: a FileLock that is taken while it is being freed counts wrongly ever after.
        with self._locking, contextlib.suppress(OSError):
            lock.release()
            _HELD.pop(id(lock), None)


def _identity(path: str) -> Identity:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return 0, 0
    # Elsewhere there is no time of creation to be had: st_ctime is that of the last change.
    born = getattr(found, "st_birthtime_ns", found.st_ctime_ns) if os.name == "nt" else 0
    return found.st_ino, born


def _noted(said: dict[str, Any]) -> tuple[Identity, ...]:
    """The files that a record names; nothing where it cannot be understood, or is of an older version."""
    try:
        return tuple((int(number), int(born)) for number, born in said.get("queues", ()))
    except (ValueError, TypeError, OverflowError):
        return ()


def _another(noted: Identity, found: Identity) -> bool:
    """Whether these are two files. What is not known of one of them proves nothing."""
    return any(one and other and one != other for one, other in zip(noted, found, strict=True))


def is_foreign(record: Record | None, queues: tuple[Identity, ...]) -> bool:
    """Whether the queue files that lie there were made by a program that is not ours.

    So they were where we have never used the id, and where the file that our session made is another one: a program
    of somebody else has used the id since our process was killed.
    """
    if not queues:
        return False
    if record is None or not record.leased_by_us:
        return True
    return any(map(_another, record.queues, queues))


def usage(directory: str | os.PathLike[str], first: int, last: int) -> tuple[IdUse, ...]:
    """How the ids ``first`` to ``last`` are used at the moment; looks without changing anything.

    A lock that no living process holds is taken for an instant to find that out. Never raises.
    """
    uses = []
    for session_id in range(first, last + 1):
        slot = Slot(os.fspath(directory), session_id)
        record = slot.read()
        # A record without a pid was released in order; its lock need not be tried.
        held = record is not None and record.pid is not None and slot.locked()
        pid = record.pid if record is not None and held else None
        uses.append(IdUse(session_id, held, pid, is_foreign(record, slot.queues()), slot.queue_bytes()))
    return tuple(uses)


def exhausted(directory: str | os.PathLike[str], first: int, last: int, hung: Collection[int]) -> str:
    """Why none of the ids ``first`` to ``last`` can be had, and what to do, in Chinese; ``hung``: see lease."""
    span = f"{first}" if first == last else f"{first}–{last}"
    held, foreign = [], []
    for use in usage(directory, first, last):
        if use.session_id in hung:
            held.append(f"{use.session_id}（本进程中 stop() 没有返回的会话）")
        elif use.held:
            ours = "，即本进程" if use.pid == os.getpid() else ""
            held.append(f"{use.session_id}（进程 {use.pid}{ours}）")
        elif use.foreign:
            foreign.append(str(use.session_id))
        else:
            held.append(f"{use.session_id}（另一个程序正在取用）")
    parts = [f"会话ID {span} 没有可用的"]
    if held:
        parts.append(f"正在使用：{'、'.join(held)}")
    if foreign:
        parts.append(f"属于其他程序：{'、'.join(foreign)}（有不是本库创建的队列文件，不会使用也不会删除）")
    parts.append("请关闭不再使用的程序，或用 session_id= 指定另一个编号，或用 session_ids= 换一个编号范围")
    return "；".join(parts)
