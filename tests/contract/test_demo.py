"""``python -m easytrader_qmt demo``: a session to look at, which says that it is simulated."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from easytrader_qmt.sim.demo import run_demo
from tests.facade import SOON, child


@pytest.fixture(scope="module")
def shown() -> str:
    said: list[str] = []
    run_demo(said.append)
    return "\n".join(said)


def test_the_command(tmp_path: Path) -> None:
    done = child("-m", "easytrader_qmt", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert "仿真" in lines[0]
    assert "仿真" in lines[-1]
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "spoken"), [("ascii", "utf-8"), ("gbk", "gbk"), ("latin-1", "utf-8"), ("utf-8", "utf-8")]
)
def test_the_command_speaks_chinese_into_any_pipe(encoding: str, spoken: str, tmp_path: Path) -> None:
    """Whoever reads a pipe that has Chinese expects its encoding."""
    done = subprocess.run(
        [sys.executable, "-m", "easytrader_qmt", "demo"],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding},
        timeout=SOON,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "仿真" in done.stdout.decode(spoken)


def test_each_step_is_shown(shown: str) -> None:
    for step in (
        "connect()",
        "balance",
        "buy(",
        "market_buy(",
        "cancel_entrust(",
        "sell(",
        "position",
        "today_entrusts",
        "today_trades",
    ):
        assert f"user.{step}" in shown, step
    assert shown.count("entrust_no") == 3
    assert "{'success': True, 'message': 'success'}" in shown
    assert "成交推送: 600000.SH 300 股 @ 10.49" in shown
    assert "成交推送: 600000.SH 400 股 @ 10.50" in shown


def test_tables_are_aligned_with_chinese_headings(shown: str) -> None:
    for heading in ("总资产", "可用资金", "持仓数量", "委托状态", "成交编号"):
        assert heading in shown
    table = shown[shown.index(">>> user.today_entrusts") :].splitlines()[1:]
    assert {"部撤", "已成"} <= set(re.findall(r"部撤|已成|已报", "\n".join(table)))
    widths = {width(line.rstrip()) for line in table[:1]}
    assert all(width(line.rstrip()) <= max(widths) + 1 for line in table[:4])


def width(line: str) -> int:
    """Columns on a console: a Chinese character takes two."""
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in line)
