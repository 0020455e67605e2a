"""Why a connect fails: every usual cause checked, put in words and put in order.

Never raises, prints, creates files or connects by itself; a check that fails becomes a finding of level
``unknown``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from easytrader_qmt.miniqmt.doctor_case import TITLES, Case, Finding, Level, readable
from easytrader_qmt.miniqmt.doctor_checks import CHECKS
from easytrader_qmt.miniqmt.environment import Environment

__all__ = ["TABLE_HEADER", "Environment", "Finding", "causes", "inspect", "summarise", "table"]

TABLE_HEADER = ("结果", "检查", "看到", "怎么办")

_ORDER: dict[Level, int] = {"bad": 0, "warn": 1, "unknown": 2, "ok": 3}
_LEVEL_NAMES: dict[Level, str] = {"bad": "有问题", "warn": "注意", "unknown": "未知", "ok": "正常"}
_CAUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("终端没有运行，或登录时没有勾选极简模式/独立交易", ("terminal",)),
    ("券商没有开通 MiniQMT 权限，或终端从未以极简模式运行过", ("up_queue",)),
    ("路径不是终端的 userdata_mini（投研版是 userdata）", ("path", "path_name", "path_encoding")),
    ("终端在 C 盘而没有管理员权限，或目录不可写", ("drive_c", "writable")),
    ("会话ID正被占用，或距上次使用不到 3 秒", ("session_ids",)),
    ("本进程和终端不在同一个 Windows 会话里（例如做成了服务）", ("windows_session",)),
    ("xtquant 比终端新", ("xtquant_version",)),
    ("Python 是 32 位的，或没有匹配的原生组件", ("python", "native_client")),
    ("磁盘已满", ("disk_free",)),
)
_SIMULATED_CAUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("仿真终端没有运行，或路径不是它的目录", ("terminal", "path")),
    ("仿真终端的故障开关（terminal.faults）还开着", ()),
    ("会话ID正被占用，或距上次使用不到 3 秒", ("session_ids",)),
    ("目录不可写", ("writable",)),
    ("磁盘已满", ("disk_free",)),
)


def inspect(
    path: str,
    *,
    account: str | None = None,
    probe: Callable[[], Iterable[Finding]] | None = None,
    environment: Environment | None = None,
    session_ids: tuple[int, int] = (100, 119),
    session_id: int | None = None,
    how_to_start: str = "",
) -> tuple[Finding, ...]:
    """Check everything that can be seen of the terminal behind ``path``, one finding after another.

    ``probe`` adds what only a real connection shows: connect, subscribe, account status. ``environment`` is
    ``Environment.current()`` when it is not given. ``session_ids`` and ``session_id`` are ``connect``'s;
    ``how_to_start`` starts a simulated terminal. Account numbers in the findings are shortened. Never raises.
    """
    if environment is None:
        environment = Environment.current()
    first, last = session_ids
    case = Case(path, account, environment, first, last, session_id, how_to_start)
    found = [_guarded(key, check, case) for key, check in CHECKS]
    if probe is not None:
        try:
            # One at a time: what a probe found before it failed is kept.
            for finding in probe():
                found.append(finding)
        except Exception as error:
            found.append(_failed("probe", error))
    return tuple(_private(finding, account) for finding in found)


def summarise(findings: Iterable[Finding]) -> str:
    """The findings in words for a ConnectError, worst first: what was checked, what was seen, what to do.

    What is in order is only counted.
    """
    ranked = _worst_first(findings)
    wrong = [finding for finding in ranked if finding.level != "ok"]
    lines = []
    for finding in wrong:
        line = f"[{_LEVEL_NAMES[finding.level]}] {finding.checked}：{finding.seen}"
        lines.append(f"{line}。怎么办：{finding.advice}" if finding.advice else line)
    fine = len(ranked) - len(wrong)
    if fine:
        lines.append(f"其余 {fine} 项正常" if wrong else f"检查了 {fine} 项，没有发现问题")
    return "\n".join(lines)


def causes(findings: Iterable[Finding] = (), *, simulated: bool = False) -> tuple[str, ...]:
    """The usual causes of ``connect 返回 -1``, those first that the findings bear out.

    A cause that the findings speak against comes last; one that nothing was found about keeps its place
    between. A ``simulated`` terminal has causes of its own.
    """
    worst_first = _worst_first(findings)
    ranked = []
    for place, (text, keys) in enumerate(_SIMULATED_CAUSES if simulated else _CAUSES):
        relevant = [finding for finding in worst_first if finding.key in keys]
        if not relevant:
            ranked.append((_ORDER["unknown"], place, text))
            continue
        first = relevant[0]
        remark = "检查正常" if first.level == "ok" else first.seen
        ranked.append((_ORDER[first.level], place, f"{text}（{_LEVEL_NAMES[first.level]}：{remark}）"))
    return tuple(text for _, _, text in sorted(ranked))


def table(findings: Iterable[Finding]) -> list[tuple[str, str, str, str]]:
    """Rows under TABLE_HEADER, in the order of the findings."""
    return [
        (_LEVEL_NAMES[finding.level], finding.checked, finding.seen, finding.advice) for finding in findings
    ]


def _worst_first(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: _ORDER[finding.level])


def _guarded(key: str, check: Callable[[Case], Finding], case: Case) -> Finding:
    try:
        return check(case)
    except Exception as error:
        return _failed(key, error)


def _failed(key: str, error: Exception) -> Finding:
    return Finding(key, TITLES[key], f"检查时出错：{type(error).__name__}: {error}", "", "unknown")


def _private(finding: Finding, account: str | None) -> Finding:
    """The finding without the full account number, which a probe may have quoted."""
    if not isinstance(account, str) or not account.strip():
        return finding
    short = readable(account)
    return replace(
        finding,
        checked=finding.checked.replace(account, short),
        seen=finding.seen.replace(account, short),
        advice=finding.advice.replace(account, short),
    )
