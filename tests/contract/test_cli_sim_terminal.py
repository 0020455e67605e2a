"""``easytrader-qmt sim terminal``: why it does not run, said in Chinese, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from easytrader_qmt.cli import main
from easytrader_qmt.sim.link_client import control
from tests.facade import SOON


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["sim", "terminal", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "99999"), "'--port' 的值无效：99999 不在范围 0<=x<=65535 之内"),
        (("--seed-cash", "-5"), "初始资金 -5.0"),
        (("--connect-timeout", "99"), "connect_timeout 99.0"),
        (("--host", "192.0.2.1"), "'--host' 的值无效：'192.0.2.1' 不是本机的地址"),
        (("--host", "no such host"), "'--host' 的值无效：'no such host' 不是本机的地址"),
        (("--host", "一" * 99), "'--host' 的值无效"),
        (("--host", "a..b"), "'--host' 的值无效：'a..b' 不是本机的地址"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    found = run(tmp_path / "udm", *words)
    assert found.exit_code == 2, found.output
    assert said in found.stderr
    assert "Errno" not in found.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = run(tmp_path / "udm", "--port", str(port))
    assert found.exit_code == 1
    assert f"端口 {port} 已被占用；请用 --port 换一个" in found.stderr
    assert "Errno" not in found.stderr


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.touch()
    found = run(file / "udm")
    assert found.exit_code == 1
    assert f"目录 {file / 'udm'} 不能使用" in found.stderr
    assert "换一个目录" in found.stderr
    assert "Errno" not in found.stderr


@pytest.mark.skipif(os.name == "nt", reason="an interrupt cannot be sent to one process alone")
@pytest.mark.parametrize("debug", [False, True])
def test_what_it_says_from_begin_to_end(tmp_path: Path, debug: bool) -> None:
    home = tmp_path / "udm"
    words = [sys.executable, "-m", "easytrader_qmt", "sim", "terminal", str(home), *["--debug"][:debug]]
    env = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=env
    ) as process:
        try:
            assert process.stdout is not None
            assert "【仿真】仿真终端已就绪" in process.stdout.readline()
            with control(home) as terminal:
                assert terminal.orders() == []
            process.send_signal(signal.SIGINT)
            said, logged = process.communicate(timeout=SOON)
        finally:
            process.kill()
    assert process.returncode == 0
    assert said == "已停止\n"
    if debug:
        assert re.search(r"^\d\d:\d\d:\d\d DEBUG 仿真终端的一个连接结束", logged, re.MULTILINE)
    else:
        assert logged == ""
