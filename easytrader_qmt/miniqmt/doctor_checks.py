"""One function for each thing that can keep a connect from working; each answers with a Finding.

Never prints, never writes, never creates a file and never connects. A check may raise: the doctor turns that
into a finding of level ``unknown``.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import PureWindowsPath

from easytrader_qmt.miniqmt import session_ids
from easytrader_qmt.miniqmt.doctor_case import TITLES, Case, Finding, Level, finding, readable
from easytrader_qmt.miniqmt.environment import FULL_CLIENT, TERMINAL

__all__ = ["CHECKS", "TITLES", "Case", "Finding", "Level"]

QUEUE_BYTES = 72 * 1024 * 1024
"""What each new session id costs in the terminal's folder, in bytes."""
FOLDER_NAMES = ("userdata_mini", "userdata")
"""MiniQMT's folder, and the research edition's (投研版)."""
TERMINAL_QUEUE = "up_queue_xtquant"
TESTED_XTQUANT = ("240613.1.0", "250807.1.2")
"""The oldest and the newest xtquant this package was tried with."""
ACCOUNT_BYTES = 23
"""The native client cuts longer account numbers silently."""


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:,.0f} MiB"


def _no_folder(key: str) -> Finding:
    return finding(key, "目录不存在，没有检查", "先改正路径", "unknown")


def path_exists(case: Case) -> Finding:
    """The path is a folder. An empty one makes the native client write at the root of the drive."""
    advice = "请填写 MiniQMT 安装目录下 userdata_mini 的完整路径，如 D:\\国金QMT交易端\\userdata_mini"
    if not case.path:
        return finding("path", "路径是空的", advice, "bad")
    if os.path.isdir(case.path):
        full = "" if os.path.isabs(case.path) else f"（{case.place}）"
        return finding("path", f"目录存在：{case.path}{full}")
    if '"' in case.path:
        advice = f'命令行里加引号的路径，末尾不要写反斜杠（\\" 是引号本身）；{advice}'
    seen = "是文件而不是目录" if os.path.exists(case.path) else "目录不存在"
    return finding("path", f"{seen}：{case.path}", advice, "bad")


def path_name(case: Case) -> Finding:
    """The folder is the one the terminal talks through, not the install folder above it."""
    if case.environment.simulated:
        return finding("path_name", "仿真终端可以在任何目录里")
    name = PureWindowsPath(case.place).name
    if name.casefold() in FOLDER_NAMES:
        return finding("path_name", f"目录名是 {name}")
    for below in FOLDER_NAMES:
        inner = os.path.join(case.place, below)
        if case.is_directory and os.path.isdir(inner):
            return finding("path_name", f"给的是上一级目录，其中有 {below}", f"请把路径改为 {inner}", "bad")
    advice = "应当是 userdata_mini（投研版是 userdata），请在终端的安装目录下找到它"
    return finding("path_name", f"目录名是 {name or '空'}，不是 userdata_mini", advice, "bad")


def path_encoding(case: Case) -> Finding:
    """xtquant passes the path as gb18030 bytes, which Windows reads through its ANSI code page."""
    if case.place.isascii() or not case.environment.windows or case.environment.simulated:
        return finding("path_encoding", "没有编码问题")
    page = case.environment.code_page
    if page in (936, 54936):
        return finding("path_encoding", f"路径含中文，系统代码页 {page}，可以正确传递")
    advice = "请把终端装到纯英文路径下，或把“非 Unicode 程序的语言”设为简体中文（不要勾选 UTF-8 测试版选项）"
    if page is None:
        return finding("path_encoding", "路径含中文，系统代码页未知", advice, "unknown")
    return finding(
        "path_encoding", f"路径含中文，但系统代码页是 {page}，xtquant 会读成乱码目录", advice, "bad"
    )


def terminal_queue(case: Case) -> Finding:
    """The terminal's own queue file: it has run in 极简模式 and has the permission."""
    if not case.is_directory:
        return _no_folder("up_queue")
    if os.path.exists(os.path.join(case.path, TERMINAL_QUEUE)):
        return finding("up_queue", f"有 {TERMINAL_QUEUE}")
    if case.environment.simulated:
        return finding("up_queue", "仿真终端不需要券商的权限")
    advice = "请勾选极简模式/独立交易登录一次终端；仍然没有，则是券商未开通 MiniQMT 权限，请联系客户经理"
    return finding("up_queue", f"没有 {TERMINAL_QUEUE}", advice, "bad")


def writable(case: Case) -> Finding:
    """A session writes its queue file into the folder."""
    if not case.is_directory:
        return _no_folder("writable")
    if os.access(case.path, os.W_OK | os.X_OK):
        return finding("writable", "可写")
    return finding("writable", "没有写权限", "请以管理员身份运行，或把终端安装到非 C 盘的可写目录", "bad")


