"""``python -m easytrader_qmt sim run``: scripts for raw xtquant and for this package, unmodified."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from easytrader_qmt.miniqmt import vendor
from tests.facade import child, script, sim_run
from tests.terminal_process import Start, home, start

__all__ = ["home", "start"]


def vendors_sample() -> str:
    """The first Python block under 创建策略 in the installed xtquant's own document."""
    text = (vendor.installed_folder() / "doc" / "xttrader.md").read_text(encoding="utf-8")
    found = re.search(r"^### 创建策略\n```[Pp]ython\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sample")
    done = sim_run(folder, vendors_sample(), "--seconds", "2")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert [path.name for path in folder.iterdir()] == ["script.py"]
    return done.stdout


def test_the_vendors_sample_connects_and_subscribes(sample: str) -> None:
    lines = sample.splitlines()
    assert lines[lines.index("demo test") + 1 : lines.index("demo test") + 3] == ["0", "0"]
    assert "仿真" in lines[0]


def test_the_vendors_sample_orders(sample: str) -> None:
    # Its callbacks print from another thread, so these lines may be mixed: only pieces are looked for.
    said, report = sample.split("【仿真】脚本使用的终端路径")
    numbers = set(re.findall(r"^600000\.SH +\S+ +(\d+) .*已成", report, re.MULTILINE))
    assert len(numbers) == 2
    for piece in (*numbers, "cancel order:", "on order callback:", "on trade callback", "on asset callback"):
        assert piece in said, piece
    assert "on position callback" in said


def test_the_vendors_sample_queries(sample: str) -> None:
    # A query's answer comes after every push before it, so nothing is mixed in here.
    assert re.search(r"^cash \d+\.\d+$", sample, re.MULTILINE)
    assert re.search(r"^order \d+$", sample, re.MULTILINE)
    assert "\norders: 2\nlast order:\n600000.SH 200 10.5\n" in sample
    assert "\ntrades: 2\nlast trade:\n600000.SH 200 10.49\n" in sample
    assert sample.count("\n1000000365 600000.SH 400\n") == 2


def test_what_the_counter_saw_comes_last(sample: str) -> None:
    report = sample[sample.index("【仿真】脚本使用的终端路径") :]
    assert "D:\\迅投极速交易终端 睿智融科版\\userdata_mini" in report
    assert "1000000365: 委托 2 笔，成交 2 笔" in report
    for heading in ("总资产", "持仓数量", "委托状态", "成交编号"):
        assert heading in report
    assert "600000.SH" in report


RAW = """
import sys
from xtquant.xttrader import XtQuantTrader
from xtquant.xttype import StockAccount

trader = XtQuantTrader(r"D:\\QMT\\userdata_mini", 123456)
trader.start()
print("connect", trader.connect())
print("argv", sys.argv[1:])
print("order", trader.order_stock(StockAccount("1000000365"), "600036.SH", 23, 100, 11, 35.5))
trader.stop()
"""


def test_a_raw_script_ends_by_itself(tmp_path: Path) -> None:
    done = sim_run(tmp_path, RAW, args=["--fast", "x y", "--seconds", "7"])
    assert done.returncode == 0, done.stderr
    assert "connect 0" in done.stdout
    assert "argv ['--fast', 'x y', '--seconds', '7']" in done.stdout
    assert re.search(r"order \d+", done.stdout)
    assert "委托 1 笔，成交 1 笔" in done.stdout


def test_userdata_elsewhere_is_minus_one(tmp_path: Path) -> None:
    done = sim_run(tmp_path, RAW, "--userdata", "E:\\QMT\\userdata_mini")
    assert "connect -1" in done.stdout, done.stderr
    assert "order -1" in done.stdout
    assert "委托 0 笔，成交 0 笔" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


def test_userdata_of_the_scripts_own(tmp_path: Path) -> None:
    done = sim_run(tmp_path, RAW, "--userdata", "D:\\QMT\\userdata_mini\\")
    assert "connect 0" in done.stdout, done.stderr


OURS = """
import easytrader_qmt as easytrader

user = easytrader.use('miniqmt')
user.connect(miniqmt_path=r"D:\\国金证券QMT交易端\\userdata_mini", stock_account="1234567890")
print(user.simulated, user.balance[0]['account_id'])
print(user.buy('600036', price=35.5, amount=100))
print(user.market_buy('600036', amount=100), user.market_buy('000001', amount=100))
print([row['order_status_name'] for row in user.today_entrusts], len(user.today_trades))
"""


def test_a_script_of_ours_with_a_windows_path(tmp_path: Path) -> None:
    done = sim_run(tmp_path, OURS + "user.exit()\n")
    assert done.returncode == 0, done.stderr
    assert "True 1234567890" in done.stdout
    assert "['已成', '已成', '已成'] 3" in done.stdout
    assert "D:\\国金证券QMT交易端\\userdata_mini" in done.stdout
    assert "1234567890: 委托 3 笔，成交 3 笔" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


def test_a_script_of_ours_that_forgets_to_exit(tmp_path: Path) -> None:
    done = sim_run(tmp_path, OURS)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_that_cannot_be_is_refused_as_on_windows(tmp_path: Path) -> None:
    done = sim_run(tmp_path, OURS, "--userdata", "D:\\elsewhere")
    assert done.returncode == 1
    assert "InvalidArgument" in done.stderr
    assert "国金证券QMT交易端" in done.stderr


@pytest.mark.parametrize(
    ("ending", "status", "said"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('交易日已结束')", 1, "交易日已结束"),
        ("1 / 0", 1, "ZeroDivisionError"),
    ],
)
def test_exit_status(ending: str, status: int, said: str, tmp_path: Path) -> None:
    done = sim_run(tmp_path, f"print('ran', __name__)\n{ending}\n")
    assert done.returncode == status, done.stderr
    assert "ran __main__" in done.stdout
    assert said in done.stderr
    assert "【仿真】柜台看到的账号" in done.stdout


