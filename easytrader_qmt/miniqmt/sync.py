"""Asks a session for an account's whole state and says whether the answers can be believed.

Never shows a failed query as an empty one: an empty list counts only between two asset queries that answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from easytrader_qmt.errors import QueryFailed, shown
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, countdown
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.session import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot:
    """Complete answers about one account: the vendor's own objects, in the lists they came in.

    Nobody changes those lists. A copy would touch each of ten thousand objects before the connection is READY.
    """

    account_id: str
    asset: Any
    positions: Sequence[Any]
    orders: Sequence[Any]
    trades: Sequence[Any]
    account_type: Any = None


def snapshot(session: Session, account: Any, timeout: float | None = None) -> Snapshot:
    """Asset, positions and orders, then trades: they are asked for last, so that no order is without its trades.

    The first three are sent at once; each may take ``timeout`` seconds (None: as any query), from the moment
    on when the one before was answered. Raises QueryFailed when any of them has no believable answer.
    """
    ask = [_sent(session, name, account, timeout) for name in (_ASSET, _POSITIONS, _ORDERS)]
    asset = _known(ask[0]())

    def each() -> float | None:
        return timeout

    found = {
        name: _list(session, name, account, first=first, left=each)
        for name, first in zip((_POSITIONS, _ORDERS), ask[1:], strict=True)
    }
    # What was sent together with the asset may have been answered before it: an empty list is asked for anew.
    names = [*(name for name in found if not found[name]), _TRADES]
    sent = [_sent(session, name, account, timeout) for name in names]
    for name, first in zip(names, sent, strict=True):
        found[name] = _list(session, name, account, first=first, left=each)
    positions, orders, trades = found[_POSITIONS], found[_ORDERS], found[_TRADES]
    if not (positions and orders and trades):
        asset = asset_of(session, account, timeout)
    kind = getattr(account, "account_type", None)
    return Snapshot(account.account_id, asset, positions, orders, trades, kind)


def asset_of(session: Session, account: Any, timeout: float | None = None) -> Any:
    """The account's asset object. Raises QueryFailed when the terminal has none to give."""
    return _known(asked(lambda: session.query(_ASSET, account, timeout=timeout), _WHAT[_ASSET]))


def _known(asset: Any) -> Any:
    # An asset and nothing else: a bridge may say no with a number, and that proves no list empty.
    if not hasattr(asset, "cash"):
        raise QueryFailed("资产查询失败：终端没有返回该账户的资产（账户未登录、未订阅或连接已断开）")
    return asset


def list_of(session: Session, name: str, account: Any, *args: Any) -> list[Any]:
    """A list query whose emptiness has been proved, all of it within one deadline. Raises QueryFailed."""
    left = countdown(session.call_timeout)
    return _proved(session, account, left, lambda: _list(session, name, account, *args, left=left))


def answer_of(session: Session, name: str, account: Any, what: str, *args: Any) -> Any:
    """Another query's answer, under the same rule as a list's. Raises QueryFailed."""
    left = countdown(session.call_timeout)

    def ask() -> Any:
        answer = asked(lambda: session.query(name, *args, timeout=left()), what)
        if not isinstance(answer, (list, tuple, dict)):
            raise _no_answer(what, answer)
        return answer

    return _proved(session, account, left, ask)


def _proved(session: Session, account: Any, left: Callable[[], float], ask: Callable[[], T]) -> T:
    """The answer of ``ask``; an empty one only when it came between two assets.

    One asset behind it proves nothing: an account that is logged out has empty lists, and its login may
    come between the list and the asset.
    """
    answer = ask()
    if answer:
        return answer
    asset_of(session, account, left())
    answer = ask()
    if not answer:
        asset_of(session, account, left())
    return answer


def _no_answer(what: str, answer: object) -> QueryFailed:
    return QueryFailed(
        f"{what}查询失败：终端返回 {shown(answer)}，这不等于没有{what}；请稍后重试或检查终端登录状态"
    )


def _list(
    session: Session,
    name: str,
    account: Any,
    *args: Any,
    first: Callable[[], Any] | None = None,
    left: Callable[[], float | None],
) -> list[Any]:
    """A list query's answer; ``first`` waits for that of a query that was sent already.

    ``left`` says how many seconds the next query may take.
    """
    what = _WHAT.get(name, name)

    def query() -> Any:
        return session.query(name, account, *args, timeout=left())

    answer = asked(query, what) if first is None else first()
    if answer is None:
        # Reads may be retried: one more time, because None is also what a terminal says while it logs in.
        answer = asked(query, what)
    if type(answer) is list:
        return answer
    if not isinstance(answer, (list, tuple)):
        raise _no_answer(what, answer)
    return list(answer)


def named(
    shown: Callable[[str], str], ask: Callable[..., T], session: Session, account: Any, *args: Any
) -> T:
    """``ask(session, account, *args)`` as one of several accounts. Raises QueryFailed, which says of which.

    One account that does not answer takes the connection away from all of them.
    """
    try:
        return ask(session, account, *args)
    except QueryFailed as error:
        raise QueryFailed(f"{error}；账户 {shown(account.account_id)}") from error


def _sent(session: Session, name: str, account: Any, timeout: float | None) -> Callable[[], Any]:
    """Send a query; what is returned waits for its answer. Both raise QueryFailed."""
    what = _WHAT[name]
    answer = asked(lambda: session.ask(name, account, timeout=timeout), what)
    return lambda: asked(answer, what)


def asked(query: Callable[[], T], what: str) -> T:
    """The answer of a query, every way of not answering turned into QueryFailed."""
    try:
        return query()
    except DeadlineExceeded as error:
        raise QueryFailed(f"{what}查询超时：{error}；连接可能已失去响应，可稍后重试") from None
    except ConnectionLost as error:
        raise QueryFailed(f"{what}查询失败：{error}，等待重连后再试") from None
    except Exception as error:
        # Some of the vendor's layer chokes on answers it did not expect; that is no answer either.
        raise QueryFailed(f"{what}查询失败：xtquant 抛出 {type(error).__name__}：{error}") from error


_ASSET, _POSITIONS, _ORDERS, _TRADES = (
    f"query_stock_{name}" for name in ("asset", "positions", "orders", "trades")
)
_WHAT = {_ASSET: "资产", _POSITIONS: "持仓", _ORDERS: "委托", _TRADES: "成交"}
