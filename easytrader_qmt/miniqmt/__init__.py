"""The adapter to 迅投 XtQuant: easytrader's place for ``MiniqmtTrader`` and its default callback.

Importing it does not import xtquant.
"""

from easytrader_qmt.miniqmt.default_callback import DefaultXtQuantTraderCallback
from easytrader_qmt.miniqmt.trader import MiniqmtTrader

__all__ = ["DefaultXtQuantTraderCallback", "MiniqmtTrader"]
