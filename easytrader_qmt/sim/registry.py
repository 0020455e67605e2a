"""Which simulated terminal of this process lives at which path.

Never starts one, and never keeps one alive that nobody else holds.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from easytrader_qmt.sim.terminal import Terminal

_lock = threading.Lock()
_homes: weakref.WeakValueDictionary[str, Terminal] = weakref.WeakValueDictionary()


def settle_in(home: str, terminal: Terminal) -> None:
    """A terminal lives at ``home`` from now on. Raises ValueError when another one does."""
    with _lock:
        if _homes.get(_key(home), terminal) is not terminal:
            raise ValueError(f"{home} 已有一个仿真终端")
        _homes[_key(home)] = terminal


def move_out(home: str, terminal: Terminal) -> None:
    """Nobody lives at ``home`` any more."""
    with _lock:
        if _homes.get(_key(home)) is terminal:
            del _homes[_key(home)]


def at(path: str) -> Terminal | None:
    """The terminal of this process that lives at ``path``."""
    with _lock:
        return _homes.get(_key(path))


def living() -> list[Terminal]:
    """Every terminal of this process that lives somewhere."""
    with _lock:
        return list(_homes.values())


def _key(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))
