"""What the doctor must know of this process and this machine, as one frozen value.

Never imports xtquant, never raises, and never looks before it is asked to.
"""

from __future__ import annotations

import csv
import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from easytrader_qmt.miniqmt import vendor

TERMINAL = "XtMiniQmt.exe"
"""The process of a terminal in 极简模式; xtquant talks to this one."""
FULL_CLIENT = "XtItClient.exe"
"""The process of the full client, which is also the login window."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Environment:
    """Everything outside the terminal's folder that decides whether a connect can work.

    ``None`` means: not known. ``platform`` as in ``sys.platform``; ``native_reason`` says why the native
    client does or does not load; ``processes`` are the running programs' names; ``session`` and
    ``terminal_session`` are Windows session ids (0: services); ``code_page`` is the Windows ANSI code page;
    ``xtquant_executed``: somebody ran xtquant's own ``__init__``, which asks a package index for updates.
    ``simulated``: there is no real terminal, and ``processes`` is what the simulated one says of itself.
    """

    platform: str
    bits64: bool
    python: tuple[int, int]
    xtquant_version: str | None
    native_client: bool
    native_reason: str
    processes: tuple[str, ...] | None = None
    session: int | None = None
    terminal_session: int | None = None
    is_admin: bool | None = None
    code_page: int | None = None
    xtquant_executed: bool = False
    simulated: bool = False

    @property
    def windows(self) -> bool:
        """Whether this is Windows, where alone a real terminal runs."""
        return self.platform == "win32"

    @classmethod
    def current(cls, *, simulated: bool = False, terminal_running: bool | None = None) -> Environment:
        """This process as it is now. Never raises: what cannot be found out is None.

        With ``simulated`` the simulated terminal's word, ``terminal_running``, takes the place of a look at
        the running programs; otherwise Windows' tasklist is run, for at most five seconds.
        """
        running: tuple[tuple[str, int | None], ...] | None = None
        if simulated:
            if terminal_running is not None:
                running = ((TERMINAL, None),) if terminal_running else ()
        else:
            running = _or_none(_running)
        native = bool(_or_none(vendor.native_available))
        session = _or_none(_own_session)
        return cls(
            platform=sys.platform,
            bits64=struct.calcsize("P") == 8,
            python=(sys.version_info[0], sys.version_info[1]),
            xtquant_version=_or_none(vendor.installed_version),
            native_client=native,
            native_reason="找到了与本解释器匹配的 xtpythonclient" if native else _why_missing(),
            processes=None if running is None else tuple(name for name, _ in running),
            session=session,
            terminal_session=terminal_session(running or (), session),
            is_admin=_or_none(_is_admin),
            code_page=_or_none(_code_page),
            # Only xtquant's own __init__ defines this; our loader never executes it.
            xtquant_executed=hasattr(sys.modules.get("xtquant"), "check_for_update"),
            simulated=simulated,
        )


def parse_tasklist(text: str) -> tuple[tuple[str, int | None], ...]:
    """Names and Windows session ids from ``tasklist /FO CSV /NH``; lines of any other form are left out."""
    found = []
    for row in csv.reader(text.splitlines()):
        if len(row) >= 4 and row[1].isdigit():
            found.append((row[0], int(row[3]) if row[3].isdigit() else None))
    return tuple(found)


def terminal_session(running: tuple[tuple[str, int | None], ...], own: int | None = None) -> int | None:
    """The Windows session the terminal runs in; the terminal proper counts before the full client.

    ``own``: this process's. A terminal there counts before those of other users.
    """
    for wanted in (TERMINAL, FULL_CLIENT):
        name = wanted.casefold()
        seen = [session for each, session in running if each.casefold() == name and session is not None]
        if seen:
            return own if own in seen else seen[0]
    return None


def _or_none(look: Callable[[], _T | None]) -> _T | None:
    try:
        return look()
    except Exception:
        return None


def _why_missing() -> str:
    if _or_none(vendor.installed_version) is None:
        return "没有安装 xtquant"
    return f"已安装的 xtquant 里没有与本解释器匹配的原生组件（只有 Windows 版，本机是 {sys.platform}）"


def _running() -> tuple[tuple[str, int | None], ...] | None:
    if sys.platform == "win32":
        done = subprocess.run(
            ["tasklist", "/FO", "CSV", "/NH"],
            capture_output=True,
            timeout=5,
            check=True,
            creationflags=subprocess.CREATE_NO_WINDOW,
        )
        # The names looked for are ASCII; the console's code page may be anything.
        return parse_tasklist(done.stdout.decode("ascii", errors="replace")) or None
    else:  # noqa: RET505 - the type checker drops the other platform's branch only in this form
        return None


def _own_session() -> int | None:
    if sys.platform == "win32":
        number = ctypes.c_ulong()
        known = ctypes.windll.kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(number))
        return number.value if known else None
    else:  # noqa: RET505
        return None


def _is_admin() -> bool | None:
    if sys.platform == "win32":
        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    else:  # noqa: RET505
        return None


def _code_page() -> int | None:
    if sys.platform == "win32":
        return int(ctypes.windll.kernel32.GetACP())
    else:  # noqa: RET505
        return None
