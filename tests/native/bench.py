"""A bench for the stand-in client: the smallest terminal, and what the client's callbacks hear."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from easytrader_qmt.sim.native import ClientSettings, ClientSide, make_module
from tests.native import compact

_HERE = Path(compact.__file__).parent
METHODS = json.loads((_HERE / "xtpythonclient-250807.1.2.json").read_text(encoding="utf-8"))["client"][
    "methods"
]
WAYS_DOWN = ("before connect", "failed connect", "dropped")
SMT = (
    "smtNegotiateOrder",
    "smtAppointmentOrder",
    "smtAppointmentCancel",
    "smtCompactRenewal",
    "smtCompactReturn",
)
SOON = 10.0


class FakeTerminal:
    """The smallest terminal: it answers what it was told to answer."""

    def __init__(self) -> None:
        self.takes: Callable[[ClientSide], bool] = lambda client: True
        self.answers: dict[str, Any] = {"subscribe": 0}
        self.asked: list[tuple[str, int, dict[str, Any]]] = []
        self.attached: list[tuple[ClientSide, int]] = []
        self.detached: list[ClientSide] = []

    def attach(self, client: ClientSide, session: int) -> bool:
        self.attached.append((client, session))
        return self.takes(client)

    def detach(self, client: ClientSide) -> None:
        self.detached.append(client)

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        self.asked.append((name, seq, fields))
        if name in self.answers:
            client.answer(name, seq, self.answers[name])

    @property
    def client(self) -> ClientSide:
        return self.attached[-1][0]


class Bench:
    """One module of the stand-in, its terminal, and what its clients hear."""

    def __init__(self, version: str = "250807.1.2", **settings: Any) -> None:
        self.terminal = FakeTerminal()
        self.there = True
        self.paths: list[str] = []
        self.slept: list[float] = []
        self.heard: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        chosen = {"sleep": self.slept.append, **settings}
        self.module: Any = make_module(self.find, version, settings=ClientSettings(**chosen))
        self.clients: list[Any] = []

    def find(self, path: str) -> FakeTerminal | None:
        self.paths.append(path)
        return self.terminal if self.there else None

    def client(self, session: int = 100, *, without: tuple[str, ...] = ()) -> Any:
        client = self.module.XtQuantAsyncClient(b"/sim/userdata_mini", "xtquant", session)
        for bind in dir(client):
            if bind.startswith("bindOn") and bind not in without:
                getattr(client, bind)(self.hearing(bind))
        self.clients.append(client)
        return client

    def connected(self) -> Any:
        client = self.client()
        client.init()
        client.start()
        assert client.connect() == 0
        return client

    def hearing(self, bind: str) -> Callable[..., None]:
        return lambda *arguments: self.heard.put((bind, *arguments))

    def next(self) -> tuple[Any, ...]:
        """What was called next: the bind method's name and the arguments."""
        return self.heard.get(timeout=SOON)

    def request(self, name: str) -> tuple[Any, ...]:
        """Arguments that fit ``name``, after its seq."""
        takes = compact._signature(METHODS[f"{name}WithSeq"])["takes"][1:]
        plain = {"str": b"{}", "list[str]": ["a"], "list[ModelStrategyCmdStockParam]": []}
        return tuple(plain[kind] if kind in plain else getattr(self.module, kind)() for kind in takes)

    def down(self, way: str) -> Any:
        """A started client without a connection, by one of ``WAYS_DOWN``."""
        if way == "dropped":
            client = self.connected()
            self.terminal.client.dropped(False)
            return client
        client = self.client()
        client.start()
        if way == "failed connect":
            self.terminal.takes = lambda one: False
            assert client.connect() == -1
        return client

    def close(self) -> None:
        for client in self.clients:
            client.stop()


def answers() -> list[tuple[str, str, list[str]]]:
    """Every request with the bind method of its answer and its callback's types, as the vendor names them."""
    found = []
    for method in METHODS:
        if not method.endswith("WithSeq"):
            continue
        name = method.removesuffix("WithSeq")
        stem = "SmtAppointment" if name in SMT else name[0].upper() + name[1:]
        for bind in (f"bindOn{stem}RespCallback", f"bindOn{stem}Callback"):
            if bind in METHODS:
                found.append((name, bind, compact._signature(METHODS[bind])["callback"]))
    return found


def off_main(call: Callable[[], Any]) -> Any:
    """Run in a daemon thread; a call that hangs fails the test instead of hanging it."""
    done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True, name="off-main").start()
    result, error = done.get(timeout=SOON)
    if error is not None:
        raise error
    return result
