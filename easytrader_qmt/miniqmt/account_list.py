"""The accounts of one connection, as several threads add and remove them at once.

Never talks to the terminal and never calls anything with its lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any


class AccountList:
    """The vendor's account objects in the order they were added; no account is there twice."""

    def __init__(self, accounts: Iterable[Any]) -> None:
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that exits
        self.all: tuple[Any, ...] = tuple(accounts)

    def has(self, account: Any) -> bool:
        """Whether it is there, or another object for it: its number, of its type."""
        mine = account.account_id, account.account_type
        return any((each.account_id, each.account_type) == mine for each in self.all)

    def add(self, account: Any) -> bool:
        """False when it is there already, perhaps by another thread a moment ago."""
        with self._lock:
            there = self.has(account)
            if not there:
                self.all = (*self.all, account)
        return not there

    def remove(self, account: Any) -> bool:
        """False when this very object is not there: another one for the same account is somebody else's."""
        with self._lock:
            left = tuple(each for each in self.all if each is not account)
            there = len(left) < len(self.all)
            self.all = left
        return there
