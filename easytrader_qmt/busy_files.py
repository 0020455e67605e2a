"""Small files that are replaced or removed while another process may be reading them.

Windows refuses both as long as somebody has the file open: another process for a moment, a virus scanner for
about a second. Never waits longer than that, and never hides that it could not be done.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from easytrader_qmt.clock import Clock

__all__ = ["remove", "replace"]

_PAUSES = (0.02, 0.02, 0.05, 0.1, 0.2, 0.4, 0.4)
"""Seconds between two tries."""


def replace(fresh: str, path: str, clock: Clock) -> None:
    """Put the file ``fresh`` in the place of ``path``, at once. Raises OSError."""
    _patiently(lambda: os.replace(fresh, path), clock)


def remove(path: str, clock: Clock) -> None:
    """Remove the file. Raises OSError, also where there is none."""
    _patiently(lambda: os.remove(path), clock)


def _patiently(act: Callable[[], None], clock: Clock) -> None:
    for pause in _PAUSES:
        try:
            return act()
        except PermissionError:
            clock.sleep(pause)
    return act()
