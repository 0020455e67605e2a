"""A simulated MiniQMT terminal under the vendor's own Python layer.

``use('sim')`` starts one; ``Terminal`` starts one at a path of your choice. Importing this starts nothing.
"""

from easytrader_qmt.sim.terminal import Terminal, TerminalSettings

__all__ = ["Terminal", "TerminalSettings"]
