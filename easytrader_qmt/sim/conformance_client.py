"""Compares the stand-in's client with the observed one: its methods, what they take, what callbacks get.

Sends to a terminal that answers everything with an empty row. Never runs the vendor's layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any

from easytrader_qmt.sim.conformance_observed import Finding, Observed
from easytrader_qmt.sim.conformance_structs import CLIENT, structs_of
from easytrader_qmt.sim.native import ClientSettings, ClientSide, make_module

__all__ = ["client_module", "compare_client", "compare_layer_names"]

_SOON = 5.0
_PUSHES: Mapping[str, str] = {
    "bindOnStockOrderCallback": "order",
    "bindOnStockTradeCallback": "trade",
    "bindOnStockAssetCallback": "asset",
    "bindOnStockPositionCallback": "position",
    "bindOnOrderErrorCallback": "order_error",
    "bindOnCancelErrorCallback": "cancel_error",
    "bindOnUpdateAccountStatusCallback": "account_status",
}
_DISCONNECTED = "bindOnDisconnectedCallback"
_NEVER_ANSWERED = frozenset(
    {
        "orderStockImmediateWithSeq",
        "cancelOrderStockImmediateWithSeq",
        "sendCommandOrderReqWithSeq",
        "sendCancelCommandOrderReqWithSeq",
    }
)
_GROUP = "客户端方法"
_CALLBACK = "回调参数"


class EchoTerminal:
    """Answers every request with an empty row of whatever the answer is made of."""

    def __init__(self) -> None:
        self.client: ClientSide | None = None
        self.payload: object = None

    def attach(self, client: ClientSide, session: int) -> bool:
        """Take every client."""
        self.client = client
        return True

    def detach(self, client: ClientSide) -> None:
        """Forget it."""
        self.client = None

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        """Answer at once."""
        client.answer(name, seq, self.payload)


def client_module(version: str, terminal: EchoTerminal) -> ModuleType:
    """The stand-in of ``version`` in front of ``terminal``, touching no disk."""
    return make_module(lambda path: terminal, version, settings=ClientSettings(sleep=lambda seconds: None))


def compare_client(
    version: str, module: Mapping[str, Any], observed: Observed, terminal: EchoTerminal
) -> Iterator[Finding]:
    """Every observed client method; in a version that lacks a struct, those that need it are not expected."""
    cls = module.get(CLIENT)
    if cls is None:
        yield Finding(f"{version}/{CLIENT}", "类", "missing")
        return
    known = {"int", "str", *observed.names[version]}
    signatures = {**observed.takes, **observed.brings}
    expected = {name for name, types in signatures.items() if all(_item(kind) in known for kind in types)}
    shown = {name for name in dir(cls) if not name.startswith("_")}
    for name in sorted(expected - shown):
        yield Finding(f"{version}/{CLIENT}.{name}", _GROUP, "missing")
    for name in sorted(shown - expected):
        yield Finding(f"{version}/{CLIENT}.{name}", _GROUP, "wrong", "真实组件里没有这个方法")
    if version != observed.detailed:
        yield Finding(f"client.derived/{version}", _GROUP, "different")
    session = _Session(cls, structs_of(module), observed, terminal)
    try:
        for name in sorted(expected & shown):
            yield from session.compare(version, name)
    finally:
        session.client.stop()


def compare_layer_names(version: str, module: Mapping[str, Any], folder: Path) -> Iterator[Finding]:
    """Every name of the native module that the vendor's own layer in ``folder`` uses."""
    text = (folder / "xttrader.py").read_text(encoding="utf-8", errors="replace")
    group = "厂商代码用到的名字"
    for name in sorted(set(re.findall(r"\b_XTQC_\.(\w+)", text))):
        yield Finding(f"{version}/layer.{name}", group, "conforming" if name in module else "missing")
    for name in sorted(set(re.findall(r"\basync_client\.(\w+)", text))):
        there = hasattr(module[CLIENT], name)
        yield Finding(f"{version}/layer.{CLIENT}.{name}", group, "conforming" if there else "missing")


def _item(kind: str) -> str:
    return kind.removeprefix("list[").removesuffix("]")


