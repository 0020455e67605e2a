"""Reads the counter's refusals: texts such as ``限价买入 [SZ162411] [COUNTER] [12313][当前时间不允许此类证券交易]``.

Never decides whether an order was refused; it only takes a text apart.
"""

from __future__ import annotations

import re

_CODE = re.compile(r"\[(\d{3,8})\]")


def refusal_code(text: str) -> str | None:
    """The counter's number in a refusal, such as ``12313``; None when it has none.

    The security stands in brackets too, but with letters: ``[SZ162411]``.
    """
    found = _CODE.search(text)
    return found.group(1) if found else None
