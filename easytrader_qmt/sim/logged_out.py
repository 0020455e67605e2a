"""What a terminal says while the account is logged out at the broker: no, in the shape each request's answer has.

An answer of another shape would never reach the client, and a synchronous call would wait for it for ever.
Never touches the counter.
"""

from __future__ import annotations

from typing import Any

from easytrader_qmt.sim.account_requests import Asked, json_refusal, named

_NUMBERS = frozenset({"subscribe", "unsubscribe", "subSwitch"})
_TEXTS = frozenset(
    {
        "exportData",
        "syncTransactionFromExternal",
        "getSmartAlgoParam",
        "querySmartAlgoTask",
        "smartOrderStock",
    }
)
_ROWS_WITH_M_NAMES = frozenset(
    {
        "transfer",
        "smtNegotiateOrder",
        "smtAppointmentOrder",
        "smtAppointmentCancel",
        "smtCompactRenewal",
        "smtCompactReturn",
    }
)
_ROWS = frozenset({"bankTransfer", "ctpInternalTransfer", "operateSmartAlgoTask"})
_COMMANDS = frozenset({"createCommand", "cancelCommand", "setCommandOrderParam"})


def refused(asked: Asked, lists: str) -> Any:
    """The payload of the answer; ``lists``: whether a list is ``'empty'`` or ``'none'``."""
    name, account_id = asked.name, named(asked)
    why = f"资金账号 {account_id} 未登录" if account_id else "资金账号未登录"
    if name == "orderStock":
        return {"order_id": -1}
    if name == "cancelOrderStock":
        return {"cancel_result": -1}
    if name in _NUMBERS:
        return -1
    if name in _TEXTS:
        return json_refusal(why)
    if name in _ROWS_WITH_M_NAMES:
        return {"m_strAccountID": account_id, "m_bSuccess": False, "m_strMsg": why}
    if name in _ROWS:
        ids = {key: asked.fields[key] for key in ("opt_account_id", "ft_account_id") if key in asked.fields}
        return {"account_id": account_id, **ids, "success": False, "error_msg": why}
    if name in _COMMANDS:
        return {"success": False, "msg": why}
    return None if lists == "none" else []
