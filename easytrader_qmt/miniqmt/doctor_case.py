"""What one examination by the doctor is about, and the form of what it finds.

Holds and words things only: it never checks anything itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

from easytrader_qmt.miniqmt.environment import Environment
from easytrader_qmt.miniqmt.privacy import shorten

Level = Literal["ok", "warn", "bad", "unknown"]


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. ``key`` is stable; ``checked``, ``seen`` and ``advice`` are Chinese texts.

    ``level``: ``ok``, ``warn`` (may be the cause), ``bad`` (keeps a connect from working) or ``unknown``.
    """

    key: str
    checked: str
    seen: str
    advice: str
    level: Level


@dataclass(frozen=True)
class Case:
    """What one examination is about.

    ``first`` and ``last`` are the pool's session ids, ``session_id`` the only one to use instead of a pool's.
    ``how_to_start`` is what starts a simulated terminal that does not run.
    """

    path: str
    account: Any
    """A number as text, or None; a configuration file may hold anything."""
    environment: Environment
    first: int
    last: int
    session_id: int | None = None
    how_to_start: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether there is a folder to look into."""
        return bool(self.path) and os.path.isdir(self.path)

    @property
    def place(self) -> str:
        """The whole path of a folder that is there, so that ``.`` has a name too; else what was given."""
        return os.path.abspath(self.path) if self.is_directory else self.path

    @property
    def pool(self) -> int:
        """How many session ids the pool has."""
        return self.last - self.first + 1


def finding(
    key: str, seen: str, advice: str = "", level: Level = "ok", checked: str | None = None
) -> Finding:
    """A finding under the usual title of its key."""
    return Finding(key, checked or TITLES.get(key, key), seen, advice, level)


def readable(account: str) -> str:
    """The account number as findings show it: shortened, but for a simulated one, which is no secret."""
    return account if account.startswith("SIM") else shorten(account)


TITLES = {
    "path": "userdata_mini 路径",
    "path_name": "目录名",
    "path_encoding": "路径编码",
    "up_queue": "终端的队列文件",
    "writable": "目录可写",
    "queue_files": "队列文件数量",
    "disk_free": "磁盘空间",
    "session_ids": "会话ID",
    "terminal": "终端进程",
    "windows_session": "Windows 会话",
    "drive_c": "C 盘权限",
    "python": "Python 版本",
    "native_client": "xtquant 原生组件",
    "xtquant_version": "xtquant 版本",
    "xtquant_import": "xtquant 的加载方式",
    "account": "资金账号",
    "probe": "实际连接",
}
