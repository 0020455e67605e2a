"""What is asked before an order is sent is what is sent; what cannot be right is said before anything is asked."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from loguru import logger

from easytrader_qmt.cli import main
from easytrader_qmt.clock import SHANGHAI
from easytrader_qmt.sim import Terminal


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    yield
    logger.remove()


def run(terminal: Terminal, words: str, **more: object) -> Result:
    return CliRunner().invoke(main, [*words.split(), "--sim", "--path", terminal.home], **more)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("buy 123029 10 --price 3618.188", "买入 123029.SZ，10 张，3618.188 元，确认发送？"),
        ("buy 600036 100 --price 35.004", "买入 600036.SH，100 股，35.00 元（由 35.004 调整），确认发送？"),
        ("buy 600036.SH 200 --price 35.1", "买入 600036.SH，200 股，35.10 元，确认发送？"),
        ("sell 159915 100 --price 2.3456", "卖出 159915.SZ，100 份，2.346 元（由 2.3456 调整），确认发送？"),
        ("buy 204001 10 --price 2.004", "买入 204001.SH，10 张，年利率 2.005%（由 2.004 调整），确认发送？"),
        ("buy 000001 100 --market", "买入 000001.SZ，100 股，市价（对手方最优价格），确认发送？"),
        (
            "buy 600036 100 --market --ttype 最优五档即时成交剩余撤销 --protect-price 36.006",
            "买入 600036.SH，100 股，市价（最优五档即时成交剩余撤销），保护限价 36.01 元（由 36.006 调整），确认发送？",
        ),
    ],
)
def test_what_is_asked_is_what_would_be_sent(terminal: Terminal, words: str, asked: str) -> None:
    found = run(terminal, words, input="n\n")
    assert found.exit_code == 4, found.output
    assert f"\n{asked} [y/N]" in found.stderr
    assert terminal.orders() == []


def test_the_price_that_was_asked_about_is_sent(terminal: Terminal) -> None:
    assert run(terminal, "buy 600036 100 --price 33.004", input="y\n").exit_code == 0
    assert [(row["stock_code"], row["price"]) for row in terminal.orders()] == [("600036.SH", 33.0)]


def test_a_price_that_is_moved_is_said_although_nothing_is_asked(terminal: Terminal) -> None:
    moved = run(terminal, "buy 600036 100 --price 33.004 --yes")
    assert moved.exit_code == 0
    assert "33.00 元（由 33.004 调整）" in moved.stderr
    assert "33.00" not in run(terminal, "buy 600036 100 --price 33 --yes").stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("buy 600036 150 --price 35", "数量 150 无效"),
        ("buy 600036 100 --price 0.001", "不足一个价位"),
        ("buy 600036 100 --price 99", "涨停价"),
        ("buy zzz 100 --price 35", "zzz"),
        ("buy 600036 100 --market --ttype 全额成交或撤销委托", "没有市价委托类型"),
        ("buy 600036 100 --price 35 --remark 一二三四五六七八", "remark 太长"),
        ("buy 600036 100 --price 35 --ttype 最优五档即时成交剩余撤销", "--ttype"),
        ("buy 600036 100 --price 35 --protect-price 36", "--protect-price"),
        ("buy 600036 -100 --price 35", "'数量' 的值无效：应为正整数"),
        ("sell 600036 -.5 --price 35", "'数量' 的值无效：应为正整数"),
        ("buy --price 35 600036 0", "'数量' 的值无效：应为正整数"),
        ("cancel abc", "entrust_no='abc' 无效"),
        ("cancel --sysid 1 --market XX", "market='XX' 无效"),
        ("cancel --all --security zzz", "zzz"),
    ],
)
def test_what_cannot_be_right_is_wrong_usage(terminal: Terminal, words: str, said: str) -> None:
    found = run(terminal, words, input="y\n")
    assert found.exit_code == 2, found.output
    assert said in found.stderr
    assert "确认发送" not in found.stderr
    assert terminal.orders() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("balance --wait -1", "wait=-1.0 无效"),
        ("balance --account-type FOO", "FOO"),
        ("watch --seconds -1", "seconds=-1.0 无效"),
        ("orders --security zzz", "zzz"),
        ("orders --status 己报", "未报、待报、已报"),
        ("journal --outcome 瞎写", "refused（被拒绝）"),
    ],
)
def test_a_query_that_cannot_be_right_is_wrong_usage(terminal: Terminal, words: str, said: str) -> None:
    found = run(terminal, words)
    assert found.exit_code == 2, found.output
    assert found.stdout == ""
    assert said in found.stderr


def test_a_configuration_that_cannot_be_read_is_wrong_usage(terminal: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "qmt.json"
    config.write_text("{", encoding="utf-8")
    for words in ("balance", "buy 600036 100 --price 33 --yes"):
        assert run(terminal, f"{words} --config {config}").exit_code == 2


def test_a_status_by_its_code(terminal: Terminal) -> None:
    assert run(terminal, "buy 600036 100 --price 33 --yes").exit_code == 0
    assert "600036.SH" in run(terminal, "orders --status 50").stdout
    assert "0 行" in run(terminal, "orders --status 54").stdout


# --- what became of it, said once -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("sell 600519 100 --price 1400", "证券可用数量不足"),
        ("buy 600036 900000 --price 35", "可用资金不足"),
    ],
)
def test_a_refusal_is_said_once(terminal: Terminal, words: str, why: str) -> None:
    found = run(terminal, f"{words} --yes")
    assert found.exit_code == 3
    assert found.output.count(why) == 1
    assert "柜台拒绝：" in found.stderr
    assert re.search(r"(ERROR|WARNING) .*" + why, run(terminal, f"{words} --yes --debug").stderr)


def test_a_cancel_that_was_not_needed(terminal: Terminal) -> None:
    assert run(terminal, "buy 600036 100 --price 33 --yes").exit_code == 0
    [order] = terminal.orders()
    for said in ("已发出撤单", "委托已撤，无需再撤"):
        found = run(terminal, f"cancel {order['order_id']}")
        assert found.exit_code == 0
        assert found.stdout == f"{order['order_id']}: {said}\n"
        assert "WARNING" not in found.stderr
    unknown = run(terminal, "cancel 999")
    assert unknown.exit_code == 1
    assert unknown.output.count("未找到该委托") == 1


@pytest.mark.skipif(os.name == "nt", reason="a process cannot change its zone")
def test_log_lines_are_stamped_in_shanghai(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        before = datetime.now(SHANGHAI).replace(tzinfo=None, microsecond=0)
        said = run(terminal, "balance --debug").stderr
    finally:
        monkeypatch.undo()
        time.tzset()
    stamps = re.findall(r"^(\d\d:\d\d:\d\d) \w+ ", said, re.MULTILINE)
    assert stamps
    for stamp in stamps:
        hours, minutes, seconds = map(int, stamp.split(":"))
        logged = before.replace(hour=hours, minute=minutes, second=seconds)
        assert (logged - before) % timedelta(days=1) < timedelta(minutes=5)
