"""An order that never left ends with status 4, one that did never does; queries that fail end with 1."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from loguru import logger

from easytrader_qmt.cli import main
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.link_client import control
from easytrader_qmt.sim.process import spawn
from tests.facade import SOON

BUY = ("buy", "600036", "100", "--price", "35.5", "--yes")
SELL = ("sell", "600036", "100", "--price", "35.5", "--yes")
MARKET = ("buy", "600036", "100", "--market", "--yes", "--json")
CANCELS = (("cancel", "1"), ("cancel", "--all"), ("cancel", "--sysid", "1", "--market", "SH"))
TRADES = (BUY, SELL, MARKET, *CANCELS)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    yield
    logger.remove()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "userdata_mini"
    with spawn(directory, connect_timeout=0.0, session_gap=0.0):
        yield directory


@pytest.fixture
def quick(tmp_path: Path) -> str:
    """A configuration file: who waits for an answer does not wait long."""
    config = tmp_path / "quick.json"
    config.write_text(json.dumps({"call_timeout": 0.3}), encoding="utf-8")
    return str(config)


def run(*words: str, **more: object) -> Result:
    return CliRunner().invoke(main, list(words), **more)


def orders(home: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("orders", "--json", "--sim", "--path", str(home)).stdout)
    return found


def test_no_terminal(tmp_path: Path) -> None:
    found = run(*BUY, "--sim", "--path", str(tmp_path))
    assert found.exit_code == 4, found.output
    assert "无法连接到 MiniQMT" in found.stderr
    assert found.stdout == ""


@pytest.mark.parametrize("words", TRADES)
def test_a_terminal_that_refuses(words: tuple[str, ...], terminal: Terminal) -> None:
    terminal.faults.refuse_connects(1)
    found = run(*words, "--sim", "--path", terminal.home)
    assert found.exit_code == 4, found.output
    assert "无法连接到 MiniQMT" in found.stderr
    assert orders(Path(terminal.home)) == []


@pytest.mark.skipif(os.name == "nt", reason="the native client may be there")
@pytest.mark.parametrize(("words", "status"), [*((words, 4) for words in TRADES), (("balance",), 1)])
def test_no_native_client(words: tuple[str, ...], status: int, tmp_path: Path) -> None:
    found = run(*words, "--path", str(tmp_path), "--account", "1000000365")
    assert found.exit_code == status
    assert "use('sim')" in found.stderr


def test_a_terminal_process_that_has_gone(tmp_path: Path) -> None:
    home = tmp_path / "userdata_mini"
    with spawn(home, connect_timeout=0.0, session_gap=0.0):
        assert orders(home) == []
    for words in (BUY, CANCELS[0]):
        assert run(*words, "--sim", "--path", str(home)).exit_code == 4


@pytest.mark.parametrize("words", [("balance",), ("orders", "--json"), ("watch", "--seconds", "0.1")])
def test_a_query_has_just_failed(words: tuple[str, ...], terminal: Terminal) -> None:
    terminal.faults.refuse_connects(1)
    assert run(*words, "--sim", "--path", terminal.home).exit_code == 1


@pytest.mark.parametrize("words", [BUY, CANCELS[1]])
@pytest.mark.parametrize("given", [{"stock_acount": "1"}, {"wait": -1}, {"risk": {"rate": "many"}}])
def test_a_setting_that_cannot_be_right(
    words: tuple[str, ...], given: dict[str, object], tmp_path: Path
) -> None:
    config = tmp_path / "qmt.json"
    config.write_text(json.dumps(given), encoding="utf-8")
    found = run(*words, "--sim", "--config", str(config))
    assert found.exit_code == 2, found.output
    assert run("balance", "--sim", "--config", str(config)).exit_code == 2


def test_an_id_of_another_order_is_wrong_usage_and_a_risk_limit_is_not(
    terminal: Terminal, tmp_path: Path
) -> None:
    named = ("--client-order-id", "grid-1", "--sim", "--path", terminal.home)
    assert run(*BUY, *named).exit_code == 0
    for other in (("--price", "35.4"), ("--market",)):
        found = run("buy", "600036", "200", "--yes", *other, *named)
        assert found.exit_code == 2, found.output
        assert "grid-1" in found.stderr
    config = tmp_path / "risk.json"
    config.write_text(json.dumps({"risk": {"max_order_notional": 1000}}), encoding="utf-8")
    assert run(*BUY, "--sim", "--path", terminal.home, "--config", str(config)).exit_code == 4
    assert run("buy", "600036", "150", "--price", "35.5", "--yes", "--sim").exit_code == 2
    assert len(orders(Path(terminal.home))) == 1


@pytest.mark.parametrize("path", ["D:\\国金\\userdata_mini", "D:\\userdata_mini"])
@pytest.mark.parametrize(
    ("kind", "line"), [("json", '{{"miniqmt_path": "{}"}}'), ("toml", 'miniqmt_path = "{}"')]
)
def test_a_configuration_with_single_backslashes(kind: str, line: str, path: str, tmp_path: Path) -> None:
    config = tmp_path / f"qmt.{kind}"
    config.write_text(line.format(path), encoding="utf-8")
    found = run("balance", "--sim", "--config", str(config))
    assert found.exit_code == 2
    assert r"写成 \\ 或 /" in found.stderr
    assert ("单引号" in found.stderr) is (kind == "toml")


@pytest.mark.parametrize("answer", ["empty", "none"])
def test_an_account_that_is_logged_out(terminal: Terminal, answer: str, quick: str) -> None:
    terminal.faults.log_out(answer)
    for words in (BUY, CANCELS[1]):
        found = run(*words, "--sim", "--path", terminal.home, "--config", quick)
        assert found.exit_code == 4, found.output
    terminal.faults.log_in()
    assert orders(Path(terminal.home)) == []


def test_what_goes_wrong_after_it_was_taken_never_reads_as_not_sent(terminal: Terminal, quick: str) -> None:
    asked: list[str] = []
    answered = terminal.request

    def request(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        asked.append(name)
        if "orderStock" not in asked or not name.startswith("query"):
            answered(client, name, seq, fields)

    terminal.request = request  # type: ignore[method-assign]
    found = run(*BUY, "--json", "--sim", "--path", terminal.home, "--config", quick)
    assert "orderStock" in asked
    assert asked[-1].startswith("query")
    assert found.exit_code == 0, found.output
    assert "没有查到" in found.stderr
    assert json.loads(found.stdout)["entrust_no"] > 0


@pytest.mark.parametrize("words", CANCELS)
def test_a_cancel_without_an_answer_is_in_doubt_and_may_be_repeated(
    words: tuple[str, ...], terminal: Terminal, quick: str
) -> None:
    sysid = terminal.order_by_hand("buy", "600036.SH", 33.0, 100)
    number = "1" if words == CANCELS[0] else sysid
    words = ("cancel", "--sysid", sysid, "--market", "SH") if words == CANCELS[2] else words
    answered = terminal.request

    def request(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if not name.startswith("cancel"):
            answered(client, name, seq, fields)

    terminal.request = request  # type: ignore[method-assign]
    found = run(*words, "--sim", "--path", terminal.home, "--config", quick)
    assert found.exit_code == 5, found.output
    assert found.stdout.startswith(f"{number}: 撤单失败，撤单结果未知")
    assert "重复撤单是安全的" in found.stdout
    assert "请勿重发" not in found.output


@pytest.mark.parametrize("said", ["", "n\n", "\n", "maybe\n"])
def test_without_a_yes_nothing_is_sent(home: Path, said: str) -> None:
    found = run(*BUY[:-1], "--sim", "--path", str(home), input=said)
    assert found.exit_code == 4
    assert "没有发送" in found.stderr
    assert "Abort" not in found.output
    assert orders(home) == []


@pytest.mark.skipif(os.name == "nt", reason="an interrupt cannot be sent to one process alone")
def test_an_interrupt_while_it_is_on_its_way_leaves_it_unknown(home: Path) -> None:
    with control(home) as terminal:
        terminal.faults.lose_responses(1)
    # A test run in the background ignores interrupts, and so would its children.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from easytrader_qmt.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", program, *BUY, "--sim", "--path", str(home)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8") as process:
        deadline = time.monotonic() + SOON
        while not orders(home):
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=SOON)[1]
    assert process.returncode == 5, said
    assert "请勿重发" in said
    assert "Traceback" not in said
