"""What the library logs of an error: the traceback, never a variable's value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

import easytrader_qmt
from easytrader_qmt.events import Handlers, isolated
from easytrader_qmt.failure_lines import log_failure
from easytrader_qmt.sim.trader import SimTrader

ACCOUNT = "8800123456"


@pytest.fixture
def records() -> Iterator[list[Any]]:
    """Every record as a sink with loguru's defaults, ``backtrace`` and ``diagnose``, is given it."""
    found: list[Any] = []
    sink = logger.add(found.append, level=0, format="{level} {message}", backtrace=True, diagnose=True)
    yield found
    logger.remove(sink)


def fail(account: str) -> None:
    raise ValueError(f"{len(account)} {{digits}}")


def failed(account: str = ACCOUNT) -> ValueError:
    try:
        fail(account)
    except ValueError as error:
        return error
    raise AssertionError


def test_one_record_of_the_text_and_the_traceback(records: list[Any]) -> None:
    log_failure("WARNING", "第 {0} 行 {name} <red>", failed())
    [line] = records
    text = str(line)
    assert text.startswith("WARNING 第 {0} 行 {name} <red>\nTraceback")
    assert text.endswith("ValueError: 10 {digits}\n")
    assert "fail(account)" in text
    assert ACCOUNT not in text


def test_the_record_is_its_callers(records: list[Any]) -> None:
    log_failure("ERROR", "x", failed())
    assert records[0].record["name"] == __name__
    assert records[0].record["function"] == "test_the_record_is_its_callers"


def test_what_caused_it_is_told_too(records: list[Any]) -> None:
    error = RuntimeError("outer")
    error.__cause__ = failed()
    log_failure("ERROR", "x", error)
    assert "{digits}" in str(records[0])
    assert "RuntimeError: outer" in str(records[0])


def test_no_module_hands_an_error_to_a_sink() -> None:
    """loguru's own ways to log an error show the values; whoever writes the next line must not take them."""
    folder = Path(easytrader_qmt.__file__).parent
    ways = re.compile(r"logger\.exception\(|logger\.catch|opt\([^)]*exception=")
    taken = [path.name for path in folder.rglob("*.py") if ways.search(path.read_text(encoding="utf-8"))]
    assert taken == []


def test_a_handler_that_fails_does_not_tell_the_account(records: list[Any]) -> None:
    handlers = Handlers()
    handlers.add("asset", lambda row: fail(row["account_id"]))
    handlers.emit("asset", {"account_id": ACCOUNT})
    isolated("回调", fail, ACCOUNT)
    assert len(records) == 2
    assert all("处理函数抛出异常" in str(each) for each in records)
    assert ACCOUNT not in "".join(map(str, records))


def test_a_session_with_failing_handlers_does_not_tell_the_account(records: list[Any], new_user: Any) -> None:
    user: SimTrader = new_user()
    for name in ("order", "trade", "asset", "position", "state", "account_status"):
        user.on(name, lambda row: row["nothing"])
    user.connect(stock_account=ACCOUNT)
    user.buy("600036", 35.5, 100)
    user.terminal.push_account_status(3, ACCOUNT)
    user.drain()
    user.exit()
    text = "".join(map(str, records))
    assert text.count("KeyError: 'nothing'") >= 4
    assert ACCOUNT not in text
