"""The benchmarks run and print a table; no time is asserted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("easytrader")


def test_the_order_benchmark_prints_a_table(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- order -->\nold\n<!-- /order -->\nafter\n", encoding="utf-8")
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "order"]
    done = subprocess.run(
        [*command, "--markdown", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ") and "µs" in line]
    assert {row.split(" | ")[0] for row in rows} >= {"| 原始 XtQuantTrader", "| 本库，无委托日志和日志行"}
    kept = page.read_text(encoding="utf-8")
    assert all(row in kept for row in rows)
    assert kept.startswith("before")
    assert kept.endswith("after\n")
    assert "old" not in kept
