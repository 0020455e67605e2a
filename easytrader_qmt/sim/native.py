"""A stand-in for the vendor's native extension ``xtpythonclient``, under the vendor's own Python layer.

It behaves at that seam as the real extension was seen to behave: one delivery thread per client calls what
was bound, a connect without a terminal is -1 after three seconds, a request without a connection is answered
at once, and one without ``start()`` never. Terminals hang behind :class:`Endpoint`.
This module never decides what a counter answers, and never holds a lock while it calls anyone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol

from easytrader_qmt.sim.delivery import Answer, Delivery, Line, Shape
from easytrader_qmt.sim.structs import Struct, native_layout, struct_classes

__all__ = ["ClientSettings", "ClientSide", "Endpoint", "make_module"]

SESSION_FILE_BYTES = 72 * 1024 * 1024
"""What the real client leaves in its directory for every session id."""

_TAKEN: Mapping[str, type | tuple[type, ...]] = {"int": int, "str": (str, bytes)}
_PUSHES = {
    "order": "bindOnStockOrderCallback",
    "trade": "bindOnStockTradeCallback",
    "asset": "bindOnStockAssetCallback",
    "position": "bindOnStockPositionCallback",
    "order_error": "bindOnOrderErrorCallback",
    "cancel_error": "bindOnCancelErrorCallback",
    "account_status": "bindOnUpdateAccountStatusCallback",
    "disconnected": "bindOnDisconnectedCallback",
}
_SMT_APPOINTMENTS = frozenset(
    f"smt{verb}"
    for verb in ("NegotiateOrder", "AppointmentOrder", "AppointmentCancel", "CompactRenewal", "CompactReturn")
)


class ClientSide(Protocol):
    """What a terminal may call on a client, from any thread: it only enqueues and returns."""

    def answer(self, name: str, seq: int, payload: object) -> None:
        """Answer request ``name``: an int, a text, a row, a list of rows, or None where the list failed."""
        ...

    def push(self, kind: str, fields: Mapping[str, object]) -> None:
        """Push a row: order, trade, asset, position, order_error, cancel_error or account_status."""
        ...

    def dropped(self, notify: bool) -> None:
        """The connection is gone; ``notify``: the client learns of it by its disconnected callback."""
        ...


class Endpoint(Protocol):
    """A way to one terminal. With an attribute ``client_settings`` it overrides the module's settings."""

    def attach(self, client: ClientSide, session: int) -> bool:
        """Connect; False makes ``connect()`` answer -1. May block; called without any lock."""
        ...

    def detach(self, client: ClientSide) -> None:
        """The client has stopped."""
        ...

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        """Take request ``name`` (``orderStock``), with its struct's fields by snake_case name."""
        ...


def _no_directory(path: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """How clients behave where the terminal has no say.

    ``connect_timeout`` seconds until a connect in vain returns, ``sleep`` how they pass, ``directory_of`` the
    directory to make for a path (None: touch no disk), ``answer_while_down`` what a list query without a
    connection brings: an ``empty`` list or ``none``.
    """

    connect_timeout: float = 3.0
    sleep: Callable[[float], None] = time.sleep
    directory_of: Callable[[str], str | None] = _no_directory
    answer_while_down: Literal["empty", "none"] = "empty"


class _NativeClient:
    """What ``XtQuantAsyncClient`` is in every version; its bind and request methods are added per version."""

    _find: Callable[[str], Endpoint | None]
    _settings: ClientSettings
    _answers: Mapping[str, Answer]
    _pushes: Mapping[str, Answer]

    def __init__(self, path: str | bytes, name: str, session: int) -> None:
        if not isinstance(path, (str, bytes)) or not isinstance(name, str) or not isinstance(session, int):
            raise TypeError(f"XtQuantAsyncClient 要 (str, str, int), 得到 ({path!r}, {name!r}, {session!r})")
        self._path = path.decode("gb18030", "replace") if isinstance(path, bytes) else path
        self._session = session
        self._seqs = itertools.count(1)
        self._line = Line(self._answers, self._pushes)

    def init(self) -> None:
        return None

    def start(self) -> None:
        _endpoint, settings = self._look()
        directory = settings.directory_of(self._path)
        if directory is not None:
            _leave_session_file(Path(directory), self._session)
        if self._line.delivery is None:
            self._line.delivery = Delivery(self._line.bound, self._session)

    def stop(self) -> None:
        self._line.hang_up()

    def connect(self) -> int:
        endpoint, settings = self._look()
        if self._line.endpoint is not None:
            return 0
        if endpoint is not None and self._line.connect(endpoint, self._session):
            return 0
        settings.sleep(settings.connect_timeout)
        return -1

    def nextSeq(self) -> int:  # noqa: N802 - the vendor's name
        return next(self._seqs)

    def setTimeout(self, seconds: int) -> None:  # noqa: N802 - the vendor's name
        if not isinstance(seconds, int):
            raise TypeError(f"setTimeout 要 int, 得到 {seconds!r}")

    def _look(self) -> tuple[Endpoint | None, ClientSettings]:
        endpoint = self._find(self._path)
        settings: ClientSettings = getattr(endpoint, "client_settings", None) or self._settings
        return endpoint, settings

    def _send(self, name: str, seq: int, fields: dict[str, Any]) -> int:
        line = self._line
        endpoint = line.endpoint
        if endpoint is not None:
            endpoint.request(line, name, seq, fields)
        elif line.delivery is not None:
            line.refuse(name, seq, self._look()[1].answer_while_down)
        return 0


def _leave_session_file(directory: Path, session: int) -> None:
    # A path that cannot be a directory brings no error from the real client either: connect() fails later.
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / f"down_queue_{session}").open("xb") as file:
            file.truncate(SESSION_FILE_BYTES)


