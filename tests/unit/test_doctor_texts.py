"""What the doctor makes of its findings: probes, privacy, failures, texts, and the real environment."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from easytrader_qmt.miniqmt import doctor, environment
from easytrader_qmt.miniqmt.doctor import Environment, Finding
from easytrader_qmt.miniqmt.doctor_checks import CHECKS
from easytrader_qmt.miniqmt.privacy import shorten

GOOD = Environment(
    platform="win32",
    bits64=True,
    python=(3, 11),
    xtquant_version="250807.1.2",
    native_client=True,
    native_reason="",
    processes=("explorer.exe", "XtMiniQmt.exe"),
    session=1,
    terminal_session=1,
    is_admin=False,
    code_page=936,
)
KEYS = [key for key, _ in CHECKS]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata_mini"
    folder.mkdir()
    (folder / "up_queue_xtquant").touch()
    return folder


# --- probe, privacy, failures --------------------------------------------------------------------


def test_what_a_probe_found_is_kept_although_it_failed() -> None:
    def probe() -> Iterator[Finding]:
        yield Finding("connect", "连接", "账号 1000000365 返回 -1", "重启 1000000365", "bad")
        raise TimeoutError("1000000365 没有回答")

    found = doctor.inspect("", account="1000000365", probe=probe, environment=GOOD)
    assert [(finding.key, finding.level) for finding in found[-2:]] == [
        ("connect", "bad"),
        ("probe", "unknown"),
    ]
    assert "没有回答" in found[-1].seen
    assert "1000000365" not in repr(found)
    assert "10******65" in found[-2].seen


def test_a_check_that_fails_is_unknown_and_the_others_go_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: str) -> None:
        raise OSError("device not ready")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    found = doctor.inspect(str(home), environment=GOOD)
    assert [finding.key for finding in found] == KEYS
    failed = [finding for finding in found if finding.level != "ok"]
    assert [(finding.key, finding.level) for finding in failed] == [("disk_free", "unknown")]
    assert "device not ready" in failed[0].seen


@pytest.mark.parametrize("path", ["\0", "a\0b", "//", "x" * 5000])
def test_no_path_makes_it_raise(path: str) -> None:
    assert [finding.key for finding in doctor.inspect(path, environment=GOOD)] == KEYS


@pytest.mark.parametrize(
    ("account", "short"),
    [("1000000365", "10******65"), ("123456", "12**56"), ("12345", "*****"), ("", "")],
)
def test_shorten(account: str, short: str) -> None:
    assert shorten(account) == short


# --- texts ---------------------------------------------------------------------------------------

MIXED = (
    Finding("path", "路径", "存在", "", "ok"),
    Finding("terminal", "进程", "不知道", "", "unknown"),
    Finding("drive_c", "C 盘", "无权限", "用管理员", "warn"),
    Finding("session_ids", "会话", "占满", "关闭程序", "bad"),
)


def test_the_summary_is_worst_first() -> None:
    assert doctor.summarise(MIXED).splitlines() == [
        "[有问题] 会话：占满。怎么办：关闭程序",
        "[注意] C 盘：无权限。怎么办：用管理员",
        "[未知] 进程：不知道",
        "其余 1 项正常",
    ]


def test_the_causes_are_ranked_by_the_findings() -> None:
    ranked = doctor.causes(MIXED)
    assert ranked[0].startswith("会话ID正被占用")
    assert "占满" in ranked[0]
    assert ranked[1].startswith("终端在 C 盘")
    assert ranked[2].startswith("终端没有运行")
    assert ranked[-1].startswith("路径不是终端的 userdata_mini")
    assert len(ranked) == len(doctor.causes())
    assert doctor.causes()[0].startswith("终端没有运行")


def test_one_bad_finding_of_a_cause_outweighs_its_good_ones() -> None:
    found = (Finding("path", "", "", "", "ok"), Finding("path_name", "", "上一级", "", "bad"))
    assert "上一级" in doctor.causes(found)[0]
    assert "上一级" in doctor.causes(reversed(found))[0]


def test_of_two_findings_with_one_key_the_worse_counts() -> None:
    found = (Finding("up_queue", "", "缺", "", "bad"), Finding("up_queue", "", "有", "", "ok"))
    assert "缺" in doctor.causes(found)[0]
    assert "缺" in doctor.causes(reversed(found))[0]


def test_the_table_keeps_the_order_of_the_findings() -> None:
    rows = doctor.table(MIXED)
    assert [row[0] for row in rows] == ["正常", "未知", "注意", "有问题"]
    assert rows[3] == ("有问题", "会话", "占满", "关闭程序")
    assert len(doctor.TABLE_HEADER) == len(rows[0])


# --- the environment itself ----------------------------------------------------------------------


def test_the_current_environment_describes_this_process() -> None:
    here = Environment.current()
    assert here.python == sys.version_info[:2]
    assert here.platform == sys.platform
    assert here.bits64 == (sys.maxsize > 2**32)
    if sys.platform != "win32":
        assert (here.processes, here.session, here.is_admin, here.code_page) == (None, None, None, None)
        assert not here.native_client
        assert here.native_reason


@pytest.mark.parametrize(("running", "names"), [(True, ("XtMiniQmt.exe",)), (False, ()), (None, None)])
def test_a_simulated_terminal_speaks_for_itself(running: bool | None, names: tuple[str, ...] | None) -> None:
    here = Environment.current(simulated=True, terminal_running=running)
    assert (here.simulated, here.processes, here.terminal_session) == (True, names, None)


def test_tasklist_is_understood() -> None:
    text = (
        '"System Idle Process","0","Services","0","8 K"\r\n'
        '"XtItClient.exe","4312","Console","1","120,332 K"\r\n'
        '"XtMiniQmt.exe","5120","RDP-Tcp#3","2","220,332 K"\r\n'
        "INFO: nothing else\r\n"
    )
    running = environment.parse_tasklist(text)
    assert running == (("System Idle Process", 0), ("XtItClient.exe", 1), ("XtMiniQmt.exe", 2))
    assert environment.terminal_session(running) == 2
    assert environment.terminal_session(running[:2]) == 1
    assert environment.terminal_session((*running, (environment.TERMINAL, 5)), 5) == 5, (
        "one's own, not another user's"
    )
    assert environment.terminal_session(running, 5) == 2
    assert environment.terminal_session(running[:1]) is None
