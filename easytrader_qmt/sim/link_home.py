"""What a terminal process leaves in its directory so that clients find it: an address and a secret key.

``DIR/easytrader_qmt/link.json`` says where it listens, ``link.key`` is what both ends must know. Never opens
a socket, and never uses a key that other users of the machine could have read.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from easytrader_qmt.errors import EasytraderQmtError
from easytrader_qmt.sim.link_frames import PROTOCOL

FOLDER = "easytrader_qmt"
KEY_BYTES = 32
_LONGEST_ADDRESS = 4096
_REPLACE_SECONDS = 2.0


class LinkError(EasytraderQmtError):
    """The link to a simulated terminal process cannot be made; the text says why."""


@dataclass(frozen=True)
class Address:
    """Where a terminal process listens, and what its clients need to know while it is away.

    ``connect_timeout`` is the seconds that a connect in vain takes, ``answer_while_down`` what a list query
    without a connection brings (``empty`` or ``none``).
    """

    host: str
    port: int
    pid: int
    connect_timeout: float = 3.0
    answer_while_down: str = "empty"
    protocol: int = PROTOCOL


def folder_of(directory: str | os.PathLike[str]) -> Path:
    """The folder in a terminal's directory that is this package's own."""
    return Path(directory) / FOLDER


def address_file(directory: str | os.PathLike[str]) -> Path:
    """Where a terminal process at ``directory`` leaves its address."""
    return folder_of(directory) / "link.json"


def key_file(directory: str | os.PathLike[str]) -> Path:
    """Where a terminal process at ``directory`` keeps the key."""
    return folder_of(directory) / "link.key"


def write_address(directory: str | os.PathLike[str], address: Address) -> None:
    """Leave the address, whole or not at all."""
    path = address_file(directory)
    fresh = path.with_suffix(f".json.{address.pid}")
    fresh.write_text(json.dumps(asdict(address)) + "\n", encoding="ascii")
    deadline = time.monotonic() + _REPLACE_SECONDS
    while True:
        try:
            os.replace(fresh, path)
            return
        except PermissionError:
            # Windows does not replace a file while somebody reads it, which takes no longer than a moment.
            if time.monotonic() >= deadline:
                raise
            threading.Event().wait(0.01)


def read_address(directory: str | os.PathLike[str]) -> Address:
    """The address a terminal process left, whether or not it still lives.

    Raises FileNotFoundError where there is none, LinkError for one that cannot be used.
    """
    path = address_file(directory)
    with path.open("rb") as file:
        text = file.read(_LONGEST_ADDRESS + 1)
    try:
        return _address(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise LinkError(f"{path} 不可用：{error}；请重新启动仿真终端") from None


def remove_address(directory: str | os.PathLike[str], pid: int) -> None:
    """Take the address away, if it is still that of process ``pid``."""
    try:
        if read_address(directory).pid == pid:
            address_file(directory).unlink()
    except (OSError, LinkError):
        return


def make_key(directory: str | os.PathLike[str]) -> bytes:
    """The key of ``directory``, made when there is none; only for the process that holds its lock.

    Raises LinkError for a key file that other users can read or that holds no key.
    """
    path = key_file(directory)
    if not path.exists():
        fresh = path.with_suffix(".key.new")
        fresh.unlink(missing_ok=True)  # left by a process killed right here
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(fresh, flags, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        os.replace(fresh, path)
    return read_key(directory)


def read_key(directory: str | os.PathLike[str]) -> bytes:
    """The key of ``directory``.

    Raises FileNotFoundError where there is none, LinkError for a key file that other users can read (POSIX;
    on Windows the folder's own permissions rule) or that holds no key.
    """
    path = key_file(directory)
    with path.open("rb") as file:
        if sys.platform != "win32":
            _check_private(path, os.fstat(file.fileno()))
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise LinkError(f"{path} 不是 {KEY_BYTES} 字节的密钥；请停止仿真终端、删除该文件后重新启动")
    return key


def _check_private(path: Path, status: os.stat_result) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise LinkError(f"{path} 可被其他用户读取，不能使用；请执行 chmod 600，或删除后重新启动仿真终端")
    if sys.platform != "win32" and status.st_uid not in (os.getuid(), 0):
        raise LinkError(f"{path} 属于其他用户，不能使用")


def _address(found: Any) -> Address:
    if not isinstance(found, dict):
        raise TypeError("内容不是 JSON 对象")
    if found["protocol"] != PROTOCOL:
        raise ValueError(f"协议版本 {found['protocol']!r}，本程序只支持 {PROTOCOL}")
    host, port, pid = found["host"], found["port"], found["pid"]
    if not isinstance(host, str) or type(port) is not int or type(pid) is not int or not 0 < port < 65_536:
        raise TypeError("host、port、pid 不合法")
    timeout = found.get("connect_timeout", 3.0)
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout <= 60:
        raise TypeError("connect_timeout 应为 0–60 秒")
    while_down = found.get("answer_while_down", "empty")
    if while_down not in ("empty", "none"):
        raise TypeError("answer_while_down 应为 empty 或 none")
    return Address(host, port, pid, float(timeout), while_down)