def queue_files(case: Case) -> Finding:
    """How many queue files lie there, of whatever program; each costs about 72 MiB."""
    if not case.is_directory:
        return _no_folder("queue_files")
    sizes = []
    with os.scandir(case.path) as entries:
        for entry in entries:
            if entry.name.startswith("down_queue_") and entry.is_file(follow_symlinks=False):
                sizes.append(entry.stat(follow_symlinks=False).st_size)
    seen = f"{len(sizes)} 个 down_queue_*，共 {_mib(sum(sizes))}"
    if len(sizes) <= case.pool:
        return finding("queue_files", seen)
    advice = "多半是其他程序用随机会话ID反复重连留下的；退出所有策略和终端后可以手动删除 down_queue_*"
    return finding("queue_files", seen, advice, "warn")


def disk_free(case: Case) -> Finding:
    """Room for the queue files of the pool."""
    if not case.is_directory:
        return _no_folder("disk_free")
    free = shutil.disk_usage(case.path).free
    seen = f"剩余 {_mib(free)}"
    if free < QUEUE_BYTES:
        return finding("disk_free", seen, f"每个会话需要 {_mib(QUEUE_BYTES)}，请清理磁盘", "bad")
    # An id of one's own is the only one that is ever used.
    pool = QUEUE_BYTES * (1 if case.session_id is not None else case.pool)
    if free < pool:
        return finding("disk_free", seen, f"会话ID全部用上需要 {_mib(pool)}，请清理磁盘", "warn")
    return finding("disk_free", seen)


def ids_in_use(case: Case) -> Finding:
    """Whether the pool still has an id that nobody uses."""
    if not case.is_directory:
        return _no_folder("session_ids")
    if case.session_id is not None:
        return _own_id(case, case.session_id)
    uses = session_ids.usage(case.path, case.first, case.last)
    held = [f"{use.session_id}（进程 {use.pid}）" for use in uses if use.held]
    foreign = [str(use.session_id) for use in uses if use.foreign and not use.held]
    free = len(uses) - len(held) - len(foreign)
    seen = f"{case.first}–{case.last} 中空闲 {free} 个"
    if held:
        seen += f"，使用中：{'、'.join(held)}"
    if foreign:
        seen += f"，属于其他程序：{'、'.join(foreign)}"
    if free:
        return finding("session_ids", seen)
    advice = "请关闭不再使用的程序，或用 session_ids= 换一个编号范围"
    return finding("session_ids", seen, advice, "bad")


def _own_id(case: Case, session_id: int) -> Finding:
    """The one id that was asked for by ``session_id``: also one whose queue file another program made."""
    use = session_ids.usage(case.path, session_id, session_id)[0]
    if use.held:
        advice = "请关闭使用它的程序，或用 session_id= 换一个编号"
        return finding("session_ids", f"{session_id} 使用中（进程 {use.pid}）", advice, "bad")
    return finding("session_ids", f"指定的 {session_id} 没有被占用")


def terminal_process(case: Case) -> Finding:
    """The terminal runs, in 极简模式."""
    environment = case.environment
    who = "仿真终端" if environment.simulated else "终端"
    if environment.processes is None:
        advice = f"请自行确认{who}已经登录并保持运行"
        return finding("terminal", f"无法得知{who}是否在运行", advice, "unknown")
    names = {name.casefold() for name in environment.processes}
    if TERMINAL.casefold() in names:
        seen = f"{who}正在运行" if environment.simulated else f"{TERMINAL} 正在运行"
        return finding("terminal", seen)
    if environment.simulated:
        advice = f"请先启动仿真终端：{case.how_to_start}" if case.how_to_start else "请先启动仿真终端"
        return finding("terminal", "这里没有正在运行的仿真终端", advice, "bad")
    if FULL_CLIENT.casefold() in names:
        advice = "请退出后重新登录，登录时勾选极简模式/独立交易"
        return finding("terminal", f"只有 {FULL_CLIENT}，没有 {TERMINAL}", advice, "warn")
    advice = "请启动 MiniQMT，登录时勾选极简模式/独立交易，并保持登录"
    return finding("terminal", f"没有 {TERMINAL} 或 {FULL_CLIENT} 进程", advice, "bad")


def windows_session(case: Case) -> Finding:
    """A service in session 0 cannot reach a terminal on somebody's desktop."""
    environment = case.environment
    if not environment.windows or environment.simulated:
        return finding("windows_session", "不适用")
    ours, theirs = environment.session, environment.terminal_session
    advice = (
        "请在登录了终端的同一个桌面里运行本程序，不要做成 Windows 服务或“不管用户是否登录都运行”的计划任务"
    )
    if ours == 0:
        return finding("windows_session", "本进程在会话 0（服务）里，连不到桌面上的终端", advice, "bad")
    if ours is None or theirs is None:
        return finding("windows_session", "无法得知本进程或终端所在的会话", "", "unknown")
    if ours != theirs:
        return finding("windows_session", f"本进程在会话 {ours}，终端在会话 {theirs}", advice, "bad")
    return finding("windows_session", f"都在会话 {ours}")


