"""Small files that are replaced or removed while another process may be reading them.

Windows refuses both as long as somebody has the file open, which is brief. Never waits longer than a moment,
and never hides that it could not be done.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from easytrader_qmt.clock import Clock

__all__ = ["remove", "replace"]

_TRIES = 5
_PAUSE = 0.02


def replace(fresh: str, path: str, clock: Clock) -> None:
    """Put the file ``fresh`` in the place of ``path``, at once. Raises OSError."""
    _patiently(lambda: os.replace(fresh, path), clock)


def remove(path: str, clock: Clock) -> None:
    """Remove the file. Raises OSError, also where there is none."""
    _patiently(lambda: os.remove(path), clock)


def _patiently(act: Callable[[], None], clock: Clock) -> None:
    for _ in range(_TRIES - 1):
        try:
            return act()
        except PermissionError:
            clock.sleep(_PAUSE)
    return act()
