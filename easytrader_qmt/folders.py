"""Where this package keeps its own files. It only names places; it never makes one."""

from __future__ import annotations

import os

__all__ = ["default_journal", "default_kill_switch", "user_folder"]

_JOURNAL = "journal.sqlite3"


def user_folder() -> str:
    """The user's own folder for what this package keeps: LOCALAPPDATA on Windows, ~/.local/share elsewhere."""
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_DATA_HOME")
    return os.path.join(base or os.path.join(os.path.expanduser("~"), ".local", "share"), "easytrader-qmt")


def default_journal(simulated_terminal: str | None = None) -> str:
    """The order journal's default path; a simulated terminal's lies beside it, apart from the real orders."""
    return os.path.join(_folder(simulated_terminal), _JOURNAL)


def default_kill_switch(account_id: str, simulated_terminal: str | None = None) -> str:
    """Where the kill switch of an account is unless the user says otherwise."""
    name = account_id if account_id.isascii() and account_id.isalnum() else account_id.encode().hex()
    return os.path.join(_folder(simulated_terminal), f"kill_switch_{name}.json")


def _folder(simulated_terminal: str | None) -> str:
    return user_folder() if simulated_terminal is None else os.path.join(simulated_terminal, "easytrader_qmt")