def drive_c(case: Case) -> Finding:
    """On C: the terminal and this process need administrator rights."""
    environment = case.environment
    drive = PureWindowsPath(case.place).drive.casefold()
    if not environment.windows or environment.simulated or drive != "c:":
        return finding("drive_c", "不适用" if not environment.windows else "不在 C 盘")
    advice = "请以管理员身份运行终端和本程序，或把终端安装到其他盘"
    if environment.is_admin is None:
        return finding("drive_c", "终端在 C 盘，不知道是否有管理员权限", advice, "unknown")
    if environment.is_admin:
        return finding("drive_c", "终端在 C 盘，本进程有管理员权限")
    return finding("drive_c", "终端在 C 盘，本进程没有管理员权限", advice, "warn")


def python_version(case: Case) -> Finding:
    """xtquant has native clients for 64-bit Python 3.6 to 3.13; this package needs 3.10."""
    environment = case.environment
    seen = f"{'64' if environment.bits64 else '32'} 位 Python {environment.python[0]}.{environment.python[1]}"
    advice = "请改用 64 位 Python 3.10–3.13"
    if environment.python < (3, 10):
        return finding("python", seen, advice, "bad")
    if environment.simulated or (environment.bits64 and environment.python <= (3, 13)):
        return finding("python", seen)
    return finding("python", seen, advice, "bad")


def native_client(case: Case) -> Finding:
    """The part of xtquant that talks to the terminal can load here."""
    environment = case.environment
    if environment.simulated:
        return finding("native_client", "仿真终端，不需要原生组件")
    if environment.native_client:
        return finding("native_client", environment.native_reason or "可以加载")
    advice = "连接真实终端请换到 Windows 上的 64 位 Python 3.10–3.13；在本机编写和测试策略请用 use('sim')"
    return finding("native_client", environment.native_reason or "无法加载", advice, "bad")


def xtquant_version(case: Case) -> Finding:
    """xtquant is installed, and of a version that was tried; one newer than the terminal cannot connect."""
    installed = case.environment.xtquant_version
    oldest, newest = TESTED_XTQUANT
    if installed is None:
        return finding("xtquant_version", "没有安装 xtquant", "请执行 pip install xtquant", "bad")
    own = os.path.join(
        os.path.dirname(os.path.abspath(case.path)), "bin.x64", "Lib", "site-packages", "xtquant"
    )
    hint = f"，或用 xtquant= 指定终端自带的 {own}" if case.path and os.path.isdir(own) else ""
    if _numbers(installed) > _numbers(newest):
        advice = f"可能比终端新：请升级终端，或执行 pip install xtquant=={newest}{hint}"
        return finding("xtquant_version", f"{installed}，比试过的最新版 {newest} 还新", advice, "warn")
    if _numbers(installed) < _numbers(oldest):
        advice = f"请执行 pip install xtquant=={newest}{hint}"
        return finding("xtquant_version", f"{installed}，比试过的最旧版 {oldest} 还旧", advice, "warn")
    return finding("xtquant_version", installed, f"若终端比它旧，请升级终端{hint}")


def xtquant_import(case: Case) -> Finding:
    """Whether somebody in this process imported xtquant the slow way, with its look at a package index."""
    if not case.environment.xtquant_executed:
        return finding("xtquant_import", "本库加载 xtquant 时不执行其 __init__，没有联网检查更新")
    advice = (
        "不影响连接；每次启动最多慢 10 秒，把 import easytrader_qmt 及 use() 放在 import xtquant 之前即可避免"
    )
    return finding("xtquant_import", "本进程已经 import xtquant，当时联网检查过更新", advice, "warn")


def account_number(case: Case) -> Finding:
    """The account number can pass the native client unharmed."""
    if case.account is None:
        return finding("account", "没有给出，未检查", "", "ok")
    if not isinstance(case.account, str):
        seen, advice = f"资金账号是 {type(case.account).__name__}，应为字符串", "请给资金账号加上引号"
        return finding("account", seen, advice, "bad")
    shown = readable(case.account)
    if not case.account.strip() or case.account != case.account.strip():
        return finding("account", f"资金账号是空的，或首尾有空白：{shown!r}", "请填写终端里的资金账号", "bad")
    if len(case.account.encode("utf-8", "replace")) > ACCOUNT_BYTES:
        return finding(
            "account", f"资金账号 {shown} 超过 {ACCOUNT_BYTES} 字节，会被截断", "请核对资金账号", "bad"
        )
    return finding("account", f"资金账号 {shown}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


CHECKS: tuple[tuple[str, Callable[[Case], Finding]], ...] = (
    ("path", path_exists),
    ("path_name", path_name),
    ("path_encoding", path_encoding),
    ("up_queue", terminal_queue),
    ("writable", writable),
    ("queue_files", queue_files),
    ("disk_free", disk_free),
    ("session_ids", ids_in_use),
    ("terminal", terminal_process),
    ("windows_session", windows_session),
    ("drive_c", drive_c),
    ("python", python_version),
    ("native_client", native_client),
    ("xtquant_version", xtquant_version),
    ("xtquant_import", xtquant_import),
    ("account", account_number),
)