class _Session:
    """One connected client whose every callback is heard."""

    def __init__(
        self, cls: type, structs: Mapping[str, type], observed: Observed, terminal: EchoTerminal
    ) -> None:
        self._structs = structs
        self._observed = observed
        self._terminal = terminal
        self._heard: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self.client: Any = cls(path=b"conformance", name="xtquant", session=1)
        for bind in observed.brings:
            with suppress(AttributeError, TypeError):
                getattr(self.client, bind)(self._hearing(bind))
        self.client.init()
        self.client.start()
        self.client.connect()

    def compare(self, version: str, name: str) -> Iterator[Finding]:
        key = f"{version}/{CLIENT}.{name}"
        if name.startswith("bindOn"):
            wrong = _problem(lambda: self._check_bind(name))
            yield Finding(key, _GROUP, "wrong" if wrong else "conforming", wrong)
            yield self._callback(version, name)
            return
        wrong = _problem(lambda: self._check_call(name))
        yield Finding(key, _GROUP, "wrong" if wrong else "conforming", wrong)
        if name in _NEVER_ANSWERED:
            yield Finding(f"client.command_orders/{version}/{name}", _CALLBACK, "different")

    def _check_call(self, name: str) -> str:
        types = self._observed.takes[name]
        if not name.endswith("WithSeq"):
            return "" if types or name in ("init", "start", "stop", "connect", "nextSeq") else "参数不同"
        method, given = getattr(self.client, name), [self._sample(kind) for kind in types]
        self._terminal.payload = None
        answered = method(*given)
        self._drain()
        if type(answered) is not int:
            return f"应返回 int，得到 {answered!r}"
        others = [given[:-1], [*given, 1], [object(), *given[1:]], [*given[:-1], object()]]
        refused = sum(_refuses(method, other) for other in others)
        return "" if refused == len(others) else "接受了真实组件不接受的参数"

    def _check_bind(self, name: str) -> str:
        return "" if _refuses(getattr(self.client, name), [None]) else "接受了不可调用的对象"

    def _callback(self, version: str, bind: str) -> Finding:
        """Have ``bind`` called and look at what it got."""
        key = f"{version}/{CLIENT}.{bind}/callback"
        types = self._observed.brings[bind]
        try:
            if not self._provoke(bind, types):
                return Finding(f"client.unanswered/{version}/{bind}", _CALLBACK, "different")
            heard, *got = self._heard.get(timeout=_SOON)
        except Empty:
            return Finding(key, _CALLBACK, "wrong", "回调没有被调用")
        except (TypeError, KeyError) as error:
            return Finding(key, _CALLBACK, "wrong", f"{type(error).__name__}: {error}")
        fits = heard == bind and len(got) == len(types) and all(map(self._fits, types, got))
        return Finding(key, _CALLBACK, *(("conforming", "") if fits else ("wrong", f"{heard} 得到 {got!r}")))

    def _provoke(self, bind: str, types: Any) -> bool:
        side = self._terminal.client
        if bind == _DISCONNECTED:
            if side is not None:
                side.dropped(True)
                self.client.connect()
            return side is not None
        if bind in _PUSHES:
            if side is not None:
                side.push(_PUSHES[bind], {})
            return side is not None
        request = self._request_for(bind)
        if request is None:
            return False
        kind = types[-1]
        plain: dict[str, object] = {"int": 0, "str": ""}
        self._terminal.payload = [{}] if kind.startswith("list[") else plain.get(kind, {})
        getattr(self.client, request)(*(self._sample(one) for one in self._observed.takes[request]))
        return True

    def _request_for(self, bind: str) -> str | None:
        stem = bind.removeprefix("bindOn").removesuffix("Callback").removesuffix("Resp")
        wanted = "smtAppointmentOrder" if stem == "SmtAppointment" else stem[0].lower() + stem[1:]
        return f"{wanted}WithSeq" if hasattr(self.client, f"{wanted}WithSeq") else None

    def _sample(self, kind: str) -> Any:
        if kind.startswith("list["):
            return [self._sample(_item(kind))]
        return {"int": 1, "str": "{}"}[kind] if kind in ("int", "str") else self._structs[kind]()

    def _fits(self, kind: str, value: object) -> bool:
        if kind.startswith("list["):
            return isinstance(value, list) and all(self._fits(_item(kind), one) for one in value)
        plain = {"int": int, "str": str}
        return isinstance(value, plain.get(kind) or self._structs[kind])

    def _hearing(self, bind: str) -> Callable[..., None]:
        return lambda *got: self._heard.put((bind, *got))

    def _drain(self) -> None:
        """Throw away what the last call brought: everything up to a push that is told from it."""
        side = self._terminal.client
        if side is None:
            return
        side.push("asset", {})
        with suppress(Empty):
            while self._heard.get(timeout=_SOON)[0] != "bindOnStockAssetCallback":
                pass


def _refuses(method: Callable[..., object], arguments: list[Any]) -> bool:
    try:
        method(*arguments)
    except TypeError:
        return True
    return False


def _problem(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
