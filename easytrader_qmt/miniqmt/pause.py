"""Waits that another thread can end.

Never decides how long to wait.
"""

from __future__ import annotations

import threading
from typing import Protocol


class Pause(Protocol):
    """A wait that can be ended from another thread."""

    def wait(self, seconds: float | None) -> None:
        """Let ``seconds`` pass (None: for ever), or less when woken."""
        ...

    def wake(self) -> None:
        """End the wait, or the next one if none is under way."""
        ...


class EventPause:
    """A Pause on a threading.Event."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float | None) -> None:
        """Let ``seconds`` pass, or less when woken."""
        self._event.wait(seconds)
        self._event.clear()

    def wake(self) -> None:
        """End the wait."""
        self._event.set()
