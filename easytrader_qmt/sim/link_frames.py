"""The wire between stand-in clients and a terminal process: length-prefixed JSON objects on a stream socket.

A frame that breaks a rule raises :class:`BrokenLinkError`, which ends that one connection. Never unpickles,
never evaluates, never waits without a deadline, and never reads more than the limit it was given.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from contextlib import suppress
from typing import Any

PROTOCOL = 1
"""The version of the whole link; both ends must name the same one."""

UNAUTHENTICATED_LIMIT = 4 * 1024
"""The longest frame before the handshake is done, bytes, in either direction."""

CLIENT_LIMIT = 1024 * 1024
"""The longest frame a terminal takes from an authenticated client, bytes."""

TERMINAL_LIMIT = 64 * 1024 * 1024
"""The longest frame a client takes from an authenticated terminal, bytes."""

_HEADER = 4
_RECEIVE = 64 * 1024
_NOT_FINITE = "$float"

Frame = dict[str, Any]


class BrokenLinkError(Exception):
    """The peer is gone, too slow, or said something that the link does not allow."""


class FrameTooLongError(BrokenLinkError):
    """A message that does not fit into a frame; nothing of it was sent."""


def encode(message: Frame, limit: int) -> bytes:
    """The frame of ``message``. Raises FrameTooLongError above ``limit`` bytes.

    ASCII only, so that a lone surrogate crosses unharmed; NaN and the infinities, which JSON lacks but the
    native client takes as prices, become ``{"$float": "nan"}``.
    """
    try:
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(message), separators=(",", ":"), allow_nan=False)
    if len(text) > limit:
        raise FrameTooLongError(f"消息 {len(text)} 字节，超过上限 {limit} 字节")
    return len(text).to_bytes(_HEADER, "big") + text.encode("ascii")


def decode(body: bytes) -> Frame:
    """The message in a frame's body. Raises BrokenLinkError unless it is a JSON object with a ``type``."""
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        if _NOT_FINITE.encode() in body:
            message = _restored(message)
    except (ValueError, RecursionError) as error:
        raise BrokenLinkError(f"收到的帧不是合法的 JSON：{type(error).__name__}") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BrokenLinkError("收到的帧不是带 type 的 JSON 对象")
    return message


def text_of(message: Frame, name: str) -> str:
    """The text field ``name``. Raises BrokenLinkError when it is none."""
    value = message.get(name)
    if not isinstance(value, str):
        raise BrokenLinkError(f"{message.get('type')} 消息的 {name} 应为字符串")
    return value


def number_of(message: Frame, name: str) -> int:
    """The whole number ``name``, of at most 64 bits. Raises BrokenLinkError when it is none."""
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not -(1 << 63) <= value < 1 << 63:
        raise BrokenLinkError(f"{message.get('type')} 消息的 {name} 应为整数")
    return value


def object_of(message: Frame, name: str) -> dict[str, Any]:
    """The object ``name``. Raises BrokenLinkError when it is none."""
    value = message.get(name)
    if not isinstance(value, dict):
        raise BrokenLinkError(f"{message.get('type')} 消息的 {name} 应为对象")
    return value


class Channel:
    """Frames in and out of one connected socket, one reader and one writer at a time.

    ``close`` may be called from any thread and ends both. ``tick`` is how often, in seconds, they look at
    their deadline and at a close.
    """

    def __init__(self, sock: socket.socket, tick: float = 1.0) -> None:
        self._sock = sock
        self._closed = threading.Event()
        self._unread = bytearray()
        # One timeout for both directions, set once: a socket has no second one for the other thread.
        sock.settimeout(tick)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    @property
    def closed(self) -> bool:
        """Whether this end was closed."""
        return self._closed.is_set()

    def read(self, limit: int, deadline: float | None = None, *, whole_seconds: float = 30.0) -> Frame:
        """The next message; once begun, it must be whole within ``whole_seconds``.

        ``deadline`` is in ``time.monotonic`` seconds; None waits for a beginning until the channel is closed.
        Raises BrokenLinkError for everything that is not one whole, allowed frame in time.
        """
        if not self._unread:
            self._unread += self._some(deadline)
        latest = time.monotonic() + whole_seconds
        latest = latest if deadline is None else min(latest, deadline)
        size = int.from_bytes(self._exactly(_HEADER, latest), "big")
        if not 0 < size <= limit:
            raise BrokenLinkError(f"帧长 {size} 字节，允许 1–{limit} 字节")
        return decode(self._exactly(size, latest))

    def write(self, frame: bytes, stall_seconds: float) -> None:
        """Send a whole frame; BrokenLinkError when the peer takes nothing for ``stall_seconds``."""
        left = memoryview(frame)
        deadline = time.monotonic() + stall_seconds
        while left:
            if self.closed:
                raise BrokenLinkError("连接已关闭")
            try:
                sent = self._sock.send(left)
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise BrokenLinkError(f"对方 {stall_seconds:g} 秒没有读取数据") from None
                continue
            except OSError as error:
                raise BrokenLinkError(f"连接中断：{error}") from None
            left = left[sent:]
            deadline = time.monotonic() + stall_seconds

    def finish_writing(self) -> None:
        """Tell the peer that nothing more will come; it can still be read."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def wait_closed(self, seconds: float) -> bool:
        """Whether this end is closed, now or within ``seconds``."""
        return self._closed.wait(seconds)

    def close(self) -> None:
        """End the connection; a thread that reads or writes here comes back with BrokenLinkError."""
        self._closed.set()
        with suppress(OSError):  # the peer may have been faster
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _exactly(self, size: int, deadline: float) -> bytes:
        while len(self._unread) < size:
            self._unread += self._some(deadline)
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _some(self, deadline: float | None) -> bytes:
        while not self.closed:
            if deadline is not None and time.monotonic() >= deadline:
                raise BrokenLinkError("对方没有在时限内说完")
            try:
                received = self._sock.recv(_RECEIVE)
            except TimeoutError:
                continue
            except OSError as error:
                raise BrokenLinkError(f"连接中断：{error}") from None
            if not received:
                raise BrokenLinkError("对方关闭了连接")
            return received
        raise BrokenLinkError("连接已关闭")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {_NOT_FINITE: repr(value)}
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_NOT_FINITE} and value[_NOT_FINITE] in ("nan", "inf", "-inf"):
            return float(value[_NOT_FINITE])
        return {key: _restored(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_restored(one) for one in value]
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
