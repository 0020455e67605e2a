"""When a script under ``sim run`` ends: with its last thread, or because its time is up.

Decides once who reports, and never interrupts what comes after the script.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import thread as futures_thread
from typing import NoReturn

__all__ = ["ScriptClock", "leave", "threads_at_work", "wait_for_threads"]

_GRACE = 5.0
"""Seconds a script gets to end after its time is up, before the process is ended around it."""
_INTERRUPTS = 5
_LOOK_AT_THREADS = 0.1
_HANDED_OVER = 0.05
"""Seconds in which an executor's worker that was handed work has begun with it."""
_REPORT = 30.0
"""Seconds until a script that has ended, and what is told of it, are through."""


class ScriptClock:
    """Ends the script when its time is up: first politely, then around it, since a sync call may block for ever.

    ``over`` is set when the time was up before the script had ended.
    """

    def __init__(self, say: Callable[[str], None], report: Callable[[], None]) -> None:
        self.over = threading.Event()
        self._say = say
        self._report = report
        self._ended = threading.Event()
        # Whoever holds it decides: interrupt the script, say that it has ended, or report in its place.
        self._turn = threading.Lock()

    def start(self, seconds: float) -> None:
        """Count from now."""
        threading.Thread(target=self._run, args=(seconds,), name="sim run clock", daemon=True).start()

    def script_ended(self) -> None:
        """Nothing of the script runs any more; no interrupt comes from now on. A second call does nothing.

        Does not come back where the clock has already begun to report: that ends the process.
        """
        interrupted = False
        while not self._ended.is_set():
            try:
                with self._turn:
                    self._ended.set()
            except KeyboardInterrupt:  # one that was under way; the time is up, or the user wants an end
                interrupted = True
        if interrupted and not self.over.is_set():
            raise KeyboardInterrupt

    def _run(self, seconds: float) -> None:
        if self._ended.wait(seconds):
            return
        with self._turn:
            if self._ended.is_set():
                return
            self.over.set()
        self._say(f"已运行 {seconds:g} 秒，结束脚本")
        for _ in range(_INTERRUPTS):
            with self._turn:
                if not self._ended.is_set():
                    _interrupt()
            # Once more where it was lost: a finaliser or a handler of the script's own may swallow one.
            if self._ended.wait(_GRACE / _INTERRUPTS):
                break
        with self._turn:
            if not self._ended.is_set():
                try:
                    self._report()
                finally:
                    leave(0)
        threading.main_thread().join(_REPORT)
        if threading.main_thread().is_alive():
            leave(0)


def wait_for_threads(say: Callable[[str], None]) -> None:
    """A script whose work is in threads ends with them."""
    if _still_at_work():
        # Seen with the vendor's layer in every version: its answers and pushes pass through executors.
        say(
            "【仿真】脚本的主线程已经结束，还有线程在运行。直接用 python 运行时，主线程一结束线程池就停止工作："
            "xtquant 收不到应答和推送，委托会没有结果。请让主线程等到最后，例如 while thread.is_alive(): thread.join(1)"
        )
    while _still_at_work():
        time.sleep(_LOOK_AT_THREADS)


def threads_at_work() -> list[threading.Thread]:
    """Threads that keep plain Python from ending: neither daemons nor workers of an executor without work."""
    ours = (threading.main_thread(), threading.current_thread())
    return [
        each
        for each in threading.enumerate()
        if each not in ours and not each.daemon and each.is_alive() and not _is_idle_worker(each)
    ]


def _still_at_work() -> list[threading.Thread]:
    found = threads_at_work()
    if not found and any(each in futures_thread._threads_queues for each in threading.enumerate()):
        # A second look: since Python 3.13 work that is on its way to a worker is seen nowhere.
        time.sleep(_HANDED_OVER)
        found = threads_at_work()
    return found


def leave(status: int) -> NoReturn:
    """End the process, whatever still holds it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(status)


def _is_idle_worker(thread: threading.Thread) -> bool:
    """Whether it only waits for work of an executor: plain Python tells such a thread to stop, and ends."""
    processes = sys.modules.get("concurrent.futures.process")
    if processes is not None and thread in processes._threads_wakeups:
        return not getattr(thread, "pending_work_items", None)
    work = futures_thread._threads_queues.get(thread)
    frame = sys._current_frames().get(thread.ident or 0)
    return (
        work is not None
        and work.empty()
        and frame is not None
        and frame.f_code is futures_thread._worker.__code__
    )


def _interrupt() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # The script set it so: it would end the process at once, without a report.
        return
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        # Not _thread.interrupt_main(): on Windows that does not wake a sleep.
        signal.raise_signal(signal.SIGINT)
