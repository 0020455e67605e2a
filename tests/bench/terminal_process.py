"""The contenders on a simulated terminal that is a process of its own, as a real one is.

It never measures; whoever does, keeps in mind that this terminal checks, books and saves every order.
"""

from __future__ import annotations

from easytrader_qmt.sim import link_client
from easytrader_qmt.sim.spawned import spawn
from tests.bench.contenders import Bench

_PLENTY = 9e11


class TerminalBench(Bench):
    """One terminal process, and whoever was connected to it; ends them all."""

    def __init__(self) -> None:
        super().__init__()

    def _open(self, delay: float) -> None:
        link_client.install()
        terminal = spawn(self.home, session_gap=0.0, seed_cash=_PLENTY)
        self._ends.append(terminal.__exit__)
