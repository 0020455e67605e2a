"""How what a terminal says reaches the callbacks the vendor's layer has bound: in order, on one thread.

Rows become native structs here, on that thread, so that a terminal never pays for them. This module never
calls back inline, never lets a callback's exception out, and never holds a lock while it calls anyone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from easytrader_qmt.sim.structs import Struct

if TYPE_CHECKING:
    from easytrader_qmt.sim.native import Endpoint

__all__ = ["Answer", "Delivery", "Line", "Shape"]

Shape = Literal["nothing", "int", "str", "struct", "list"]
_WHILE_DOWN: Mapping[str, Mapping[str, object]] = {
    "OrderStockResp": {"order_id": -1},
    "CancelOrderStockResp": {"cancel_result": -1},
}


@dataclass(frozen=True)
class Answer:
    """Where an answer or push goes and what it is made of."""

    bind: str
    shape: Shape
    struct: type[Struct]

    def made(self, payload: Any) -> Any:
        """The callback's argument: structs for rows; numbers, text and a list query's None as they are."""
        if self.shape == "struct":
            return self.struct._of(payload or {})
        if self.shape == "list" and payload is not None:
            # Looked up for each row: the first one puts a compiled builder in the place of the slow one.
            return [self.struct._of(row) for row in payload]
        return payload

    def while_down(self, lists: str) -> Any:
        """The payload a request without a connection is answered with."""
        if self.shape == "list":
            return None if lists == "none" else []
        return {"int": -1, "str": "", "struct": _WHILE_DOWN.get(self.struct.__name__, {})}[self.shape]


class Delivery:
    """The one thread that calls what was bound, from ``start()`` to ``stop()``."""

    def __init__(self, bound: Mapping[str, Callable[..., None]], session: int) -> None:
        self._bound = bound
        self._inbox: SimpleQueue[tuple[Answer, tuple[int, ...], Any] | None] = SimpleQueue()
        self._open = True
        name = f"xtquant-sim-delivery-{session}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def put(self, answer: Answer, seq: tuple[int, ...], payload: Any) -> None:
        """Have ``answer`` delivered after all that was put before; ``seq`` is empty for a push."""
        self._inbox.put((answer, seq, payload))

    def end(self) -> None:
        """Deliver nothing more, not even what is waiting."""
        self._open = False
        self._inbox.put(None)

    def _run(self) -> None:
        while self._deliver_next():
            pass

    def _deliver_next(self) -> bool:
        item = self._inbox.get()
        if item is None or not self._open:
            return False
        answer, seq, payload = item
        callback = self._bound.get(answer.bind)
        if callback is None:
            return True
        try:
            arguments = seq if answer.shape == "nothing" else (*seq, answer.made(payload))
        except Exception as error:
            from easytrader_qmt.failure_lines import log_failure

            log_failure("ERROR", f"仿真终端给出的内容不能变成 {answer.bind} 的参数, 已丢弃", error)
            return True
        with suppress(Exception):  # the real extension swallows what a callback raises
            callback(*arguments)
        return True


class Line:
    """A client's side of its connection: what terminals are given as :class:`ClientSide`."""

    def __init__(self, answers: Mapping[str, Answer], pushes: Mapping[str, Answer]) -> None:
        self._answers = answers
        self._pushes = pushes
        self._lock = threading.Lock()
        self._lost = False
        self._former: Endpoint | None = None
        self.bound: dict[str, Callable[..., None]] = {}
        self.delivery: Delivery | None = None
        self.endpoint: Endpoint | None = None

    def answer(self, name: str, seq: int, payload: object) -> None:
        """Enqueue the answer to a request."""
        self._put(self._answers.get(name), (seq,), payload)

    def push(self, kind: str, fields: Mapping[str, object]) -> None:
        """Enqueue a push."""
        self._put(self._pushes.get(kind), (), fields)

    def dropped(self, notify: bool) -> None:
        """Lose the connection; from now on requests are answered as without one."""
        with self._lock:
            self._former = self.endpoint or self._former
            self._lost, self.endpoint = True, None
        if notify:
            self._put(self._pushes["disconnected"], (), None)

    def refuse(self, name: str, seq: int, lists: str) -> None:
        """Answer a request as the real client does without a connection."""
        answer = self._answers.get(name)
        if answer is not None:
            self._put(answer, (seq,), answer.while_down(lists))

    def connect(self, endpoint: Endpoint, session: int) -> bool:
        """Whether ``endpoint`` took us, and neither a stop nor a drop came in between."""
        delivery, self._lost = self.delivery, False
        if delivery is None or not endpoint.attach(self, session):
            return False
        with self._lock:
            held = self.delivery is delivery and not self._lost
            if held:
                self.endpoint = endpoint
        if not held:
            endpoint.detach(self)
        return held

    def hang_up(self) -> None:
        """Leave the terminal and end the delivery."""
        with self._lock:
            delivery, self.delivery = self.delivery, None
            # A terminal that let go of us hears of the stop all the same: that may hang too.
            endpoint, self.endpoint = self.endpoint or self._former, None
            self._former = None
        try:
            if endpoint is not None:
                endpoint.detach(self)
        finally:
            if delivery is not None:
                delivery.end()

    def _put(self, answer: Answer | None, seq: tuple[int, ...], payload: Any) -> None:
        delivery = self.delivery
        if answer is not None and delivery is not None:
            delivery.put(answer, seq, payload)
