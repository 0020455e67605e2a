"""Where a simulated terminal lives, how it behaves, and which accounts it starts with.

Data, and the one folder a terminal needs; never starts anything.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass

STOCK_ACCOUNT = "SIM0000000001"
CREDIT_ACCOUNT = "SIM0000000002"
STOCK, CREDIT = 2, 3


@dataclass
class TerminalSettings:
    """How a terminal behaves. Seconds and yuan.

    ``connect_timeout`` is what a failed connect costs, ``session_gap`` how long a session id must rest
    between two connects, ``open_unknown_accounts`` whether an account nobody opened is opened, with ``cash``,
    when a client first names it.
    """

    connect_timeout: float = 3.0
    session_gap: float = 3.0
    open_unknown_accounts: bool = True
    cash: float = 10_000_000.0


@dataclass(frozen=True)
class SimAccount:
    """An account of the simulated counter."""

    account_id: str
    account_type: int


USUAL_ACCOUNTS = (SimAccount(STOCK_ACCOUNT, STOCK), SimAccount(CREDIT_ACCOUNT, CREDIT))
"""What a terminal opens when it is new."""


def _remove(base: str, made_by: int) -> None:
    """Delete a temporary folder. A forked child that ends must not delete what its parent still lives in."""
    if os.getpid() == made_by:
        shutil.rmtree(base, ignore_errors=True)


def make_home(terminal: object, home: str | os.PathLike[str] | None) -> str:
    """The folder of a terminal, made where needed; a temporary one goes when ``terminal`` does."""
    if home is None:
        base = tempfile.mkdtemp(prefix="easytrader-qmt-sim-")
        weakref.finalize(terminal, _remove, base, os.getpid())
        home = os.path.join(base, "userdata_mini")
    path = os.fspath(home)
    os.makedirs(path, exist_ok=True)
    # What a broker's permission looks like on disk; the doctor looks for it.
    with open(os.path.join(path, "up_queue_xtquant"), "ab"):
        pass
    return path