def test_an_error_shows_the_script_and_not_our_frames(tmp_path: Path) -> None:
    done = sim_run(tmp_path, "def f():\n    1 / 0\n\nf()\n")
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert 'script.py", line 2, in f' in done.stderr
    assert "easytrader_qmt" not in done.stderr.replace(str(tmp_path), "")


WORKER = """
import threading, time
from xtquant.xttrader import XtQuantTrader
from xtquant.xttype import StockAccount

def work():
    trader = XtQuantTrader(r"D:\\QMT\\userdata_mini", 7)
    trader.start()
    trader.connect()
    time.sleep({pause})
    print("number", trader.order_stock(StockAccount("1000000365"), "600000.SH", 23, 100, 11, 10.5), flush=True)
    while {for_ever}:
        time.sleep(0.1)

threading.Thread(target=work).start()
"""


def test_a_script_that_works_in_a_thread_ends_with_it(tmp_path: Path) -> None:
    done = sim_run(tmp_path, WORKER.format(pause=0.5, for_ever=False), "--seconds", "60")
    assert done.returncode == 0, done.stderr
    assert "已运行" not in done.stdout
    assert done.stdout.index("number") < done.stdout.index("1000000365: 委托 1 笔")


def test_seconds_end_a_script_that_works_in_a_thread(tmp_path: Path) -> None:
    done = sim_run(tmp_path, WORKER.format(pause=0, for_ever=True), "--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert "已运行 1 秒" in done.stdout
    assert done.stdout.count("1000000365: 委托 1 笔") == 1


@pytest.mark.parametrize("swallowed", [1, 99])
def test_a_script_that_swallows_interrupts_ends_too(swallowed: int, tmp_path: Path) -> None:
    text = f"""
import time
from xtquant.xttrader import XtQuantTrader
trader = XtQuantTrader(r"D:\\QMT\\userdata_mini", 7)
trader.start()
print("connected", trader.connect(), flush=True)
for _ in range({swallowed}):
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        print("swallowed", flush=True)
time.sleep(60)
"""
    done = sim_run(tmp_path, text, "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert "connected 0\nswallowed" in re.sub("已运行.*\n", "", done.stdout)
    report = done.stdout[done.stdout.index("【仿真】脚本使用的终端路径") :]
    assert "userdata_mini" in report
    assert report.count("总资产") == 1


def test_seconds_end_a_script_that_runs_for_ever(tmp_path: Path) -> None:
    done = sim_run(
        tmp_path, "import threading\nprint('on', flush=True)\nthreading.Event().wait()\n", "--seconds", "0.3"
    )
    assert done.returncode == 0, done.stderr
    assert "on" in done.stdout
    assert "已运行 0.3 秒" in done.stdout
    assert "柜台看到的账号" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_script_that_imports_its_neighbour(tmp_path: Path) -> None:
    script(tmp_path, "WORD = 'neighbour'\n", "beside.py")
    done = sim_run(tmp_path, "import beside\nprint(beside.WORD, __file__)\n")
    assert "neighbour" in done.stdout, done.stderr
    assert "script.py" in done.stdout


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    done = child("-m", "easytrader_qmt", "sim", "run", "none.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "none.py" in done.stderr


def test_our_simulation_inside_sim_run(tmp_path: Path) -> None:
    text = """
import easytrader_qmt
with easytrader_qmt.use('sim', cash=5000) as user:
    user.connect()
    number = user.buy('600036', 35.5, 100)['entrust_no']
    print([order['order_id'] == number for order in user.terminal.orders()], user.terminal.accounts)
"""
    done = sim_run(tmp_path, text)
    assert "[True]" in done.stdout, done.stderr
    assert "委托 1 笔，成交 1 笔" in done.stdout


def test_a_terminal_of_its_own_is_reported_too(tmp_path: Path, start: Start, home: Path) -> None:
    start()
    done = sim_run(tmp_path, RAW, "--terminal", str(home))
    assert done.returncode == 0, done.stderr
    report = done.stdout[done.stdout.index("【仿真】脚本使用的终端路径") :]
    assert "1000000365: 委托 1 笔，成交 1 笔" in report
    for heading in ("总资产", "持仓数量", "委托状态", "成交编号", "600036.SH"):
        assert heading in report


def test_a_terminal_of_its_own_at_the_scripts_path_is_reported_too(
    tmp_path: Path, start: Start, home: Path
) -> None:
    start()
    done = sim_run(tmp_path, RAW.replace("D:\\QMT\\userdata_mini", str(home)))
    assert "connect 0" in done.stdout, done.stderr
    assert "1000000365: 委托 1 笔，成交 1 笔" in done.stdout


def test_a_terminal_of_its_own_that_died_is_said(tmp_path: Path, start: Start, home: Path) -> None:
    terminal = start()
    text = f"import os\nprint(os.kill({terminal.pid}, 9))\n"
    done = sim_run(tmp_path, text, "--terminal", str(home))
    assert done.returncode == 0, done.stderr
    assert "不能显示柜台看到的内容" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e12"])
def test_seconds_that_cannot_be(seconds: str, tmp_path: Path) -> None:
    done = sim_run(tmp_path, "print('ran')\n", "--seconds", seconds)
    assert done.returncode == 1
    assert "seconds=" in done.stderr
    assert "ran" not in done.stdout
    assert "Traceback" not in done.stderr


def test_help_is_chinese(tmp_path: Path) -> None:
    done = child("-m", "easytrader_qmt", "sim", "run", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("--seconds", "--userdata", "仿真终端"):
        assert word in done.stdout
