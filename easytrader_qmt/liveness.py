"""Whether the process that wrote a row still runs, although process numbers are used again.

A marker says which process a number meant: where numbers are counted (boot, container) and when it started.
It only looks: it never signals a process, and where it cannot know it says so instead of guessing.
"""

from __future__ import annotations

import os
import sys

__all__ = ["is_alive", "process_marker"]


def process_marker(pid: int) -> str:
    """What tells process ``pid`` from an earlier or later one of the same number; ``''`` where unknown."""
    started = _started(pid)
    return f"{_scope()}:{started}" if started else ""


def is_alive(pid: int, marker: str) -> bool | None:
    """Whether the process that had this number and `process_marker` still runs; None: it cannot be known.

    None for another container or boot, for another user's process that hides itself, and where the
    platform does not tell when a process started.
    """
    scope, _, started = marker.rpartition(":")
    if scope != _scope():
        return None
    seen = _started(pid)
    return None if seen is None else seen == started


if sys.platform == "win32":
    import ctypes

    _QUERY_LIMITED = 0x1000
    _NO_SUCH_PROCESS = 87

    def _scope() -> str:
        return "win"

    def _started(pid: int) -> str | None:
        """When it started; ``''``: there is none, None: unknown. os.kill(pid, 0) would end it on Windows."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.OpenProcess.restype = ctypes.c_void_p
        kernel.GetProcessTimes.argtypes = [ctypes.c_void_p] + [ctypes.c_void_p] * 4
        kernel.CloseHandle.argtypes = [ctypes.c_void_p]
        handle = kernel.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return "" if ctypes.get_last_error() == _NO_SUCH_PROCESS else None
        try:
            born, ended, system, user = (ctypes.c_uint64() for _ in range(4))
            times = [ctypes.byref(moment) for moment in (born, ended, system, user)]
            if not kernel.GetProcessTimes(handle, *times):
                return None
            return "" if ended.value else str(born.value)
        finally:
            kernel.CloseHandle(handle)

else:

    def _scope() -> str:
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                boot = file.read(8)
            # A container counts its processes by itself: number 1 runs in each of them.
            return f"{boot}.{os.stat('/proc/self/ns/pid').st_ino}"
        except OSError:
            return sys.platform

    def _started(pid: int) -> str | None:
        """When it started, in ticks since boot; ``''``: there is none, None: unknown."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except OSError:
            pass
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The name may hold spaces and brackets; what follows its last bracket is plain.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")
