"""One client of a terminal process: what it sends becomes calls on the terminal, what it is told frames.

Calls that a fault may hang run aside, so that the connection lives on and a client that gave up is noticed.
Never blocks the terminal, and never hands it anything unchecked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from easytrader_qmt.sim.link_frames import (
    CLIENT_LIMIT,
    BrokenLinkError,
    Channel,
    Frame,
    number_of,
    object_of,
    text_of,
)
from easytrader_qmt.sim.link_outgoing import Outgoing
from easytrader_qmt.sim.link_requests import checked_fields
from easytrader_qmt.sim.terminal import Terminal


class Aside(Protocol):
    """Runs work in a thread that the server knows of."""

    def __call__(self, work: Callable[[], None], name: str) -> None:
        """Start ``work``."""
        ...


class ClientPeer:
    """The terminal's side of one client; the terminal sees it as a ``ClientSide``."""

    def __init__(self, terminal: Terminal, channel: Channel, *, aside: Aside, **bounds: Any) -> None:
        self._terminal = terminal
        self._channel = channel
        self._aside = aside
        self._out = Outgoing(channel, **bounds)
        self._lock = threading.Lock()
        self._asked_to_attach = False
        self._leaving = False
        self._gone = False

    # --- said by the terminal (ClientSide) -----------------------------------------------------

    def answer(self, name: str, seq: int, payload: object) -> None:
        """An answer to a request."""
        rows = 1 + (len(payload) if isinstance(payload, list) else 0)
        self._out.put({"type": "answer", "name": name, "seq": seq, "payload": payload}, rows)

    def push(self, kind: str, fields: Mapping[str, object]) -> None:
        """A push."""
        self._out.put({"type": "push", "kind": kind, "fields": fields})

    def dropped(self, notify: bool) -> None:
        """The terminal ends the connection."""
        self._out.put({"type": "dropped", "notify": notify}, last=True)

    # --- said by the client --------------------------------------------------------------------

    def run(self) -> None:
        """Take what the client sends until it is gone. Raises BrokenLinkError then."""
        writer = threading.Thread(target=self._out.run, name="sim link writer", daemon=True)
        writer.start()
        try:
            while True:
                self._out.wait_for_room()
                self._take(self._channel.read(CLIENT_LIMIT))
        finally:
            with self._lock:
                self._gone = True
            self._terminal.forget(self)
            self._out.close()
            writer.join(5.0)

    def _take(self, message: Frame) -> None:
        kind = message["type"]
        if kind == "request" and self._asked_to_attach:
            name, seq = text_of(message, "name"), number_of(message, "seq")
            self._terminal.request(self, name, seq, checked_fields(name, object_of(message, "fields")))
        elif kind == "attach" and not self._asked_to_attach:
            self._asked_to_attach = True
            session = number_of(message, "session")
            self._aside(lambda: self._attach(session), "sim link attach")
        elif kind == "detach" and not self._leaving:
            self._leaving = True
            self._aside(self._detach, "sim link detach")
        elif kind == "ping":
            self._out.put({"type": "pong"})
        elif kind != "pong":
            raise BrokenLinkError(f"此时不接受 {kind[:20]!r}")

    def _attach(self, session: int) -> None:
        taken = self._terminal.attach(self, session)
        with self._lock:
            gone = self._gone
        if gone:
            self._terminal.forget(self)
        else:
            self._out.put({"type": "attached", "ok": taken}, last=not taken)

    def _detach(self) -> None:
        self._terminal.detach(self)
        self._out.put({"type": "detached"}, last=True)
