"""What a terminal still has to say to one client: a bounded queue and the thread that empties it.

Putting something in never blocks, so a slow client never holds up the terminal's lock. A client that does not
read is cut off; nothing is left out silently.
"""

from __future__ import annotations

import threading
from collections import deque

from easytrader_qmt.sim.link_frames import (
    TERMINAL_LIMIT,
    BrokenLinkError,
    Channel,
    Frame,
    FrameTooLongError,
    encode,
)

_PING: Frame = {"type": "ping"}
_BATCH_BYTES = 256 * 1024


class Outgoing:
    """The queue of one client. ``most_rows`` cuts the client off, ``resume_rows`` lets it ask again.

    ``stall_seconds`` is how long it may take nothing, ``ping_seconds`` how often something is said at least.
    """

    def __init__(
        self, channel: Channel, *, most_rows: int, resume_rows: int, stall_seconds: float, ping_seconds: float
    ) -> None:
        self._channel = channel
        self._most_rows = most_rows
        self._resume_rows = resume_rows
        self._stall_seconds = stall_seconds
        self._ping_seconds = ping_seconds
        self._waiting: deque[tuple[Frame, int]] = deque()
        self._rows = 0
        self._last = False
        self._changed = threading.Condition()

    def put(self, message: Frame, rows: int = 1, *, last: bool = False) -> None:
        """Have ``message`` said after all before it; the ``last`` one ends the connection."""
        with self._changed:
            if self._last or self._channel.closed:
                return
            self._waiting.append((message, rows))
            self._rows += rows
            self._last = last
            overflowing = self._rows > self._most_rows and len(self._waiting) > 1
            self._changed.notify_all()
        if overflowing:
            self.close()

    def wait_for_room(self) -> None:
        """Stay until the client has read enough of what it asked for. Raises BrokenLinkError once closed."""
        with self._changed:
            while self._rows > self._resume_rows and not self._channel.closed:
                self._changed.wait(1.0)
        if self._channel.closed:
            raise BrokenLinkError("连接已关闭")

    def close(self) -> None:
        """End the connection and let go of everything unsaid."""
        self._channel.close()
        with self._changed:
            self._waiting.clear()
            self._rows = 0
            self._changed.notify_all()

    def run(self) -> None:
        """Say things until the connection ends."""
        try:
            while self._say_some():
                pass
            # The peer hangs up after the last message; closing first could destroy what it has not read yet.
            self._channel.finish_writing()
            self._channel.wait_closed(self._stall_seconds)
        except BrokenLinkError:
            pass
        finally:
            self.close()

    def _say_some(self) -> bool:
        with self._changed:
            if not self._waiting and not self._channel.closed and not self._last:
                self._changed.wait(self._ping_seconds)
            taken, self._waiting = self._waiting, deque()
            last = self._last
        if self._channel.closed:
            return False
        batch, rows = bytearray(), 0
        for message, weight in taken or ((_PING, 0),):
            batch += _encoded(message)
            rows += weight
            if len(batch) >= _BATCH_BYTES:
                self._write(batch, rows)
                batch, rows = bytearray(), 0
        self._write(batch, rows)
        return not last

    def _write(self, batch: bytearray, rows: int) -> None:
        self._channel.write(bytes(batch), self._stall_seconds)
        with self._changed:
            self._rows = max(0, self._rows - rows)
            self._changed.notify_all()


def _encoded(message: Frame) -> bytes:
    try:
        return encode(message, TERMINAL_LIMIT)
    except FrameTooLongError:
        # None is how the native client says that a list could not be had; cut short it would be a lie.
        return encode({**message, "payload": None}, TERMINAL_LIMIT)
