"""The commands that trade: buy, sell, cancel. The exit status says what became of the order.

Never sends without a confirmation unless ``--yes`` is given, and never sends twice.
"""

from __future__ import annotations

import json
import re
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
    WRONG_USAGE,
    connected,
    connection_options,
    fail,
)
from easytrader_qmt.errors import EasytraderQmtError, InvalidOrder
from easytrader_qmt.miniqmt.cancels import UNKNOWN_CANCEL, counter_number, entrust_number, market_number
from easytrader_qmt.miniqmt.names import name_of
from easytrader_qmt.miniqmt.order_watch import JUNK
from easytrader_qmt.orders import Action, OrderRequest
from easytrader_qmt.securities import parse

_ORDER_INTERRUPTED = "已中断：可能已经发出，结果未知。请勿重发，先用 orders 查询"
_CANCEL_INTERRUPTED = "已中断：撤单可能只发出了一部分；请用 orders 查询，必要时再撤一次（重复撤单是安全的）"
_POSITIVE = "应为正整数"
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


def _send(verb: Action, security: str, amount: int, words: dict[str, Any]) -> None:
    price, at_market = words.pop("price"), words.pop("at_market")
    if (price is None) != at_market:
        raise click.UsageError("请给出 --price，或者用 --market 下市价委托（二者选一）")
    yes, as_json = words.pop("yes"), words.pop("as_json")
    ttype, protect = words.pop("ttype"), words.pop("protect_price")
    if not at_market and (ttype is not None or protect is not None):
        raise click.UsageError("--ttype 和 --protect-price 只和 --market 一起用")
    terms = {
        "strategy_name": words.pop("strategy"),
        "remark": words.pop("remark"),
        "client_order_id": words.pop("client_order_id"),
    }
    terms = {name: value for name, value in terms.items() if value is not None}
    with connected(words, unsent=NOT_SENT) as user:
        with _checking():
            if at_market:
                extra = {} if protect is None else {"protect_price": protect}
                request = user._market_request(verb, security, amount, ttype, {**extra, **terms})
            else:
                request = user._limit_request(verb, security, price, amount, terms)
        if isinstance(request, OrderRequest):  # otherwise its id has been used, and nothing is sent
            said = _terms(request, protect if at_market else price)
            if not yes:
                _confirm(f"{user!r}\n{said}，确认发送？")
            elif _moved(request, protect if at_market else price):
                click.echo(said, err=True)
        with _sending():
            answer = user._place(request)
        _tell(_after(user, answer), as_json)


@contextmanager
def _checking() -> Iterator[None]:
    """While the order is put together nothing can be on its way; one that cannot be right is wrong usage."""
    try:
        yield
    except InvalidOrder as error:
        fail(error, WRONG_USAGE)
    except KeyboardInterrupt:
        click.echo("已中断，没有发送", err=True)
        sys.exit(NOT_SENT)


def _terms(request: OrderRequest, asked: float | None) -> str:
    """What will be sent, in words, down to the last digit of its price."""
    board = request.security.board
    name = {"buy": "买入", "sell": "卖出"}[request.action]
    amount = f"{name} {request.stock_code}，{request.amount} {board.unit}"
    price = _yuan(request)
    if _moved(request, asked):
        price += f"（由 {asked!r} 调整）"
    if not request.is_market:
        return f"{amount}，{price}"
    kind = f"市价（{name_of('price_type', request.price_type)}）"
    return f"{amount}，{kind}，保护限价 {price}" if request.price else f"{amount}，{kind}"


def _yuan(request: OrderRequest) -> str:
    # A tick has as many decimals as its price can have; fewer than two look like a typing error.
    exponent = request.security.board.tick.normalize().as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    number = f"{request.price:.{decimals}f}"
    return f"年利率 {number}%" if request.security.board.kind == "repo" else f"{number} 元"


def _moved(request: OrderRequest, asked: float | None) -> bool:
    """Whether the price is not the one that was asked for."""
    return asked is not None and request.price != asked


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


def _positive(ctx: click.Context, param: click.Parameter, amount: int) -> int:
    if amount <= 0:
        raise click.BadParameter(_POSITIVE, ctx, param)
    return amount


class _OrderCommand(ChineseCommand):
    """A command that takes an amount: a negative one looks like an option to click."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, but what begins with a minus and a digit was meant as the amount."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if re.fullmatch(r"-[\d.]", error.option_name) is None:
                raise
            raise click.BadParameter(_POSITIVE, ctx, param_hint="'数量'") from None


@click.command(cls=_OrderCommand, epilog=_EPILOG)
@click.argument("security", metavar="代码")
@click.argument("amount", metavar="数量", type=int, callback=_positive)
@_order_options
@connection_options
def buy(security: str, amount: int, **words: Any) -> None:
    """买入；数量的单位：股票是股，基金是份，债券、可转债和国债逆回购是张。"""
    _send("buy", security, amount, words)


@click.command(cls=_OrderCommand, epilog=_EPILOG)
@click.argument("security", metavar="代码")
@click.argument("amount", metavar="数量", type=int, callback=_positive)
@_order_options
@connection_options
def sell(security: str, amount: int, **words: Any) -> None:
    """卖出；数量的单位：股票是股，基金是份，债券、可转债和国债逆回购是张。"""
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
    with _checking():
        if security is not None:
            parse(security)
        elif sysid is not None:
            counter_number(sysid)
            market_number(market)
        elif entrust_no is not None:
            entrust_number(entrust_no)
    with connected(given, unsent=NOT_SENT) as user, _sending(_CANCEL_INTERRUPTED):
        if everything:
            answers = user.cancel_all(security)
        elif sysid is not None:
            answers = [user.cancel_sysid(sysid, market)]
        else:
            answers = [user.cancel_entrust(entrust_no)]
    for answer in answers:
        number = answer.get("entrust_no") or answer.get("order_sysid") or entrust_no or sysid
        click.echo(f"{number}: {_became(answer)}")
    if not answers:
        click.echo("没有可撤的委托")
    if any(answer["message"].startswith(UNKNOWN_CANCEL) for answer in answers):
        sys.exit(IN_DOUBT)
    sys.exit(SUCCESS if all(answer["success"] for answer in answers) else FAILED)


def _became(answer: dict[str, Any]) -> str:
    message = str(answer["message"])
    if not answer["success"]:
        return f"撤单失败，{message}"
    if message == "success":
        return "已发出撤单"
    # What the counter said of a cancel that was not needed only looks like a failure.
    return message.partition("；")[0].replace("委托已是已撤", "委托已撤")


COMMANDS = (buy, sell, cancel)
