"""Peers of a terminal's link for tests: one speaks frames by hand, one keeps what it is told."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from easytrader_qmt.sim import Terminal, TerminalSettings, link_home
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_handshake import prove
from easytrader_qmt.sim.link_home import Address
from easytrader_qmt.sim.link_server import LinkLimits, LinkServer
from tests.facade import SOON

ACCOUNT = "SIM0000000001"
SUBSCRIBE = {"account_id": ACCOUNT, "account_type": 2}
BUY = {
    **SUBSCRIBE,
    "stock_code": "600000.SH",
    "order_type": 23,
    "order_volume": 100,
    "price_type": 11,
    "price": 10.0,
    "strategy_name": "网格",
    "order_remark": "r1",
}


class HandPeer:
    """A socket to the terminal at a directory, without any of the package's own link code."""

    def __init__(self, directory: Path) -> None:
        address = link_home.read_address(directory)
        self.key = link_home.read_key(directory)
        self.sock = socket.create_connection((address.host, address.port), SOON)
        self.sock.settimeout(SOON)

    def __enter__(self) -> HandPeer:
        return self

    def __exit__(self, *raised: object) -> None:
        self.sock.close()

    def send(self, message: Any) -> None:
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        self.sock.sendall(len(body).to_bytes(4, "big") + body)

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the terminal has ended the connection."""
        header = self._exactly(4)
        body = self._exactly(int.from_bytes(header, "big")) if header else b""
        message: dict[str, Any] | None = json.loads(body) if body else None
        return message

    def is_cut_off(self) -> bool:
        """Whether the terminal ends the connection, after whatever it still says."""
        while (message := self.receive()) is not None:
            assert message["type"] in ("refused", "ping", "answer", "push", "welcome", "challenge"), message
        return True

    def greet(self, role: str = "client", protocol: object = 1) -> tuple[bytes, dict[str, Any] | None]:
        """Say hello; the nonce it was said with, and what came back."""
        nonce = secrets.token_bytes(32)
        self.send({"type": "hello", "protocol": protocol, "role": role, "nonce": nonce.hex()})
        return nonce, self.receive()

    def shake_hands(self, role: str = "client") -> str:
        """The whole handshake; the proof that was sent."""
        nonce, challenge = self.greet(role)
        assert challenge is not None
        proof = prove(self.key, "client", role, nonce, bytes.fromhex(challenge["nonce"])).hex()
        self.send({"type": "proof", "proof": proof})
        assert self.receive() == {"type": "welcome"}
        return proof

    def attach(self, session: int) -> bool:
        self.send({"type": "attach", "session": session})
        return bool(self.expect("attached")["ok"])

    def ask(self, name: str, seq: int, **fields: Any) -> None:
        row = {"account_id": ACCOUNT, "account_type": 2, **fields}
        self.send({"type": "request", "name": name, "seq": seq, "fields": row})

    def expect(self, kind: str) -> dict[str, Any]:
        """The next message of this type; pings in between are passed over."""
        while True:
            message = self.receive()
            assert message is not None, f"cut off instead of {kind}"
            if message["type"] != "ping":
                assert message["type"] == kind, message
                return message

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            try:
                some = self.sock.recv(min(size - len(received), 1 << 20))
            except ConnectionError:
                return b""
            if not some:
                return b""
            received += some
        return received


class Told:
    """The client's side of a link (``ClientSide``): keeps what the terminal says."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []
        self._news = threading.Condition()

    def answer(self, name: str, seq: int, payload: object) -> None:
        self._keep("answer", name, seq, payload)

    def push(self, kind: str, fields: Mapping[str, object]) -> None:
        self._keep("push", kind, fields)

    def dropped(self, notify: bool) -> None:
        self._keep("dropped", notify)

    def wait_for(self, *start: Any) -> tuple[Any, ...]:
        """The first thing said that begins like this."""
        with self._news:
            found = self._news.wait_for(lambda: self._first(start), SOON)
        assert found is not None, f"{start} never came, only {self.said[-5:]}"
        return found

    def _first(self, start: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return next((one for one in self.said if one[: len(start)] == start), None)

    def _keep(self, *what: Any) -> None:
        with self._news:
            self.said.append(what)
            self._news.notify_all()


def eventually(true: Callable[[], Any]) -> Any:
    """The first true answer, asked again until it comes; for states of another process."""
    deadline = time.monotonic() + SOON
    while not (answer := true()):
        assert time.monotonic() < deadline, "it never became true"
        threading.Event().wait(0.005)
    return answer


class Served:
    """A terminal of this process, served on a socket."""

    def __init__(self, directory: Path, limits: LinkLimits | None = None) -> None:
        self.directory = directory
        self.terminal = Terminal(directory, settings=TerminalSettings(connect_timeout=1.0, session_gap=0.0))
        link_home.folder_of(directory).mkdir()
        self.key = link_home.make_key(directory)
        self.server = LinkServer(self.terminal, self.key, limits=limits)
        self.server.start()
        link_home.write_address(directory, Address(*self.server.address, pid=os.getpid()))

    def close(self) -> None:
        self.server.stop()
        self.terminal.close()

    def client(self, session: int) -> tuple[RemoteTerminal, Told]:
        """A connected and subscribed client."""
        remote, told = RemoteTerminal(self.directory), Told()
        assert remote.attach(told, session)
        remote.request(told, "subscribe", 1, SUBSCRIBE)
        assert told.wait_for("answer", "subscribe")[3] == 0
        return remote, told


def still_serves(remote: RemoteTerminal, told: Told, seq: int = 99) -> None:
    """The other client's request is answered, whatever somebody else has just done."""
    remote.request(told, "queryStockAsset", seq, SUBSCRIBE)
    assert told.wait_for("answer", "queryStockAsset", seq)[3][0]["account_id"] == ACCOUNT
