"""The remark an order leaves with: the user's own words, and a token that finds the order again.

Text in, text out: it never writes a journal and never asks a counter. The vendor cuts a remark silently after
23 bytes, so what leaves is at most 23 ASCII bytes; the token always fits whole.
"""

from __future__ import annotations

import hashlib
from typing import Any

from easytrader_qmt.errors import InvalidArgument

__all__ = ["MAX_REMARK_BYTES", "TOKEN_MARK", "order_token", "outgoing_remark", "remark_of", "token_of"]
__all__ += ["user_part"]

MAX_REMARK_BYTES = 23
"""What the vendor keeps of a remark or a strategy name, in bytes of UTF-8."""

TOKEN_MARK = "~"
"""What stands between the user's words and the token."""

_LENGTH = 12
_TAIL = _LENGTH + len(TOKEN_MARK)
_MARK_PLACE = slice(-_TAIL, -_LENGTH)
_TOKEN_PLACE = slice(-_LENGTH, None)
_USERS_PLACE = slice(None, -_TAIL)
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)


def order_token(account_id: str, client_order_id: str, attempt: int = 0) -> str:
    """12 letters that stand for one order: the same ones for the same arguments, on any machine.

    60 bits of SHA-256: among a million orders of one account two alike are a chance of one in two million.
    """
    # The length keeps ("1", "23") and ("12", "3") apart.
    text = f"{len(account_id)}:{account_id}:{attempt}:{client_order_id}"
    bits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 4
    # Base32 of the first 60 bits, ten at a time: every order pays for this, and the library does it by the letter.
    return (
        _PAIRS[bits >> 50]
        + _PAIRS[bits >> 40 & 1023]
        + _PAIRS[bits >> 30 & 1023]
        + _PAIRS[bits >> 20 & 1023]
        + _PAIRS[bits >> 10 & 1023]
        + _PAIRS[bits & 1023]
    )


def outgoing_remark(user_remark: str, token: str) -> str:
    """The remark to send: the user's, where it is ASCII and short enough, then ``~`` and the token.

    A remark that does not fit is left out rather than cut; the journal knows it by the token.
    Raises InvalidArgument for a token that `order_token` cannot have made.
    """
    if len(token) != _LENGTH or token.strip(_LETTERS):
        raise InvalidArgument(f"委托标记无效: {token!r}")
    if len(user_remark) > MAX_REMARK_BYTES - _TAIL or not user_remark.isascii():
        return TOKEN_MARK + token
    return f"{user_remark}{TOKEN_MARK}{token}"


def token_of(remark: str) -> str | None:
    """The token at the end of a remark; None when it has none, so when the order is not ours."""
    token = remark[_TOKEN_PLACE]
    # Stripping stops at the first foreign letter, so nothing is left only if there is none.
    return token if remark[_MARK_PLACE] == TOKEN_MARK and not token.strip(_LETTERS) else None


def remark_of(order: Any) -> str | None:
    """The remark that the counter's row has; None where it was cut inside a character and cannot be read.

    Such a one is not ours: what leaves is ASCII.
    """
    try:
        return str(order.order_remark or "")
    except UnicodeDecodeError:
        return None


def user_part(remark: str) -> str:
    """The user's words in a remark: '' when it is a token alone, a foreign remark as it is."""
    # Not by way of token_of: every row of every query passes here.
    if remark[_MARK_PLACE] == TOKEN_MARK and not remark[_TOKEN_PLACE].strip(_LETTERS):
        return remark[_USERS_PLACE]
    return remark
