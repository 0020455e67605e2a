"""easytrader's place for its errors, so that ``from easytrader_qmt.exceptions import TradeError`` works.

Defines nothing of its own; the tree is in ``easytrader_qmt.errors``.
"""

from easytrader_qmt.errors import *  # noqa: F403
from easytrader_qmt.errors import ConnectError

NotLoginError = ConnectError
"""easytrader's word for a login that failed: here, a terminal that cannot be reached."""
