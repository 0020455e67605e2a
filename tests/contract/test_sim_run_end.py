"""How a script under ``sim run`` ends: with its threads, at its time, and with one whole report."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from easytrader_qmt.sim import script_end
from tests.facade import SOON, script, sim_run

REPORT = "【仿真】柜台看到的账号"
WARNING = "脚本的主线程已经结束，还有线程在运行"
SLOW_REPORT = """
import time
import easytrader_qmt.sim.run as run
report = run._report

def slowly(*args):
    time.sleep(1.0)
    report(*args)

run._report = slowly
"""


def test_a_thread_is_waited_for_and_said_not_to_live_long_under_plain_python(tmp_path: Path) -> None:
    text = "import threading, time\n"
    text += "threading.Thread(target=lambda: (time.sleep(0.3), print('worked', flush=True))).start()\n"
    done = sim_run(tmp_path, text)
    assert done.returncode == 0, done.stderr
    assert done.stdout.index(WARNING) < done.stdout.index("worked") < done.stdout.index(REPORT)


@pytest.mark.parametrize("ending", ["raise SystemExit(3)", "1 / 0"])
def test_threads_of_a_script_that_fails_are_waited_for_too(ending: str, tmp_path: Path) -> None:
    text = "import threading, time\n"
    text += "threading.Thread(target=lambda: (time.sleep(0.3), print('worked', flush=True))).start()\n"
    done = sim_run(tmp_path, text + ending)
    assert done.returncode == (3 if "3" in ending else 1)
    assert done.stdout.index("worked") < done.stdout.index(REPORT)


POOL = """
import time
from concurrent.futures import ThreadPoolExecutor

def work():
    time.sleep({seconds})
    print("worked", flush=True)

pool = ThreadPoolExecutor()
pool.submit(work)
"""


def test_work_handed_to_an_executor_is_waited_for(tmp_path: Path) -> None:
    done = sim_run(tmp_path, POOL.format(seconds=0.3))
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("worked") < done.stdout.index(REPORT)


def test_seconds_end_what_an_executor_does(tmp_path: Path) -> None:
    done = sim_run(tmp_path, POOL.format(seconds=3600), "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert "已运行 0.5 秒" in done.stdout
    assert done.stdout.count(REPORT) == 1


def test_executors_without_work_are_not_waited_for(tmp_path: Path) -> None:
    """The vendor's own, of a trader that was never stopped, and one whose work is done."""
    text = """
import time
from concurrent.futures import ThreadPoolExecutor
from xtquant.xttrader import XtQuantTrader
pool = ThreadPoolExecutor(1)
pool.submit(int).result()
trader = XtQuantTrader(r"D:\\QMT\\userdata_mini", 7)
trader.start()
print("connect", trader.connect())
import builtins
builtins.kept = pool, trader
"""
    done = sim_run(tmp_path, text, "--seconds", "60")
    assert done.returncode == 0, done.stderr
    assert "connect 0" in done.stdout
    assert "已运行" not in done.stdout
    assert WARNING not in done.stdout


def test_the_clock_does_not_run_into_the_report(tmp_path: Path) -> None:
    done = sim_run(tmp_path, SLOW_REPORT + "raise SystemExit(3)\n", "--seconds", "0.5")
    assert done.returncode == 3, done.stderr
    assert "已运行" not in done.stdout
    assert done.stdout.count(REPORT) == 1
    assert "Traceback" not in done.stderr


def test_an_interrupt_just_before_the_end_does_not_let_more_into_the_report(tmp_path: Path) -> None:
    text = """
import easytrader_qmt.sim.script_end as script_end
script_end._GRACE = 0.5
ended = script_end.ScriptClock.script_ended

def interrupted(self):
    script_end.ScriptClock.script_ended = ended
    raise KeyboardInterrupt

script_end.ScriptClock.script_ended = interrupted
time.sleep(60)
"""
    done = sim_run(tmp_path, SLOW_REPORT + text, "--seconds", "0.3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(REPORT) == 1
    assert "Traceback" not in done.stderr
    assert "已中断" not in done.stderr


@pytest.mark.parametrize("handler", ["SIG_IGN", "SIG_DFL"])
def test_a_script_that_cannot_be_interrupted_is_reported_once(handler: str, tmp_path: Path) -> None:
    """Its main thread ends while the clock reports in its place."""
    text = f"""
import signal
import easytrader_qmt.sim.script_end as script_end
script_end._GRACE = 0.2
signal.signal(signal.SIGINT, signal.{handler})
time.sleep(1.0)
"""
    done = sim_run(tmp_path, SLOW_REPORT + text, "--seconds", "0.3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(REPORT) == 1
    assert "资金" in done.stdout[done.stdout.index(REPORT) :]


def test_without_signals_to_threads_the_interrupt_is_raised_so_that_it_wakes_a_sleep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[int] = []
    monkeypatch.delattr(signal, "pthread_kill", raising=False)
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)
    script_end._interrupt()
    assert raised == [signal.SIGINT]


@pytest.mark.skipif(os.name == "nt", reason="an interrupt cannot be sent to one process alone")
def test_an_interrupt_ends_the_wait_for_threads(tmp_path: Path) -> None:
    path = script(tmp_path, "import threading\nthreading.Thread(target=threading.Event().wait).start()\n")
    # A test run in the background ignores interrupts, and so would its children.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from easytrader_qmt.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", program, "sim", "run", str(path)]
    env = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=env
    ) as process:
        assert process.stdout is not None
        while WARNING not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=SOON)
    assert process.returncode == 130, errors
    assert "脚本被中断" in said
    assert said.count(REPORT) == 1
    assert "Traceback" not in errors
