"""How this process reaches a simulated terminal that runs as a process of its own.

``find`` gives the stand-in an Endpoint for a directory where such a terminal lives, or lived. Never starts a
terminal, and never blocks for ever on one that is dead, deaf or not ours.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from easytrader_qmt.quotes import DayQuote
from easytrader_qmt.sim import link_home
from easytrader_qmt.sim.control_client import ControlClient, control
from easytrader_qmt.sim.link_frames import (
    CLIENT_LIMIT,
    TERMINAL_LIMIT,
    BrokenLinkError,
    Channel,
    Frame,
    encode,
    number_of,
    object_of,
    text_of,
)
from easytrader_qmt.sim.link_handshake import reach
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.native import ClientSettings, ClientSide, Endpoint

__all__ = ["ControlClient", "RemoteTerminal", "control", "find", "install"]

STALL_SECONDS = 5.0
QUOTE_SECONDS = 1.0
SILENCE_SECONDS = 15.0
"""A terminal that says nothing at all for so long is not waited for any more; it pings every five seconds."""


_complaints: dict[str, str] = {}
# Why the terminal at a path could not be reached the last time.


def install() -> None:
    """Let the stand-in find terminals that run as processes of their own."""
    from easytrader_qmt.sim.layer import add_finder

    add_finder(find)


def find(path: str) -> Endpoint | None:
    """The way to the terminal process that lives, or lived, at ``path``; None where none ever did."""
    if not path or not link_home.address_file(path).is_file():
        return None
    return RemoteTerminal(path)


class RemoteTerminal:
    """A terminal process as the stand-in sees it. Reads its address anew at every connect."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        self._links: dict[int, _Link] = {}

    @property
    def client_settings(self) -> ClientSettings:
        """How clients behave while the terminal is away, as it said when it was last here."""
        try:
            address = link_home.read_address(self._path)
        except (OSError, LinkError):
            return ClientSettings(directory_of=lambda path: self._path)
        return ClientSettings(
            connect_timeout=address.connect_timeout,
            directory_of=lambda path: self._path,
            answer_while_down="none" if address.answer_while_down == "none" else "empty",
        )

    def attach(self, client: ClientSide, session: int) -> bool:
        """Connect ``client``; False when the terminal is not there or does not want it."""
        link = self._reached(client)
        if link is None:
            return False
        with self._lock:
            self._links[id(client)] = link
        if link.attach(session):
            return True
        self._forget(client, link)
        link.close()
        return False

    def detach(self, client: ClientSide) -> None:
        """``client`` stops; comes back when the terminal has let go of it, or does not live any more."""
        with self._lock:
            link = self._links.pop(id(client), None)
        if link is not None:
            link.detach()

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        """Send a request; without a connection it is lost, as it is with the real client."""
        link = self._links.get(id(client))
        if link is not None:
            link.say({"type": "request", "name": name, "seq": seq, "fields": fields})

    def day_quote(self, stock_code: str) -> DayQuote | None:
        """The security's day as that terminal's market has it. Raises LinkError when it does not answer."""
        with ControlClient(self._path, QUOTE_SECONDS) as terminal:
            day: DayQuote | None = terminal.day_quote(stock_code)
        return day

    def _reached(self, client: ClientSide) -> _Link | None:
        from loguru import logger

        try:
            channel = reach(self._path, "client", max(0.1, self.client_settings.connect_timeout))
        except (LinkError, BrokenLinkError, OSError) as error:
            # Said once for each reason: a bot tries again every few seconds, all night.
            if _complaints.get(self._path) != str(error):
                _complaints[self._path] = str(error)
                logger.warning("连接不上独立进程的仿真终端 {}：{}", self._path, error)
            return None
        _complaints.pop(self._path, None)
        return _Link(client, channel, self._forget)

    def _forget(self, client: ClientSide, link: _Link) -> None:
        with self._lock:
            if self._links.get(id(client)) is link:
                del self._links[id(client)]


class _Link:
    """One client's connection and the thread that reads from it."""

    def __init__(
        self, client: ClientSide, channel: Channel, over: Callable[[ClientSide, _Link], None]
    ) -> None:
        self._client = client
        self._channel = channel
        self._over = over
        self._writing = threading.Lock()
        self._settled = threading.Event()
        self._ended = threading.Event()
        self._attached = False
        self._leaving = False
        self._heard = time.monotonic()
        self._reader = threading.Thread(target=self._run, name="sim link reader", daemon=True)
        self._reader.start()

    def attach(self, session: int) -> bool:
        self.say({"type": "attach", "session": session})
        self._wait(self._settled)
        return self._attached and self._settled.is_set()

    def detach(self) -> None:
        self._leaving = True
        self.say({"type": "detach"})
        self._wait(self._ended)
        self.close()

    def close(self) -> None:
        self._leaving = True
        self._channel.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(5.0)

    def say(self, message: Frame) -> None:
        """Send a frame; a terminal that does not take it has lost this client, which the reader reports."""
        frame = encode(message, CLIENT_LIMIT)
        try:
            with self._writing:
                self._channel.write(frame, STALL_SECONDS)
        except BrokenLinkError:
            self._channel.close()

    def _wait(self, event: threading.Event) -> None:
        # A terminal that hangs on purpose pings and is waited for, as the real one is; a dead one is not.
        self._heard = time.monotonic()
        while not event.is_set() and time.monotonic() - self._heard < SILENCE_SECONDS:
            event.wait(min(1.0, SILENCE_SECONDS / 3))

    def _run(self) -> None:
        notify: bool | None = None
        try:
            while notify is None:
                notify = self._take(self._channel.read(TERMINAL_LIMIT))
        except BrokenLinkError:
            notify = True
        except Exception as error:
            from easytrader_qmt.failure_lines import log_failure

            log_failure("ERROR", "仿真终端的消息无法处理，连接已断开", error)
            notify = True
        tell = self._attached and not self._leaving
        self._channel.close()
        self._over(self._client, self)
        self._settled.set()
        self._ended.set()
        if tell:
            self._client.dropped(notify)

    def _take(self, message: Frame) -> bool | None:
        """Pass a message on. Not None when it ends the connection: whether the client is notified."""
        kind = message["type"]
        self._heard = time.monotonic()
        if kind == "answer":
            self._client.answer(text_of(message, "name"), number_of(message, "seq"), message.get("payload"))
        elif kind == "push":
            self._client.push(text_of(message, "kind"), object_of(message, "fields"))
        elif kind == "attached":
            self._attached = message.get("ok") is True
            self._settled.set()
        elif kind == "ping":
            self.say({"type": "pong"})
        elif kind == "dropped":
            return message.get("notify") is not False
        elif kind == "detached":
            return False
        elif kind != "pong":
            raise BrokenLinkError(f"仿真终端发来未知的消息 {kind[:20]!r}")
        return None
