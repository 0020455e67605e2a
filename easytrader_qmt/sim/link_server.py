"""Serves a simulated terminal to other processes on a listening socket.

Every connection has threads of its own, a bounded number of them; what one peer does ends at worst its own
connection. Never listens before it is told to, and never lets a stranger say more than a greeting.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from easytrader_qmt.sim import link_handshake
from easytrader_qmt.sim.link_control import control_calls
from easytrader_qmt.sim.link_frames import (
    CLIENT_LIMIT,
    TERMINAL_LIMIT,
    BrokenLinkError,
    Channel,
    Frame,
    FrameTooLongError,
    encode,
    number_of,
    object_of,
    text_of,
)
from easytrader_qmt.sim.link_peer import ClientPeer
from easytrader_qmt.sim.terminal import Terminal


@dataclass(frozen=True)
class LinkLimits:
    """What a server allows. Seconds, rows and connections.

    ``strangers`` are connections that have not proved themselves yet; a client with ``most_rows`` unread rows
    is cut off, and one with more than ``resume_rows`` is not listened to until it has read some.
    """

    clients: int = 64
    controls: int = 32
    strangers: int = 32
    handshake_seconds: float = 5.0
    stall_seconds: float = 10.0
    ping_seconds: float = 5.0
    most_rows: int = 200_000
    resume_rows: int = 20_000


class LinkServer:
    """One listening socket for one terminal. ``changed`` is called after every control call."""

    def __init__(
        self,
        terminal: Terminal,
        key: bytes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: LinkLimits | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._terminal = terminal
        self._key = key
        self._wanted = (host, port)
        self._limits = limits if limits is not None else LinkLimits()
        self._changed = changed
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._stopping = False
        self._channels: dict[Channel, str] = {}
        self._threads: set[threading.Thread] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on; only after ``start``."""
        if self._listener is None:
            raise RuntimeError("尚未开始监听")
        host, port = self._listener.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in self._wanted[0] else socket.AF_INET
        self._listener = socket.create_server(self._wanted, family=family, backlog=64)
        self._listener.settimeout(1.0)
        self._thread(self._accept, "sim link accept")

    def stop(self) -> None:
        """End every connection and thread, and let go of what hangs."""
        with self._lock:
            self._stopping = True
            channels = list(self._channels)
        if self._listener is not None:
            with suppress(OSError):  # wakes accept() at once; its timeout would do it too
                socket.create_connection(self.address, 1.0).close()
        for channel in channels:
            channel.close()
        self._terminal.faults.release()
        while True:
            with self._lock:
                thread = self._threads.pop() if self._threads else None
            if thread is None:
                break
            if thread is not threading.current_thread():
                thread.join(5.0)
        if self._listener is not None:
            self._listener.close()

    # --- connections ---------------------------------------------------------------------------

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None and not self._stopping:
            try:
                sock, _peer = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._take(sock)

    def _take(self, sock: socket.socket) -> None:
        limits = self._limits
        tick = min(1.0, limits.stall_seconds / 4, limits.handshake_seconds / 4)
        try:
            channel = Channel(sock, tick)
        except OSError:
            sock.close()
            return
        if not self._counted(channel, "stranger", limits.strangers):
            channel.close()
            return
        self._thread(lambda: self._serve(channel), "sim link peer")

    def _counted(self, channel: Channel, role: str, most: int) -> bool:
        with self._lock:
            there = sum(one == role for one in self._channels.values())
            if self._stopping or there >= most:
                return False
            self._channels[channel] = role
            return True

    def _thread(self, work: Callable[[], None], name: str) -> threading.Thread:
        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()
        return thread

    def _serve(self, channel: Channel) -> None:
        limits = self._limits
        try:
            role = link_handshake.as_terminal(channel, self._key, time.monotonic() + limits.handshake_seconds)
            if not self._counted(channel, role, limits.clients if role == "client" else limits.controls):
                link_handshake.refuse(channel, "连接数已达上限")
            link_handshake.welcome(channel)
            if role == "control":
                self._obey(channel)
            else:
                self._peer(channel)
        except BrokenLinkError as error:
            from loguru import logger

            logger.debug("仿真终端的一个连接结束：{}", error)
        except Exception as error:
            _failed(error)
        finally:
            channel.close()
            with self._lock:
                self._channels.pop(channel, None)

    def _peer(self, channel: Channel) -> None:
        limits = self._limits
        peer = ClientPeer(
            self._terminal,
            channel,
            most_rows=limits.most_rows,
            resume_rows=limits.resume_rows,
            stall_seconds=limits.stall_seconds,
            ping_seconds=limits.ping_seconds,
            aside=self._aside,
        )
        peer.run()

    def _aside(self, work: Callable[[], None], name: str) -> None:
        def run() -> None:
            try:
                work()
            except Exception as error:
                _failed(error)

        self._thread(run, name)

    # --- control -------------------------------------------------------------------------------

    def _obey(self, channel: Channel) -> None:
        calls = control_calls(self._terminal)
        while True:
            message = channel.read(CLIENT_LIMIT)
            if message["type"] == "ping":
                reply: Frame = {"type": "pong"}
            elif message["type"] == "control":
                reply = self._result(calls, message)
            else:
                raise BrokenLinkError(f"控制连接不接受 {message['type'][:20]!r}")
            try:
                frame = encode(reply, TERMINAL_LIMIT)
            except FrameTooLongError as error:
                frame = encode(
                    {"type": "error", "id": reply.get("id"), "message": str(error)}, TERMINAL_LIMIT
                )
            channel.write(frame, self._limits.stall_seconds)

    def _result(self, calls: dict[str, Callable[..., Any]], message: Frame) -> Frame:
        number, name = number_of(message, "id"), text_of(message, "call")
        args = message.get("args", [])
        if not isinstance(args, list):
            raise BrokenLinkError("control 消息的 args 应为数组")
        call = calls.get(name)
        if call is None:
            return {
                "type": "error",
                "id": number,
                "kind": "LookupError",
                "message": f"没有控制命令 {name[:40]!r}",
            }
        try:
            value = call(*args, **(object_of(message, "kwargs") if "kwargs" in message else {}))
            self._changed()
        except BrokenLinkError:
            raise
        except Exception as error:
            return {"type": "error", "id": number, "kind": type(error).__name__, "message": str(error)}
        return {"type": "result", "id": number, "value": value}


def _failed(error: Exception) -> None:
    from easytrader_qmt.failure_lines import log_failure

    log_failure("ERROR", "仿真终端处理一个连接时出错，该连接已断开", error)
