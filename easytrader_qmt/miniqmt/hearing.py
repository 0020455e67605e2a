"""Turns what a connection hears into calls of the user's callback and handlers.

Runs on the dispatcher thread only; never talks to the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loguru import logger

from easytrader_qmt.events import Handlers
from easytrader_qmt.miniqmt.default_callback import DefaultXtQuantTraderCallback, deliver
from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.miniqmt.names import account_health, name_of
from easytrader_qmt.miniqmt.policy import State, StateChange
from easytrader_qmt.records import row
from easytrader_qmt.row_builders import users_words

_EVENT_OF = {
    "on_stock_order": "order",
    "on_stock_trade": "trade",
    "on_stock_asset": "asset",
    "on_stock_position": "position",
    "on_order_error": "order_error",
    "on_cancel_error": "cancel_error",
    "on_account_status": "account_status",
}
_PLAIN = {
    "order_error": ("order_id", "error_id", "error_msg", "strategy_name", "order_remark"),
    "cancel_error": ("order_id", "market", "order_sysid", "error_id", "error_msg"),
    "account_status": ("status",),
}


class Hearings:
    """Everybody who hears one connection: the facade that opened it, and those of the accounts added later."""

    def __init__(self, first: Hearing) -> None:
        self._hearings: tuple[Hearing, ...] = (first,)

    def add(self, hearing: Hearing) -> None:
        """One more facade hears from now on."""
        self._hearings = (*self._hearings, hearing)

    def remove(self, hearing: Hearing) -> None:
        """A facade hears no more."""
        self._hearings = tuple(each for each in self._hearings if each is not hearing)

    def arrived(self, method: str, args: tuple[Any, ...]) -> None:
        """As Hearing's; said once."""
        self._hearings[0].arrived(method, args)

    def heard(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        """As Hearing's; each facade's handlers hear of its own account."""
        for hearing in self._hearings:
            hearing.heard(method, args, recovered)

    def state_changed(self, change: StateChange) -> None:
        """As Hearing's; everybody hears it."""
        for hearing in self._hearings:
            hearing.state_changed(change)


class Hearing:
    """One facade's side of the events of a connection.

    Its handlers hear of its own account. ``callback`` hears of every account, as the vendor's would; None is
    the default one, False is none.
    """

    def __init__(
        self, handlers: Handlers, callback: Any, shown: Callable[[str], str], account: Any = None
    ) -> None:
        self._handlers = handlers
        self._callback = DefaultXtQuantTraderCallback() if callback is None else callback
        self._shown = shown
        self._account = account
        self._statuses: dict[str, Any] = {}
        self.remarks: Callable[[], Mapping[str, str]] = dict

    def arrived(self, method: str, args: tuple[Any, ...]) -> None:
        """A push came: an account's status is logged at once, because it may be why nothing gets READY."""
        if method == "on_account_status":
            self._log_status(args[0])

    def heard(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        """A push that is news: the vendor's own object to the callback, a row to the handlers."""
        event = _EVENT_OF.get(method)
        deliver(self._callback, method, args)
        if event is not None and self._handlers.wanted(event) and self._is_mine(args[0]):
            made = event_row(event, args[0], self.remarks())
            self._handlers.emit(event, {**made, "recovered": recovered})

    def _is_mine(self, record: Any) -> bool:
        if self._account is None:
            return True
        number, kind = text(record, "account_id"), getattr(record, "account_type", None)
        return number in ("", self._account.account_id) and kind in (None, 0, self._account.account_type)

    def tell_doubt(self, found: dict[str, Any]) -> None:
        """An order in doubt was cleared up."""
        self._handlers.emit("in_doubt", {**found, "recovered": False})

    def state_changed(self, change: StateChange) -> None:
        """A step of the connection; the callback hears it as on_connected and on_disconnected."""
        if change.state is State.READY:
            deliver(self._callback, "on_connected", ())
        elif change.state is State.LOST and change.previous is State.READY:
            deliver(self._callback, "on_disconnected", ())
        if self._handlers.wanted("state"):
            self._handlers.emit(
                "state",
                {
                    "state": str(change.state),
                    "previous": str(change.previous),
                    "reason": change.reason,
                    "attempt": change.attempt,
                    "next_attempt_in": change.next_attempt_in,
                    "recovered": False,
                },
            )

    def _log_status(self, status: Any) -> None:
        """Each change of an account's status in one line; what is pushed again and again is said once."""
        account = text(status, "account_id")
        if self._statuses.get(account) == status.status:
            return
        self._statuses[account] = status.status
        health = account_health(status.status)
        say = logger.warning if health == "bad" else logger.info
        say("账户 {} 状态: {} {}", self._shown(account), status.status,
            name_of("account_status", status.status))  # fmt: skip


def event_row(event: str, record: Any, remarks: Mapping[str, str]) -> dict[str, Any]:
    """The row of an event: that of the matching query, or the vendor's fields where no query matches."""
    names = _PLAIN.get(event)
    if names is None:
        return row(event, record, remarks)
    made = {name: _field(record, name) for name in names}
    if "order_remark" in made:
        made["order_remark"] = users_words(remarks)(text(record, "order_remark"))
    if event == "account_status":
        made["status_name"] = name_of("account_status", made["status"])
    return {**made, "account_type": _field(record, "account_type"), "account_id": text(record, "account_id")}


def _field(record: Any, name: str) -> Any:
    try:
        return getattr(record, name, None)
    except UnicodeDecodeError:
        return None
