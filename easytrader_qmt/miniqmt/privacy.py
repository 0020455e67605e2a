"""Account numbers as they may appear in logs, errors and reports.

Never sees a password and never keeps what it was given.
"""

from __future__ import annotations


def shorten(account_id: str) -> str:
    """The account number with only its first and last two characters readable.

    The length is kept, so that two accounts can still be told apart. Fewer than six characters: all ``*``.
    """
    if len(account_id) < 6:
        return "*" * len(account_id)
    return f"{account_id[:2]}{'*' * (len(account_id) - 4)}{account_id[-2:]}"
