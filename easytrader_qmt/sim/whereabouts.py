"""Whether a simulated terminal lives at a path, whether it runs, and what starts it: what the doctor must know.

Never starts or ends a terminal, and never takes the lock that one needs to start.
"""

from __future__ import annotations

from dataclasses import dataclass

from easytrader_qmt.sim import link_home, registry
from easytrader_qmt.sim.control_client import control
from easytrader_qmt.sim.link_home import LinkError

_SECONDS = 2.0
"""A terminal process that does not answer within so long counts as not running."""
_RESTART = "user.terminal.restart()"
"""Its process lives, but a fault or a test let the terminal itself crash."""


@dataclass(frozen=True)
class Whereabouts:
    """``lived``: a simulated terminal is at the path, or was. ``how_to_start`` is empty while it runs.

    ``here``: it belongs to this process, so that no other one can look at it.
    """

    lived: bool
    running: bool
    how_to_start: str = ""
    here: bool = False


def look(path: str) -> Whereabouts:
    """How the simulated terminal at ``path`` is. Never raises."""
    there = registry.at(path) if path else None
    if there is not None:
        return Whereabouts(True, there.running, "" if there.running else _RESTART, here=True)
    start = f'python -m easytrader_qmt sim terminal "{path or "目录"}"，并让它一直运行'
    # The address goes when the terminal ends in order; the key stays.
    marks = (link_home.address_file(path), link_home.key_file(path)) if path else ()
    if not any(mark.is_file() for mark in marks):
        return Whereabouts(False, False, f"{start}；在本进程里仿真则不需要路径，直接 user.connect()")
    try:
        with control(path, _SECONDS) as terminal:
            running = bool(terminal.running)
    except LinkError as error:
        # An address without anybody behind it tells of a process that was killed: worth saying.
        why = f"（{error}）" if link_home.address_file(path).is_file() else ""
        return Whereabouts(True, False, start + why)
    return Whereabouts(True, running, "" if running else _RESTART)
