"""The doctor's visit: looks at a terminal's folder and, with an account, really connects once.

Never places an order, and leaves no session behind. A simulated terminal is examined as what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.errors import ConnectError, InvalidArgument, NativeClientMissing, QueryFailed
from easytrader_qmt.miniqmt import doctor, sync, vendor
from easytrader_qmt.miniqmt.doctor import Finding
from easytrader_qmt.miniqmt.environment import Environment
from easytrader_qmt.miniqmt.names import account_health, name_of
from easytrader_qmt.miniqmt.options import ConnectOptions
from easytrader_qmt.miniqmt.session import Session, SessionFailed
from easytrader_qmt.miniqmt.session_ids import SessionIds

_CHECK_ACCOUNT = "请确认该账户已在终端里登录，账号和账户类型填写无误（信用账户要 --account-type CREDIT）"


def examine(options: ConnectOptions, say: Callable[[str], None]) -> bool:
    """Say every finding about the terminal that ``options`` name; True when nothing is wrong.

    With an account it connects, subscribes and asks for the account's status and money as well; without one
    ``stock_account`` is empty. The path need not exist.
    """
    from easytrader_qmt.sim import link_client
    from easytrader_qmt.sim.whereabouts import look

    link_client.install()
    path, account = options.miniqmt_path, options.stock_account or None
    there = look(path)
    simulated = there.lived
    # What does not run needs no connection to be found out.
    connects = account is not None and (there.running or not simulated)
    findings = doctor.inspect(
        path,
        account=account,
        environment=Environment.current(
            simulated=simulated, terminal_running=there.running if simulated else None
        ),
        probe=(lambda: _probe(options, simulated)) if connects else None,
        session_ids=options.session_ids,
        session_id=options.session_id,
        how_to_start=there.how_to_start,
    )
    if simulated:
        say("【仿真】这是仿真终端的目录")
    for level, checked, seen, advice in doctor.table(findings):
        say(f"[{level}] {checked}：{seen}" + (f"。怎么办：{advice}" if advice and level != "正常" else ""))
    bad = [finding for finding in findings if finding.level == "bad"]
    say(f"\n共检查 {len(findings)} 项，{len(bad)} 项有问题")
    return not bad


def _vendor(simulated: bool) -> vendor.Vendor:
    if simulated:
        from easytrader_qmt.sim.layer import simulated_vendor

        return simulated_vendor()
    return vendor.load()


def _probe(options: ConnectOptions, simulated: bool) -> Iterator[Finding]:
    try:
        loaded = _vendor(simulated)
        account = _account(loaded, options)
        first, last = options.session_ids
        ids = SessionIds(options.miniqmt_path, first, last, fixed=options.session_id, clock=SystemClock())
        lease = ids.lease()
    except (NativeClientMissing, ConnectError, InvalidArgument) as error:
        yield Finding("connect", "实际连接", str(error), "先解决上面的问题，再运行一次", "bad")
        return
    session = Session(
        loaded, options.miniqmt_path, lease.session_id, 1,
        deadlines=options.deadlines, push=_ignore, lost=_ignore,
    )  # fmt: skip
    try:
        yield from _steps(session, account, simulated)
    finally:
        lease.release(session.close(late=lambda: lease.release(True)))


def _account(loaded: vendor.Vendor, options: ConnectOptions) -> Any:
    """The vendor's account object. Raises InvalidArgument where the vendor refuses, in whatever way."""
    try:
        account = loaded.account_class(options.stock_account, options.account_type)
    except Exception as error:
        raise InvalidArgument(f"账户类型 {options.account_type} 无效：{error}") from None
    if isinstance(account, str):
        # The vendor's class returns its complaint instead of raising it.
        raise InvalidArgument(account)
    return account


def _steps(session: Session, account: Any, simulated: bool) -> Iterator[Finding]:
    key, checked, advice = "connect", "实际连接", "；".join(doctor.causes(simulated=simulated)[:4])
    try:
        session.open()
        yield Finding("connect", "实际连接", f"connect() 返回 0（会话ID {session.session_id}）", "", "ok")
        # Connected: what fails from here on is the account's, not the terminal's.
        key, checked, advice = "subscribe", "订阅账户", _CHECK_ACCOUNT
        session.subscribe(account)
        yield Finding("subscribe", "订阅账户", "subscribe() 返回 0", "", "ok")
        sync.asset_of(session, account)
        yield Finding("asset", "资产查询", "有应答", "", "ok")
    except SessionFailed as error:
        yield Finding(key, checked, str(error), advice, "bad")
        return
    except QueryFailed as error:
        yield Finding("asset", "资产查询", str(error), _CHECK_ACCOUNT, "bad")
    for status in sync.asked(lambda: session.query("query_account_status"), "账户状态") or ():
        if status.account_id != account.account_id:
            continue
        good = account_health(status.status) in ("good", "coming_up")
        seen = f"{status.status} {name_of('account_status', status.status)}"
        advice = "" if good else "在终端里重新登录该账户"
        yield Finding("account_status", "账户状态", seen, advice, "ok" if good else "bad")


def _ignore(*args: object) -> None:
    """What is pushed meanwhile is nobody's business here."""
