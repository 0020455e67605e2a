"""What crosses the native seam, and a counter that answers an order as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.requests import Asked, answer_to


class Order:
    """One order request that a script answers."""

    def __init__(self, seam: Seam, client: Any, seq: int, fields: dict[str, Any]) -> None:
        self._seam = seam
        self.client = client
        self.seq = seq
        self.fields = fields
        self.payload: dict[str, Any] = {}
        self.events: Sequence[Any] = ()

    def place(self) -> int:
        """Let the counter take or refuse it, and say nothing; the order's number."""
        terminal = self._seam.terminal
        with terminal._lock:
            self.payload, self.events = answer_to(terminal, Asked("orderStock", self.seq, self.fields, set()))
        return int(self.payload["order_id"])

    def respond(self, **changes: Any) -> None:
        """Answer the request: with what the counter said, or with these fields."""
        said = {**self.fields, "order_id": -1, "error_msg": "", **self.payload, **changes}
        self.client.answer("orderStock", self.seq, said)

    def push(self, kind: str) -> None:
        """Push what the counter has to say of this kind."""
        for event in self.events:
            if event.kind == kind:
                fields = {**event.fields, "seq": self.seq} if kind == "order_error" else event.fields
                self.client.push(kind, fields)

    def push_error(self, order_id: int, text: str, **changes: Any) -> None:
        """Push a refusal of the counter's."""
        error = {
            "account_type": self.fields["account_type"],
            "account_id": self.fields["account_id"],
            "order_id": order_id,
            "error_id": -61,
            "error_msg": text,
            "strategy_name": self.fields["strategy_name"],
            "order_remark": self.fields["order_remark"],
            "seq": self.seq,
        }
        self.client.push("order_error", {**error, **changes})


class Seam:
    """Keeps every request that reaches the terminal; ``script`` answers orders in the counter's place."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.terminal = terminal
        self.orders: list[dict[str, Any]] = []
        self.cancels: list[dict[str, Any]] = []
        self.script: Callable[[Order], None] | None = None
        self._lock = threading.Lock()
        request = terminal.request

        def keep(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
            if name == "cancelOrderStock":
                self.cancels.append(dict(fields))
            if name == "orderStock":
                with self._lock:
                    self.orders.append(dict(fields))
                if self.script is not None:
                    self.script(Order(self, client, seq, dict(fields)))
                    return
            request(client, name, seq, fields)

        monkeypatch.setattr(terminal, "request", keep)
