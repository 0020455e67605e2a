"""A campaign of faults: ``python -m tests.faults.campaign --orders 10000 --seed 1 [--contender easytrader]``.

A strategy in a process of its own places and cancels orders at a terminal in another, while a script drawn from
the seed breaks the link, the terminal, the strategy and the disk. At the end the counter's own book is the truth.
Never leaves a process behind.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from easytrader_qmt.sim import link_client
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from tests.bench.__main__ import keep, surroundings
from tests.faults.campaign_contenders import ACCOUNT, CONTENDERS
from tests.faults.campaign_intents import BASES, Follower, intents_of, lines_of
from tests.faults.campaign_script import Exchange, Script, drawn
from tests.faults.campaign_strategy import environment, stacks_of
from tests.faults.campaign_table import printed, tables
from tests.faults.campaign_truth import Result, judged

_STALL_SECONDS = 15.0
_END_SECONDS = 90.0
_HELD = 500_000_000


class Stage:
    """The two processes of one run, in one folder."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.home, self.records = folder / "userdata_mini", folder / "records"
        self.home.mkdir()
        self.records.mkdir()
        self._journal = folder / "journal" / "journal.sqlite3"
        self._asked = asked
        self._terminal: SpawnedTerminal | None = None
        self._strategy: subprocess.Popen[bytes] | None = None
        self._life = 0

    def control(self) -> Any:
        return link_client.control(self.home, 2.0)

    def start_terminal(self) -> None:
        if self._terminal is None:
            self._terminal = spawn(self.home, connect_timeout=0.2, session_gap=0.0, seed_cash=9e11)

    def kill_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.__exit__()
            self._terminal = None

    def signal_terminal(self, number: int) -> None:
        if self._terminal is not None and self._terminal.poll() is None:
            os.kill(self._terminal.pid, number)

    def start_strategy(self) -> None:
        if self._strategy is None:
            self._life += 1
            asked, places = self._asked, [self.home, self.records, self._journal]
            words = [f"--seed={asked.seed}", f"--orders={asked.orders}", f"--life={self._life}"]
            words += [f"--contender={asked.contender}", f"--pace={asked.pace}", f"--log={asked.log}"]
            self._strategy = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.campaign_strategy", *map(str, places), *words],
                cwd=Path(__file__).parents[2],
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=None if asked.log else subprocess.DEVNULL,
            )

    def print_stacks(self) -> None:
        """Say where the threads of a strategy stand that does not get on."""
        if self._strategy is not None and self._strategy.poll() is None:
            self._strategy.send_signal(signal.SIGUSR1)
            time.sleep(0.5)
            print(stacks_of(self.records, self._life).read_text(encoding="utf-8"), file=sys.stderr)

    def kill_strategy(self) -> None:
        strategy, self._strategy = self._strategy, None
        if strategy is not None:
            strategy.kill()
            strategy.wait()
            if strategy.stdin is not None:
                strategy.stdin.close()

    def limit_files(self, size: int | None) -> None:
        """The strategy's files may grow to ``size`` bytes, as on a full disk; None: as they like."""
        import resource

        if self._strategy is not None and self._strategy.poll() is None:
            limit = resource.RLIM_INFINITY if size is None else size
            resource.prlimit(self._strategy.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    @property
    def strategy_ended(self) -> bool:
        """Whether it ended although nobody killed it."""
        return self._strategy is not None and self._strategy.poll() is not None

    def let_go(self) -> None:
        """Tell the strategy that it may end."""
        if self._strategy is not None and self._strategy.stdin is not None:
            self._strategy.stdin.write(b"end\n")
            self._strategy.stdin.flush()

    def wait_for_end(self, seconds: float) -> bool:
        """Whether the strategy ended in time."""
        try:
            return self._strategy is not None and self._strategy.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False


def run(asked: argparse.Namespace) -> Result:
    """One campaign, from an empty folder to its figures."""
    result, began = Result(asked.contender, asked.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="campaign", ignore_cleanup_errors=True) as folder:
        stage = Stage(Path(folder), asked)
        script = Script(drawn(asked.seed, asked.orders, asked.faults), stage)
        try:
            stage.start_terminal()
            with stage.control() as control:
                for code, fen in BASES.items():
                    control.hold(code, _HELD, fen / 100)
            exchange = Exchange(asked.seed, stage)
            stage.start_strategy()
            _drive(stage, script, result)
            exchange.stop()
            stage.let_go()
            if not stage.wait_for_end(_END_SECONDS):
                stage.print_stacks()
                result.killed += 1
            with stage.control() as control:
                orders, trades = control.orders(ACCOUNT), control.trades(ACCOUNT)
        finally:
            stage.kill_strategy()
            stage.kill_terminal()
        result.seconds = round(time.monotonic() - began)
        lines = lines_of(stage.records)
        if asked.keep:
            Path(asked.keep).write_text("\n".join(map(json.dumps, [*lines, *orders, script.log])))
    return judged(result, intents_of(asked.seed, asked.orders), lines, orders, trades, script.log)


def _drive(stage: Stage, script: Script, result: Result) -> None:
    """Until every intent has an outcome and every fault was had; what does not get on is killed."""
    follower, outcomes, ready, heard = Follower(stage.records), 0, False, time.monotonic()
    pause = threading.Event()
    while not (script.over and ready):
        for line in follower.news():
            outcomes += line["kind"] == "outcome"
            ready = line["kind"] == "all done" or (ready and line["kind"] != "start")
            heard = time.monotonic() if line["kind"] in ("outcome", "cancel", "all done") else heard
        script.step(outcomes)
        if not script.idle or ready:
            heard = time.monotonic()
        stuck = time.monotonic() - heard > _STALL_SECONDS
        if stuck or stage.strategy_ended:
            result.killed += 1
            stage.print_stacks()
            stage.kill_strategy()
            stage.start_strategy()
            heard, ready = time.monotonic(), False
        pause.wait(0.02)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a campaign and print its table; 1 when something that must be zero is not."""
    parser = argparse.ArgumentParser(prog="tests.faults.campaign", description=__doc__)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--faults", type=int, default=None, help="one for every twenty orders by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contender", choices=sorted(CONTENDERS), default="ours")
    parser.add_argument("--pace", type=float, default=100.0, help="orders per second without faults")
    parser.add_argument("--markdown", type=Path, default=None, help="file whose tables get this run too")
    parser.add_argument("--log", default="", help="file for the strategy's log")
    parser.add_argument("--keep", default="", help="file for the strategy's record and the book")
    asked = parser.parse_args(argv)
    asked.faults = max(1, asked.orders // 20) if asked.faults is None else asked.faults
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    result = run(asked)
    print(printed(result))
    if asked.markdown is not None:
        write_markdown(asked.markdown, result)
    return int(any(result.zeros.values()))


def write_markdown(page: Path, result: Result) -> None:
    """The tables with this run in them, in a page of their own or at the page's ``campaign`` markers.

    Every run's figures are kept beside it in ``campaign.json``.
    """
    kept = page.with_name("campaign.json")
    runs = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    mine = (result.contender, result.seed, result.intended)
    runs = [one for one in runs if (one["contender"], one["seed"], one["intended"]) != mine]
    runs = sorted([*runs, asdict(result)], key=lambda one: (one["contender"] != "ours", one["seed"]))
    page.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    text = "\n".join(table.markdown() for table in tables([Result(**one) for one in runs]))
    if page.exists() and "<!-- campaign -->" in page.read_text(encoding="utf-8"):
        keep(page, "campaign", text)
    else:
        page.write_text(f"# 故障演练的结果\n\n{text}\n{surroundings()}\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
