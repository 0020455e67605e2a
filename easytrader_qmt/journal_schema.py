"""The order journal's file: its tables, its versions, and what its failures mean.

It opens, creates and upgrades one SQLite file in WAL mode. It never deletes or repairs a file, and never
writes to a database that is not a journal or that a newer version wrote.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Mapping

from easytrader_qmt.errors import JournalError

__all__ = ["MIGRATIONS", "VERSION", "failure", "open_file"]

VERSION = 2
Migrations = Mapping[int, Callable[[sqlite3.Connection], None]]


def _with_account_types(connection: sqlite3.Connection) -> None:
    # One number may be an account of two types, and each type's list shows its own orders only.
    connection.execute("ALTER TABLE orders ADD COLUMN account_type INTEGER NOT NULL DEFAULT 0")


MIGRATIONS: Migrations = {1: _with_account_types}
"""From a version to the step that makes the next one of it; it runs inside the upgrade's transaction."""

_TABLES = (
    "CREATE TABLE schema_version (version INTEGER NOT NULL, since REAL NOT NULL)",
    """CREATE TABLE orders (
        key INTEGER PRIMARY KEY,
        account_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        token TEXT NOT NULL,
        remark TEXT NOT NULL,
        user_remark TEXT NOT NULL,
        strategy_name TEXT NOT NULL,
        stock_code TEXT NOT NULL,
        order_type INTEGER NOT NULL,
        price_type INTEGER NOT NULL,
        price REAL NOT NULL,
        amount INTEGER NOT NULL,
        notional REAL,
        session_id INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        marker TEXT NOT NULL,
        outcome TEXT NOT NULL,
        order_id INTEGER NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '',
        rejected_later TEXT NOT NULL DEFAULT '',
        begun_at REAL NOT NULL,
        finished_at REAL NOT NULL DEFAULT 0,
        account_type INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE UNIQUE INDEX order_of_id ON orders (account_id, client_order_id, attempt)",
    "CREATE UNIQUE INDEX order_of_token ON orders (token)",
    "CREATE INDEX order_open ON orders (account_id) WHERE outcome IN ('sending', 'in_doubt')",
)
# A backstop of 16 MiB: the journal itself checkpoints long before, and never on an order's way out.
_CHECKPOINT_PAGES = 4000
_WAL_PAUSE = 0.005
_WAL_TRIES = 10_000


def open_file(
    path: str,
    synchronous: str,
    left: Callable[[], float],
    sleep: Callable[[float], None],
    now: float,
    version: int = VERSION,
    migrations: Migrations = MIGRATIONS,
) -> sqlite3.Connection:
    """A connection to the journal at ``path``, made or upgraded where needed.

    ``left`` says how many seconds may still be waited for other users of the file. Raises JournalError for
    a foreign or newer file, sqlite3.Error and OSError as they come.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    connection = sqlite3.connect(path, timeout=left(), isolation_level=None, check_same_thread=False)
    try:
        found = _version(connection, path)
        _use_wal(connection, left, sleep)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
        if found > version:
            raise _newer(path, found, version)
        if found < version:
            connection.execute(f"PRAGMA busy_timeout={int(left() * 1000)}")
            _upgrade(connection, path, now, version, migrations)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: str) -> int:
    """The file's version; 0 for an empty one. Raises JournalError for a database that is no journal."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if not tables:
        return 0
    if not {"schema_version", "orders"} <= tables:
        raise JournalError(
            f"{path} 是别的程序的数据库，不是委托日志，没有改动它，也没有发出任何委托。请换一个日志路径"
        )
    return int(connection.execute("SELECT max(version) FROM schema_version").fetchone()[0])


def _use_wal(
    connection: sqlite3.Connection, left: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    # SQLite does not wait by itself for this one, so two processes that make one file would fail here.
    for tried in range(_WAL_TRIES + 1):
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                break
            connection.execute("PRAGMA busy_timeout=0")
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or tried == _WAL_TRIES or left() <= _WAL_PAUSE:
                raise
            sleep(_WAL_PAUSE)
        else:
            break
    connection.execute(f"PRAGMA busy_timeout={int(left() * 1000)}")


def _upgrade(
    connection: sqlite3.Connection, path: str, now: float, version: int, migrations: Migrations
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection, path)
        if found > version:
            raise _newer(path, found, version)
        if found == 0:
            for statement in _TABLES:
                connection.execute(statement)
            found = VERSION
        for step in range(found, version):
            migrations[step](connection)
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", (version, now))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _newer(path: str, found: int, version: int) -> JournalError:
    return JournalError(
        f"委托日志 {path} 由更新版本的 easytrader-qmt 写成（格式 {found}，本版本只认识到 {version}），"
        "没有发出任何委托。请升级 easytrader-qmt，或换一个日志路径"
    )


_FULL = ("磁盘已满或超出配额", "请腾出磁盘空间后再下单")
_DENIED = ("文件或文件夹只读、无权限或打不开", "请检查日志路径和权限，或换一个可写的路径")
_LOCKED = (
    "被另一个程序占用，在限定时间内没有让出",
    "请关闭正在占用它的程序（如数据库浏览器、备份、杀毒软件）后再下单",
)
_CORRUPT = (
    "文件已损坏",
    "请先核对柜台当日委托，再把它连同 -wal、-shm 文件一起移走留存；移走后只认得出柜台当日列出的 client_order_id",
)
_BROKEN = ("磁盘读写失败", "请检查磁盘空间、磁盘状态和路径后再下单")

_BY_TEXT = (
    ("disk is full", _FULL),
    ("readonly", _DENIED),
    ("unable to open", _DENIED),
    ("locked", _LOCKED),
    ("malformed", _CORRUPT),
    ("not a database", _CORRUPT),
    ("disk I/O error", _BROKEN),
)
_BY_ERRNO = {
    errno.ENOSPC: _FULL,
    errno.EFBIG: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: _DENIED,
    errno.ENOTDIR: _DENIED,
    errno.EEXIST: _DENIED,
}


def failure(error: Exception, path: str) -> JournalError:
    """The error to raise for one from SQLite or the system: what is wrong, and what to do."""
    text = str(error)
    kind = next((kind for piece, kind in _BY_TEXT if piece in text), None)
    if kind is None and isinstance(error, OSError) and error.errno is not None:
        kind = _BY_ERRNO.get(error.errno)
    if kind is None and isinstance(error, sqlite3.DatabaseError):
        # A damaged page may show up as almost anything, such as a table that lacks a column.
        kind = ("不能读写", "请检查文件；若已损坏，请换一个日志路径")
    what, advice = kind or _BROKEN
    return JournalError(
        f"委托日志 {path} {what}，没有发出任何委托。{advice}（{type(error).__name__}: {text}）"
    )
