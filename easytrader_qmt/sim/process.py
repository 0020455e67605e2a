"""The simulated terminal as a process of its own: it outlives its clients, and its state outlives it.

``serve`` runs one, ``spawn`` starts one beside this process. Never connects to a real broker, and never runs
two on one directory.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim import link_home
from easytrader_qmt.sim.link_home import Address, LinkError
from easytrader_qmt.sim.link_server import LinkServer
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from easytrader_qmt.sim.store import Store
from easytrader_qmt.sim.terminal import Terminal, TerminalSettings

__all__ = ["LinkError", "SpawnedTerminal", "main", "serve", "spawn"]

CONNECT_TIMEOUT = 3.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    directory: str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed_cash: float | None = None,
    connect_timeout: float = CONNECT_TIMEOUT,
    session_gap: float | None = None,
    announce: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Run a terminal at ``directory`` until SIGINT, SIGTERM or ``stop``.

    ``seed_cash`` (yuan) funds the account of a new directory, and is ignored where there is a state already.
    ``announce`` gets one line when clients can connect. Raises LinkError when another terminal runs there, or
    when the state cannot be read or, later, written; OSError when the address cannot be had.
    """
    if seed_cash is not None and not 0 <= seed_cash < 1e12:
        raise InvalidArgument(f"初始资金 {seed_cash!r} 应为 0 到 1 万亿元之间的数")
    if not 0 <= connect_timeout <= 60:
        raise InvalidArgument(f"connect_timeout {connect_timeout!r} 应为 0–60 秒")
    stopping = stop if stop is not None else threading.Event()
    failures: list[LinkError] = []
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stopping))
        folder = link_home.folder_of(directory)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stack.enter_context(_alone(folder))
        key = link_home.make_key(directory)
        settings = TerminalSettings(connect_timeout=connect_timeout)
        if session_gap is not None:
            settings.session_gap = session_gap
        if seed_cash is not None:
            settings.cash = seed_cash
        store = Store(folder / "state.sqlite3")
        stack.callback(store.close)
        terminal = _terminal(directory, settings, store, failures, stopping)
        stack.callback(terminal.close)
        address = _Address(directory, terminal)
        server = LinkServer(terminal, key, host=host, port=port, changed=address.publish)
        server.start()
        stack.callback(server.stop)
        address.listening = server.address
        address.publish()
        stack.callback(link_home.remove_address, directory, os.getpid())
        _announce(announce, directory, terminal, server.address)
        # A wait without a timeout cannot be interrupted on Windows.
        while not stopping.wait(0.5):
            pass
    if failures:
        raise failures[0]


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m easytrader_qmt.sim.process DIR``: run a terminal at DIR; the exit status."""
    parser = argparse.ArgumentParser(prog="easytrader_qmt.sim.process", description="仿真终端（独立进程）")
    parser.add_argument("directory", help="终端所在的目录，相当于 userdata_mini")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址，默认只在本机")
    parser.add_argument("--port", type=int, default=0, help="监听端口，默认由系统分配")
    parser.add_argument("--seed-cash", type=float, default=None, help="新账户的初始资金，元")
    parser.add_argument("--connect-timeout", type=float, default=CONNECT_TIMEOUT, help="连接失败耗时，秒")
    parser.add_argument(
        "--session-gap", type=float, default=None, help="同一 session id 两次连接的最小间隔，秒"
    )
    wanted = vars(parser.parse_args(argv))
    try:
        serve(wanted.pop("directory"), announce=_say, **wanted)
    except (LinkError, InvalidArgument, OSError) as error:
        _say(f"仿真终端没有运行：{error}")
        return 1
    return 0


class _Address:
    """The address file, written again when something in it changes."""

    def __init__(self, directory: str | os.PathLike[str], terminal: Terminal) -> None:
        self._directory = directory
        self._terminal = terminal
        self._lock = threading.Lock()
        self._written: Address | None = None
        self.listening = ("", 0)

    def publish(self) -> None:
        with self._lock:
            address = Address(
                *self.listening,
                pid=os.getpid(),
                connect_timeout=self._terminal.settings.connect_timeout,
                answer_while_down=self._terminal.faults.answer_while_down,
            )
            if address != self._written:
                link_home.write_address(self._directory, address)
                self._written = address


def _terminal(
    directory: str | os.PathLike[str],
    settings: TerminalSettings,
    store: Store,
    failures: list[LinkError],
    stopping: threading.Event,
) -> Terminal:
    kept = store.load()
    counter, market, days = kept if kept is not None else (None, Market(), 0)
    terminal = Terminal(directory, settings=settings, counter=counter, market=market, days=days)

    def save() -> None:
        try:
            store.save(terminal.counter, market, terminal.days)
        except LinkError as error:
            # The books in memory are ahead of those on disk: what cannot be kept must not be told.
            failures.append(error)
            stopping.set()
            raise

    save()
    terminal.on_mutation = save
    return terminal


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "terminal.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LinkError(f"{folder.parent} 已有一个仿真终端进程在运行") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _stopped_by_signals(stopping: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    signals: list[signal.Signals] = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, lambda *_: stopping.set()) for number in signals
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _announce(
    announce: Callable[[str], None],
    directory: str | os.PathLike[str],
    terminal: Terminal,
    listening: tuple[str, int],
) -> None:
    host, port = listening
    accounts = "、".join(account.account_id for account in terminal.accounts)
    if host not in _LOOPBACK:
        announce(f"警告：仿真终端监听在 {host}，其他机器可以连到它；连接不加密，只应在可信的网络里这样做")
    announce(
        f"【仿真】仿真终端已就绪：{os.fspath(directory)}，账号 {accounts}，{host}:{port}，"
        f"进程 {os.getpid()}；所有委托和成交都不是真实的，按 Ctrl+C 停止"
    )


def _say(line: str) -> None:
    # A console that cannot show Chinese must not end the terminal.
    stream = sys.stdout
    if stream is None:
        return  # pythonw has no console
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


if __name__ == "__main__":
    raise SystemExit(main())
