"""Why a connect fails: every finding made good and bad by a real folder and a described environment."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.miniqmt import doctor
from easytrader_qmt.miniqmt.doctor import Environment, Finding
from easytrader_qmt.miniqmt.session_ids import SessionIds

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
KEYS = [
    "path",
    "path_name",
    "path_encoding",
    "up_queue",
    "writable",
    "queue_files",
    "disk_free",
    "session_ids",
    "terminal",
    "windows_session",
    "drive_c",
    "python",
    "native_client",
    "xtquant_version",
    "xtquant_import",
    "account",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata_mini"
    folder.mkdir()
    (folder / "up_queue_xtquant").touch()
    return folder


def find(key: str, path: str | Path, environment: Environment = GOOD, account: str | None = None) -> Finding:
    found = doctor.inspect(str(path), environment=environment, account=account, session_ids=(100, 102))
    return next(finding for finding in found if finding.key == key)


def level(key: str, path: str | Path, environment: Environment = GOOD, account: str | None = None) -> str:
    return find(key, path, environment, account).level


def test_a_healthy_terminal_has_only_good_findings_and_nothing_is_written(home: Path) -> None:
    found = doctor.inspect(str(home), account="1000000365", environment=GOOD)
    assert [finding.key for finding in found] == KEYS
    assert {finding.key: finding.level for finding in found if finding.level != "ok"} == {}
    assert [path.name for path in home.iterdir()] == ["up_queue_xtquant"]
    assert doctor.summarise(found) == f"检查了 {len(KEYS)} 项，没有发现问题"


# --- the folder ----------------------------------------------------------------------------------


def test_a_missing_path_is_bad_and_nothing_is_created(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "userdata_mini"
    finding = find("path", path)
    assert (finding.level, str(path) in finding.seen) == ("bad", True)
    for key in ("up_queue", "writable", "queue_files", "disk_free", "session_ids"):
        assert level(key, path) == "unknown"
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_an_empty_path_are_bad(home: Path) -> None:
    assert "是文件" in find("path", home / "up_queue_xtquant").seen
    assert level("path", home / "up_queue_xtquant") == "bad"
    assert (level("path", ""), level("path_name", "")) == ("bad", "bad")


def test_the_install_folder_is_answered_with_the_folder_below(home: Path) -> None:
    finding = find("path_name", home.parent)
    assert finding.level == "bad"
    assert str(home) in finding.advice


def test_names_of_the_folder(tmp_path: Path) -> None:
    assert level("path_name", tmp_path / "userdata") == "ok"
    assert level("path_name", r"D:\国金证券QMT交易端\userdata_mini" + "\\") == "ok"
    assert level("path_name", tmp_path) == "bad"


def test_the_folder_one_stands_in_has_a_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    for path in (".", "./", "../userdata_mini"):
        assert find("path_name", path).seen == "目录名是 userdata_mini"
        assert str(home) in find("path", path).seen
    finding = find("path_name", "..")
    assert finding.level == "bad"
    assert str(home) in finding.advice


@pytest.mark.parametrize(
    ("page", "expected"), [(936, "ok"), (1252, "bad"), (65001, "bad"), (None, "unknown")]
)
def test_a_chinese_path_needs_a_chinese_code_page(page: int | None, expected: str) -> None:
    assert level("path_encoding", r"D:\国金\userdata_mini", replace(GOOD, code_page=page)) == expected
    assert level("path_encoding", r"D:\qmt\userdata_mini", replace(GOOD, code_page=page)) == "ok"


def test_no_queue_file_of_the_terminal_is_bad(home: Path) -> None:
    (home / "up_queue_xtquant").unlink()
    finding = find("up_queue", home)
    assert finding.level == "bad"
    assert "券商" in finding.advice


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 0)() == 0, reason="nobody is refused here"
)
def test_a_folder_that_cannot_be_written_is_bad(home: Path) -> None:
    home.chmod(0o555)
    try:
        assert level("writable", home) == "bad"
    finally:
        home.chmod(0o755)


def test_more_queue_files_than_the_pool_has_ids_is_a_warning(home: Path) -> None:
    for number in (200, 201, 202):
        (home / f"down_queue_{number}").write_bytes(b"x" * 1024 * 1024)
    assert (level("queue_files", home), find("queue_files", home).seen) == (
        "ok",
        "3 个 down_queue_*，共 3 MiB",
    )
    (home / "down_queue_203").touch()
    assert level("queue_files", home) == "warn"


@pytest.mark.parametrize(("mib", "expected"), [(71, "bad"), (72, "warn"), (215, "warn"), (216, "ok")])
def test_free_disk_is_measured_against_what_the_pool_needs(
    home: Path, monkeypatch: pytest.MonkeyPatch, mib: int, expected: str
) -> None:
    room = type(shutil.disk_usage(home))(10**12, 10**12, mib * 1024 * 1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: room)
    assert level("disk_free", home) == expected


def test_a_full_pool_is_bad_and_says_who_holds_it(home: Path) -> None:
    (home / "down_queue_102").touch()
    ids = SessionIds(home, 100, 102, clock=SystemClock())
    first, second = ids.lease(), ids.lease()
    finding = find("session_ids", home)
    assert finding.level == "bad"
    assert f"100（进程 {os.getpid()}）" in finding.seen
    assert "属于其他程序：102" in finding.seen
    second.release(stopped=True)
    assert find("session_ids", home).seen.startswith("100–102 中空闲 1 个")
    assert level("session_ids", home) == "ok"
    first.release(stopped=True)


def test_an_id_of_ones_own_is_the_only_one_looked_at(home: Path) -> None:
    def look(session_id: int) -> Finding:
        found = doctor.inspect(str(home), environment=GOOD, session_ids=(100, 102), session_id=session_id)
        return next(finding for finding in found if finding.key == "session_ids")

    (home / "down_queue_7").touch()
    assert look(7).level == "ok"
    with SessionIds(home, fixed=7, clock=SystemClock()).lease():
        assert (look(7).level, look(8).level) == ("bad", "ok")
        assert f"7 使用中（进程 {os.getpid()}）" in look(7).seen


# --- the terminal --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        (("xtminiqmt.EXE",), "ok"),
        (("XtItClient.exe", "XtMiniQmt.exe"), "ok"),
        (("XtItClient.exe",), "warn"),
        (("explorer.exe",), "bad"),
        (None, "unknown"),
    ],
)
def test_the_terminals_process(home: Path, processes: tuple[str, ...] | None, expected: str) -> None:
    assert level("terminal", home, replace(GOOD, processes=processes)) == expected


@pytest.mark.parametrize(
    ("session", "theirs", "expected"),
    [
        (1, 1, "ok"),
        (0, 1, "bad"),
        (0, None, "bad"),
        (2, 1, "bad"),
        (None, 1, "unknown"),
        (1, None, "unknown"),
    ],
)
def test_the_windows_session(session: int | None, theirs: int | None, expected: str) -> None:
    environment = replace(GOOD, session=session, terminal_session=theirs)
    assert level("windows_session", "", environment) == expected
    assert level("windows_session", "", replace(environment, platform="linux")) == "ok"


@pytest.mark.parametrize(
    ("path", "is_admin", "expected"),
    [
        (r"C:\qmt\userdata_mini", False, "warn"),
        ("c:/qmt/userdata_mini", None, "unknown"),
        (r"C:\qmt\userdata_mini", True, "ok"),
        (r"D:\qmt\userdata_mini", False, "ok"),
    ],
)
def test_drive_c_needs_an_administrator(path: str, is_admin: bool | None, expected: str) -> None:
    assert level("drive_c", path, replace(GOOD, is_admin=is_admin)) == expected


def test_the_simulation_is_named_and_needs_no_windows(home: Path) -> None:
    here = replace(
        GOOD,
        platform="linux",
        native_client=False,
        simulated=True,
        session=None,
        is_admin=None,
        code_page=None,
    )
    found = doctor.inspect(str(home), environment=here)
    assert {finding.level for finding in found} == {"ok"}
    assert find("terminal", home, here).seen == "仿真终端正在运行"
    away = doctor.inspect(str(home), environment=replace(here, processes=()), how_to_start="sim terminal x")
    [finding] = [finding for finding in away if finding.level != "ok"]
    assert (finding.key, finding.level) == ("terminal", "bad")
    assert "sim terminal x" in finding.advice
    assert doctor.causes(away, simulated=True)[0].startswith("仿真终端没有运行")
    bare = home.parent / "anything"
    bare.mkdir()
    assert {finding.level for finding in doctor.inspect(str(bare), environment=here)} == {"ok"}
    assert level("terminal", home, replace(here, processes=None)) == "unknown"


# --- this process --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits64", "version", "simulated", "expected"),
    [
        (True, (3, 10), False, "ok"),
        (True, (3, 13), False, "ok"),
        (True, (3, 14), False, "bad"),
        (True, (3, 14), True, "ok"),
        (False, (3, 11), False, "bad"),
        (True, (3, 9), True, "bad"),
    ],
)
def test_python(bits64: bool, version: tuple[int, int], simulated: bool, expected: str) -> None:
    environment = replace(GOOD, bits64=bits64, python=version, simulated=simulated)
    assert level("python", "", environment) == expected


def test_no_native_client_is_bad_and_points_to_the_simulation() -> None:
    finding = find("native_client", "", replace(GOOD, native_client=False, native_reason="只有 Windows 版"))
    assert (finding.level, finding.seen) == ("bad", "只有 Windows 版")
    assert "use('sim')" in finding.advice


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("250807.1.2", "ok"),
        ("240613.1.0", "ok"),
        ("250807.1.10", "warn"),
        ("260101.1.0", "warn"),
        ("240119.3", "warn"),
        (None, "bad"),
    ],
)
def test_xtquants_version(version: str | None, expected: str) -> None:
    assert level("xtquant_version", "", replace(GOOD, xtquant_version=version)) == expected


def test_the_terminals_own_xtquant_is_offered(home: Path) -> None:
    own = home.parent / "bin.x64" / "Lib" / "site-packages" / "xtquant"
    newer = replace(GOOD, xtquant_version="260101.1.0")
    assert "xtquant= " not in find("xtquant_version", home, newer).advice
    own.mkdir(parents=True)
    assert str(own) in find("xtquant_version", home, newer).advice


def test_a_slow_import_is_told() -> None:
    assert "不执行" in find("xtquant_import", "").seen
    assert "联网" in find("xtquant_import", "", replace(GOOD, xtquant_executed=True)).seen


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("1000000365", "ok"),
        (None, "ok"),
        ("", "bad"),
        (" 1000000365", "bad"),
        ("1" * 23, "ok"),
        ("1" * 24, "bad"),
    ],
)
def test_the_account_number(account: str | None, expected: str) -> None:
    assert level("account", "", account=account) == expected


@pytest.mark.parametrize("account", [8800001, 1.5, ["1000000365"]])
def test_an_account_that_is_no_text_is_a_finding(home: Path, account: Any) -> None:
    found = find("account", home, account=account)
    assert found.level == "bad"
    assert "字符串" in found.seen


def test_a_simulated_accounts_number_is_no_secret() -> None:
    assert find("account", "", account="SIM0000000001").seen == "资金账号 SIM0000000001"
    assert find("account", "", account="1000000365").seen == "资金账号 10******65"
