"""The commands that trade: buy, sell, cancel. The exit status says what became of the order.

Never sends without a confirmation unless ``--yes`` is given, and never sends twice.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from easytrader_qmt.cli_chinese import ChineseCommand
from easytrader_qmt.cli_connection import (
    FAILED,
    IN_DOUBT,
    NOT_SENT,
    REFUSED,
    SUCCESS,
    connected,
    connection_options,
)
from easytrader_qmt.errors import EasytraderQmtError
from easytrader_qmt.miniqmt.cancels import UNKNOWN_CANCEL
from easytrader_qmt.miniqmt.order_watch import JUNK

_ORDER_INTERRUPTED = "已中断：可能已经发出，结果未知。请勿重发，先用 orders 查询"
_CANCEL_INTERRUPTED = "已中断：撤单可能只发出了一部分；请用 orders 查询，必要时再撤一次（重复撤单是安全的）"
_EPILOG = "退出码：0 成功，1 失败，2 用法错误，3 柜台拒绝，4 没有发送（可以重试），5 结果未知（请勿重发）"
_CANCEL_EPILOG = "退出码：0 成功，1 失败，2 用法错误，4 没有发送（可以重试），5 结果未知（可以再撤一次）"


def _order_options(command: Any) -> Any:
    for option in (
        click.option("--yes", is_flag=True, help="不再确认，直接发送"),
        click.option("--json", "as_json", is_flag=True, help="以 JSON 输出"),
        click.option("--client-order-id", default=None, help="自己的委托编号；同一编号永远只下一笔"),
        click.option("--remark", default=None, help="备注，最多 23 字节"),
        click.option("--strategy", default=None, help="策略名，最多 23 字节"),
        click.option("--protect-price", type=float, default=None, help="市价委托的保护限价（元）"),
        click.option("--ttype", default=None, help="市价委托类型，例如 最优五档即时成交剩余撤销"),
        click.option("--market", "at_market", is_flag=True, help="市价委托"),
        click.option("--price", type=float, default=None, help="委托价格（元）"),
    ):
        command = option(command)
    return command


def _send(verb: str, security: str, amount: int, words: dict[str, Any]) -> None:
    price, at_market = words.pop("price"), words.pop("at_market")
    if (price is None) != at_market:
        raise click.UsageError("请给出 --price，或者用 --market 下市价委托（二者选一）")
    yes, as_json = words.pop("yes"), words.pop("as_json")
    ttype, protect = words.pop("ttype"), words.pop("protect_price")
    terms = {
        "strategy_name": words.pop("strategy"),
        "remark": words.pop("remark"),
        "client_order_id": words.pop("client_order_id"),
    }
    terms = {name: value for name, value in terms.items() if value is not None}
    with connected(words, unsent=NOT_SENT) as user:
        if not yes:
            how = f"市价（{ttype or '默认类型'}）" if at_market else f"价格 {price:g} 元"
            name = {"buy": "买入", "sell": "卖出"}[verb]
            _confirm(f"{user!r}\n{name} {security}，数量 {amount}，{how}，确认发送？")
        with _sending():
            if at_market:
                extra = {} if protect is None else {"protect_price": protect}
                answer = getattr(user, f"market_{verb}")(security, amount, ttype, **extra, **terms)
            else:
                answer = getattr(user, verb)(security, price, amount, **terms)
        _tell(_after(user, answer), as_json)


def _confirm(question: str) -> None:
    """Ask; anything but a yes, also the end of the input, ends the command with nothing sent."""
    try:
        said = click.prompt(question, default="n", show_default=False, prompt_suffix=" [y/N]：", err=True)
    except click.Abort:
        click.echo(err=True)
        said = "n"
    if said.strip().lower() not in ("y", "yes", "是"):
        click.echo("没有发送", err=True)
        sys.exit(NOT_SENT)


@contextmanager
def _sending(interrupted: str = _ORDER_INTERRUPTED) -> Iterator[None]:
    """While something may be on its way, an interrupt leaves its outcome unknown."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(interrupted, err=True)
        sys.exit(IN_DOUBT)


