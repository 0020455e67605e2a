"""How a terminal's rows become what a client's callback is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.sim import structs
from easytrader_qmt.sim.delivery import Answer


def test_the_rows_of_one_answer_share_one_compiled_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[type] = []
    build: Callable[..., Any] = structs._compiled_builder
    monkeypatch.setattr(structs, "_compiled_builder", lambda cls: compiled.append(cls) or build(cls))
    newest = structs.native_layout()["versions"][-1]
    fresh = structs._struct_class("Fresh", structs.struct_classes(newest)["XtOrder"]._fields)
    rows = Answer("bound", "list", fresh).made([{"order_id": number} for number in range(5)])
    assert [row.order_id for row in rows] == [0, 1, 2, 3, 4]
    assert compiled == [fresh]