def make_module(
    find_endpoint: Callable[[str], Endpoint | None], version: str, *, settings: ClientSettings | None = None
) -> ModuleType:
    """A module to stand in ``sys.modules['xtquant.xtpythonclient']``, as of xtquant ``version``.

    ``find_endpoint`` tells which terminal, if any, is behind a path; it is asked at every start and connect.
    Raises ``ValueError`` for a version that was not observed.
    """
    structs = struct_classes(version)
    module = ModuleType("xtpythonclient", "A simulated stand-in for the native extension of xtquant.")
    vars(module).update(structs)
    vars(module)["XtQuantAsyncClient"] = _client_class(find_endpoint, structs, settings or ClientSettings())
    vars(module)["__simulated__"] = True
    return module


def _client_class(
    find: Callable[[str], Endpoint | None], structs: Mapping[str, type[Struct]], settings: ClientSettings
) -> type:
    known = {"int", "str", *structs}
    client: dict[str, dict[str, list[str]]] = native_layout()["client"]
    signatures = {method: types for method, one in client.items() for types in one.values()}
    # Where this version lacks a struct, it lacks the methods that take or bring it.
    signatures = {
        method: types for method, types in signatures.items() if known.issuperset(map(_item, types))
    }
    brought = {
        bind: _answer(bind, types, structs) for bind, types in signatures.items() if bind.startswith("bindOn")
    }
    requests = {m.removesuffix("WithSeq"): types for m, types in signatures.items() if m.endswith("WithSeq")}
    answers = {name: brought[bind] for name in requests for bind in _answering(name) if bind in brought}
    body = {
        "__module__": "xtpythonclient",
        "_find": staticmethod(find),
        "_settings": settings,
        "_answers": answers,
        "_pushes": {kind: brought[bind] for kind, bind in _PUSHES.items()},
        **{bind: _bind_method(bind) for bind in brought},
        **{f"{name}WithSeq": _request_method(name, types, structs) for name, types in requests.items()},
    }
    return type("XtQuantAsyncClient", (_NativeClient,), body)


def _item(kind: str) -> str:
    return kind.removeprefix("list[").removesuffix("]")


def _answer(bind: str, types: list[str], structs: Mapping[str, type[Struct]]) -> Answer:
    if not types:
        return Answer(bind, "nothing", Struct)
    last = types[-1]
    shapes: dict[str, Shape] = {"int": "int", "str": "str"}
    shape: Shape = "list" if last.startswith("list[") else shapes.get(last, "struct")
    return Answer(bind, shape, structs.get(_item(last), Struct))


def _answering(name: str) -> tuple[str, str]:
    """The bind method of a request's answer, by the vendor's two ways of naming it; at most one exists."""
    stem = "SmtAppointment" if name in _SMT_APPOINTMENTS else name[0].upper() + name[1:]
    return f"bindOn{stem}RespCallback", f"bindOn{stem}Callback"


def _bind_method(bind: str) -> Callable[[_NativeClient, Callable[..., None]], None]:
    def method(self: _NativeClient, callback: Callable[..., None], /) -> None:
        if not callable(callback):
            raise TypeError(f"{bind} 要可调用对象, 得到 {callback!r}")
        self._line.bound[bind] = callback

    method.__name__ = bind
    return method


def _request_method(name: str, types: list[str], structs: Mapping[str, type[Struct]]) -> Callable[..., int]:
    def method(self: _NativeClient, seq: int, /, *arguments: Any) -> int:
        given = (seq, *arguments)
        if len(given) != len(types) or not all(map(_fits, types, given)):
            raise TypeError(f"{name}WithSeq 要 ({', '.join(types)}), 得到 {given!r}")
        if len(arguments) == 1 and isinstance(arguments[0], Struct):
            return self._send(name, seq, arguments[0]._row())
        return self._send(name, seq, {f"arg{at}": _plain(one) for at, one in enumerate(arguments, 1)})

    def _fits(kind: str, value: object) -> bool:
        if kind.startswith("list["):
            return isinstance(value, (list, tuple)) and all(_fits(_item(kind), one) for one in value)
        return isinstance(value, _TAKEN.get(kind) or structs[kind])

    method.__name__ = f"{name}WithSeq"
    return method


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value._row() if isinstance(value, Struct) else value
