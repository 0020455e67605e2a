"""The doctor's visit: looks at a terminal's folder and, with an account, really connects once.

Never places an order, and leaves no session behind. A simulated terminal is examined as what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.errors import ConnectError, NativeClientMissing, QueryFailed
from easytrader_qmt.miniqmt import doctor, sync, vendor
from easytrader_qmt.miniqmt.doctor import Finding
from easytrader_qmt.miniqmt.environment import Environment
from easytrader_qmt.miniqmt.names import account_health, name_of
from easytrader_qmt.miniqmt.session import Deadlines, Session, SessionFailed
from easytrader_qmt.miniqmt.session_ids import SessionIds


def examine(path: str, account: str | None, say: Callable[[str], None]) -> bool:
    """Say every finding about ``path``; True when nothing is wrong.

    With ``account`` it connects, subscribes and asks for the account's status and money as well.
    """
    simulated = _is_simulated(path)
    findings = doctor.inspect(
        path,
        account=account,
        environment=Environment.current(simulated=simulated, terminal_running=True if simulated else None),
        probe=(lambda: _probe(path, account, simulated)) if account is not None else None,
    )
    if simulated:
        say("【仿真】这是仿真终端的目录")
    for level, checked, seen, advice in doctor.table(findings):
        say(f"[{level}] {checked}：{seen}" + (f"。怎么办：{advice}" if advice and level != "正常" else ""))
    bad = [finding for finding in findings if finding.level == "bad"]
    say(f"\n共检查 {len(findings)} 项，{len(bad)} 项有问题")
    return not bad


def _is_simulated(path: str) -> bool:
    from easytrader_qmt.sim import layer, link_client

    link_client.install()
    return layer.find_endpoint(path) is not None


def _vendor(simulated: bool) -> vendor.Vendor:
    if simulated:
        from easytrader_qmt.sim.layer import simulated_vendor

        return simulated_vendor()
    return vendor.load()


def _probe(path: str, account_id: str, simulated: bool) -> Iterator[Finding]:
    try:
        loaded = _vendor(simulated)
        lease = SessionIds(path, clock=SystemClock()).lease()
    except (NativeClientMissing, ConnectError) as error:
        yield Finding("connect", "实际连接", str(error), "先解决上面的问题，再运行一次", "bad")
        return
    session = Session(loaded, path, lease.session_id, 1, deadlines=Deadlines(), push=_ignore, lost=_ignore)
    try:
        yield from _steps(session, loaded.account_class(account_id))
    finally:
        lease.release(session.close(late=lambda: lease.release(True)))


def _steps(session: Session, account: Any) -> Iterator[Finding]:
    try:
        session.open()
        yield Finding("connect", "实际连接", f"connect() 返回 0（会话ID {session.session_id}）", "", "ok")
        session.subscribe(account)
        yield Finding("subscribe", "订阅账户", "subscribe() 返回 0", "", "ok")
        sync.asset_of(session, account)
        yield Finding("asset", "资产查询", "有应答", "", "ok")
    except SessionFailed as error:
        yield Finding("connect", "实际连接", str(error), "；".join(doctor.causes()[:4]), "bad")
        return
    except QueryFailed as error:
        yield Finding("asset", "资产查询", str(error), "在终端里确认该账户已登录，账号填写无误", "bad")
    for status in sync.asked(lambda: session.query("query_account_status"), "账户状态") or ():
        if status.account_id != account.account_id:
            continue
        good = account_health(status.status) in ("good", "coming_up")
        seen = f"{status.status} {name_of('account_status', status.status)}"
        advice = "" if good else "在终端里重新登录该账户"
        yield Finding("account_status", "账户状态", seen, advice, "ok" if good else "bad")


def _ignore(*args: object) -> None:
    """What is pushed meanwhile is nobody's business here."""
