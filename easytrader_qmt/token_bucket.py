"""A token bucket as one number and one pure function; it never looks at a clock and never waits."""

from __future__ import annotations

__all__ = ["EMPTY_SINCE_EVER", "take"]

EMPTY_SINCE_EVER = float("-inf")
"""The state before anything was taken: the bucket is full."""


def take(
    filled_at: float, now: float, rate: float, burst: int, patience: float = 0.0
) -> tuple[float, float, bool]:
    """Take one token: the new state, the seconds to wait before using it, and whether it was taken.

    The state is the moment at which the bucket will be full again. In any stretch of T seconds at most
    ``burst + rate * T`` tokens become usable. A token that needs more than ``patience`` seconds is not
    taken; the wait is then how long it would have been.
    """
    spacing = 1.0 / rate
    start = max(filled_at, now)
    wait = max(0.0, start - now - (burst - 1) * spacing)
    # Rounding may leave a hair of a wait that has been kept; that is no reason to refuse.
    if wait < 1e-6:
        wait = 0.0
    return (start + spacing, wait, True) if wait <= patience else (filled_at, wait, False)