def _after(user: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or the refusal that followed it: counters often take an order and refuse it a moment later."""
    if answer["entrust_no"] <= 0:
        return answer
    try:
        user.drain()
        order = user.order(answer["entrust_no"])
    except (EasytraderQmtError, KeyboardInterrupt) as error:
        # It has been sent and taken: whatever goes wrong from here on must not read as "not sent".
        click.echo(f"柜台已受理，但没有查到之后的状态：{error or '已中断'}；请用 orders 查询", err=True)
        return answer
    if order is None or order["order_status"] != JUNK:
        return answer
    return {"entrust_no": -1, "message": order["status_msg"]}


def _tell(answer: dict[str, Any], as_json: bool) -> None:
    accepted = answer["entrust_no"] > 0
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif accepted:
        click.echo(f"已报，委托编号 {answer['entrust_no']}")
    else:
        click.echo(f"柜台拒绝：{answer['message']}", err=True)
    sys.exit(SUCCESS if accepted else REFUSED)


@click.command(cls=ChineseCommand, epilog=_EPILOG)
@click.argument("security", metavar="代码")
@click.argument("amount", metavar="数量", type=int)
@_order_options
@connection_options
def buy(security: str, amount: int, **words: Any) -> None:
    """买入；数量的单位是股。"""
    _send("buy", security, amount, words)


@click.command(cls=ChineseCommand, epilog=_EPILOG)
@click.argument("security", metavar="代码")
@click.argument("amount", metavar="数量", type=int)
@_order_options
@connection_options
def sell(security: str, amount: int, **words: Any) -> None:
    """卖出；数量的单位是股。"""
    _send("sell", security, amount, words)


@click.command(cls=ChineseCommand, epilog=_CANCEL_EPILOG)
@click.argument("entrust_no", metavar="[委托编号]", required=False)
@click.option("--sysid", default=None, help="柜台合同编号（手工委托没有委托编号）；需要 --market")
@click.option("--market", default=None, help="合同编号所在市场：SH、SZ、BJ")
@click.option("--all", "everything", is_flag=True, help="撤掉所有能撤的委托")
@click.option("--security", default=None, help="与 --all 一起：只撤这个证券的")
@connection_options
def cancel(
    entrust_no: str | None,
    sysid: str | None,
    market: str | None,
    everything: bool,
    security: str | None,
    **given: Any,
) -> None:
    """撤单：给出委托编号，或 --sysid 与 --market，或 --all。"""
    if [entrust_no is not None, sysid is not None, everything].count(True) != 1:
        raise click.UsageError("请给出委托编号，或 --sysid 与 --market，或 --all（三者选一）")
    if (sysid is None) != (market is None):
        raise click.UsageError("--sysid 和 --market 要一起给出")
    if security is not None and not everything:
        raise click.UsageError("--security 只和 --all 一起用")
    with connected(given, unsent=NOT_SENT) as user, _sending(_CANCEL_INTERRUPTED):
        if everything:
            answers = user.cancel_all(security)
        elif sysid is not None:
            answers = [user.cancel_sysid(sysid, market)]
        else:
            answers = [user.cancel_entrust(entrust_no)]
    for answer in answers:
        number = answer.get("entrust_no") or answer.get("order_sysid") or entrust_no or sysid
        click.echo(f"{number}: {'已发出撤单' if answer['success'] else '撤单失败'}，{answer['message']}")
    if not answers:
        click.echo("没有可撤的委托")
    if any(answer["message"].startswith(UNKNOWN_CANCEL) for answer in answers):
        sys.exit(IN_DOUBT)
    sys.exit(SUCCESS if all(answer["success"] for answer in answers) else FAILED)


COMMANDS = (buy, sell, cancel)
