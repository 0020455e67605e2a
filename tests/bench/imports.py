"""Import time, and the peak memory of an idle connection, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench.measure import Table, median, percentile, span

_IMPORT = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
_IMPORTS = {
    "import easytrader_qmt": "import easytrader_qmt",
    "import easytrader": "import easytrader",
    "import pandas": "import pandas",
}
# Not getrusage: its peak is inherited from the process that started this one.
_IDLE = """
from pathlib import Path
from tests.bench.contenders import Bench
with Bench() as bench:
    {}
    [peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(int(peak.split()[1]) * 1024)
"""
_IDLES = {
    "只有仿真端和 xtquant": "pass",
    "原始 XtQuantTrader": "bench.raw()",
    "easytrader": "bench.easytrader()",
}
_IDLES |= {"本库，无委托日志": "bench.ours()", "本库，有委托日志": "bench.ours(journal=True)"}


def run(quick: bool, command: str) -> list[Table]:
    """Two tables."""
    rounds = 2 if quick else 15
    took: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    peak: dict[str, list[float]] = {name: [] for name in _IDLES}
    for _ in range(rounds):
        for name, code in _IMPORTS.items():
            took[name].append(_child(_IMPORT.format(code)))
    for _ in range(max(1, rounds // 3)):
        for name, code in _IDLES.items():
            peak[name].append(_child(_IDLE.format(code)))
    return [
        Table(
            "导入时间（新进程，文件已在缓存中）",
            command,
            ("导入", "中位数", "第 5–95 百分位"),
            [
                (name, span(median(of)), f"{span(percentile(of, 0.05))} – {span(percentile(of, 0.95))}")
                for name, of in took.items()
            ],
        ),
        Table(
            "空闲连接的内存峰值（新进程，含 Python 和仿真端）",
            command,
            ("谁", "峰值"),
            [(name, f"{median(of) / 2**20:.1f} MiB") for name, of in peak.items()],
        ),
    ]


def _child(code: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return float(done.stdout.split()[-1])
