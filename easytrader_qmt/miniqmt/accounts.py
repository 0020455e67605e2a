"""Several accounts on one connection, and what the terminal says of accounts, new issues and transfers.

Never opens a second connection for a second account.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidArgument, QueryFailed, shown
from easytrader_qmt.events import Handlers
from easytrader_qmt.miniqmt import credit_fields as tables
from easytrader_qmt.miniqmt import ipo, subscriptions, sync
from easytrader_qmt.miniqmt.connected import ConnectedTrader
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded
from easytrader_qmt.miniqmt.hearing import Hearing, Hearings
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.names import name_of
from easytrader_qmt.miniqmt.options import account_number
from easytrader_qmt.miniqmt.options import account_type as kind_of_account
from easytrader_qmt.miniqmt.session import SessionFailed
from easytrader_qmt.order_rules import MAX_MONEY, as_written
from easytrader_qmt.records import Records, rows

Self = TypeVar("Self", bound="AccountVerbs")

_TRANSFER_UNKNOWN = "划拨结果未知：没有得到有效的回答，资金可能已经划转；请先核对两边的资金，再决定是否重做"


class AccountVerbs(ConnectedTrader):
    """What a facade can do about accounts as such."""

    _clock: Clock

    def add_account(self: Self, stock_account: Any = None, account_type: str = "STOCK") -> Self:
        """A facade for one more account on this connection: same session, supervisor and dispatcher.

        Its handlers hear of its account; ``exit()`` on it ends only it, ``exit()`` here ends all. The account is
        subscribed and asked for its state now, and again after each reconnect. Raises InvalidArgument,
        NotConnected, and QueryFailed when the terminal does not know the account.
        """
        if self._shared:
            raise InvalidArgument("add_account 请在最初 connect 的对象上调用，而不是在添加出来的账户对象上")
        connection = self._live()
        assert self._options is not None
        assert self._hearings is not None
        kind = kind_of_account(account_type)
        number = account_number(self._default_account(kind) if stock_account is None else stock_account)
        account = self._vendor_account(number, kind)
        there = f"账户 {self._shown(number)}（{kind}）已经在这个连接上"
        if connection.has(account):
            raise InvalidArgument(there)
        options = replace(self._options, stock_account=number, account_type=kind, trader_callback=False)
        made = self._sibling()
        hearing = Hearing(made._handlers, False, self._shown, account)
        hearings = self._hearings
        made._leave = partial(self._left, made, hearings, hearing)
        try:
            made._take(connection, options, account, hearing)
            if not connection.add(account):
                raise InvalidArgument(there)
        except BaseException as error:
            made.exit()
            if isinstance(error, (SessionFailed, ConnectionLost)):
                raise QueryFailed(f"添加账户 {self._shown(number)} 失败：{error}") from None
            raise
        with self._holding:  # several threads may add accounts, or end them, at once
            hearings.add(hearing)
            self._added.append(made)
        return made

    def _sibling(self: Self) -> Self:
        """A facade of the same class on the same vendor layer, without a connection of its own."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._handlers, made._added, made._hearings, made._shared = Handlers(), [], None, True
        made._side = made._connection = made._options = made._account = None
        return made

    def _left(self, made: ConnectedTrader, hearings: Hearings, hearing: Hearing) -> None:
        """An account that was added has ended."""
        with self._holding:
            hearings.remove(hearing)
            self._added = [each for each in self._added if each is not made]

    def _default_account(self, account_type: str) -> Any:
        """The account meant when none is named; only a simulated terminal has one."""
        return None

    @property
    def account_status(self) -> Records:
        """The status of every account the terminal knows. Raises NotConnected, QueryFailed."""
        found = rows(tables.ACCOUNT_STATUS, self._asked("query_account_status", "账户状态"))
        for row in found:
            row["status_name"] = name_of("account_status", row["status"])
        return found

    @property
    def account_infos(self) -> Records:
        """Every account the terminal knows. Raises NotConnected, QueryFailed."""
        return rows(tables.ACCOUNT_INFOS, self._asked("query_account_infos", "账户信息"))

    @property
    def ipo_data(self) -> Records:
        """Today's new issues of stocks and bonds; prices in yuan, amounts in shares. Raises as the queries do."""
        found = self._asked("query_ipo_data", "新股信息")
        if isinstance(found, dict):
            return Records([ipo.row_of(code, fields) for code, fields in found.items()], tables.IPO_DATA)
        return rows(tables.IPO_DATA, found)

    @property
    def purchase_limit(self) -> dict[str, int]:
        """How many shares of new issues the account may subscribe to, by market: SH, SZ, KCB (科创板)."""
        return ipo.purchase_limits(self._live(), self._account)

    def auto_ipo(self) -> list[dict[str, Any]]:
        """Subscribe to all of today's issues up to the limits; one answer for each, as ``batch`` gives them.

        An answer also has ``code`` and ``amount``.

        However often it is called, each issue is subscribed to once a day: the journal keeps it. One that the
        counter refused is tried again by the next call. None leaves while the counter lists an order for the
        issue that is not this program's, such as one placed by hand, or while the counter cannot be asked.
        Raises as the queries do; what goes wrong with one issue is its answer and stops no other.
        """
        return subscriptions.subscribe_all(
            self._own(), self.ipo_data, self.purchase_limit, self._clock,
            lambda: self._live().ask("query_stock_orders", self._account, False),
        )  # fmt: skip

    def fund_transfer(self, direction: int, amount: float) -> dict[str, Any]:
        """Move ``amount`` yuan between counters or nodes: 510 to 513 in the vendor's ``transfer_direction``.

        ``{'success': bool, 'message': str}``. Never repeated by itself: when no answer came, ``message`` says
        so, and that the money may have moved. Raises InvalidArgument, NotConnected.
        """
        chosen = as_written(direction)
        if chosen is None or chosen not in (510, 511, 512, 513):
            raise InvalidArgument(
                f"direction={shown(direction)} 无效，可选：510 普通到极速、511 极速到普通、512 沪到深、513 深到沪"
            )
        yuan = as_written(amount)
        if yuan is None or not 0 < yuan < MAX_MONEY:
            raise InvalidArgument(f"amount={shown(amount)} 无效：应为大于 0、小于 1 万亿的金额（元）")
        session = self._live().ready()
        try:
            success, message = session.query("fund_transfer", self._account, int(chosen), float(yuan))
        except Exception as error:
            # Some of the vendor's layer chokes on answers it did not expect: whatever came, nobody knows.
            why = str(error)
            if not isinstance(error, (DeadlineExceeded, ConnectionLost)):
                why = f"xtquant 抛出 {type(error).__name__}：{error}"
            return {"success": False, "message": f"{_TRANSFER_UNKNOWN}（{why}）"}
        return {"success": bool(success), "message": str(message or ("success" if success else "failed"))}

    def _asked(self, name: str, what: str) -> Any:
        return sync.answer_of(self._live().ready(), name, self._account, what)
