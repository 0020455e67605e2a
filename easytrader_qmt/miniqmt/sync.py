"""Asks a session for an account's whole state and says whether the answers can be believed.

Never shows a failed query as an empty one: an empty list counts only while an asset query answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from easytrader_qmt.errors import QueryFailed, shown
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded
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
    """Asset, positions and orders, then trades: trades last, so that none is older than its order.

    The first three are sent at once; each may take ``timeout`` seconds (None: as any query), from the moment
    on when the one before was answered. Raises QueryFailed when any of them has no believable answer.
    """
    ask = [_sent(session, name, account, timeout) for name in (_ASSET, _POSITIONS, _ORDERS)]
    asset = _known(ask[0]())
    positions = _list(session, _POSITIONS, account, first=ask[1], timeout=timeout)
    orders = _list(session, _ORDERS, account, first=ask[2], timeout=timeout)
    trades = _list(session, _TRADES, account, timeout=timeout)
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
    """A list query whose emptiness has been proved by an asset query. Raises QueryFailed."""
    answer = _list(session, name, account, *args)
    if not answer:
        asset_of(session, account)
    return answer


def answer_of(session: Session, name: str, account: Any, what: str, *args: Any) -> Any:
    """Another query's answer, under the same rule as a list's. Raises QueryFailed."""
    answer = asked(lambda: session.query(name, *args), what)
    if not isinstance(answer, (list, tuple, dict)):
        raise _no_answer(what, answer)
    if not answer:
        asset_of(session, account)
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
    timeout: float | None = None,
) -> list[Any]:
    """A list query's answer; ``first`` waits for that of a query that was sent already."""
    what = _WHAT.get(name, name)

    def query() -> Any:
        return session.query(name, account, *args, timeout=timeout)

    answer = asked(query, what) if first is None else first()
    if answer is None:
        # Reads may be retried: one more time, because None is also what a terminal says while it logs in.
        answer = asked(query, what)
    if type(answer) is list:
        return answer
    if not isinstance(answer, (list, tuple)):
        raise _no_answer(what, answer)
    return list(answer)


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
