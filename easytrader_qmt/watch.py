"""A live screen of one account: state, money, positions, orders and the last events, redrawn from pushes.

Never sends an order; it asks again only when something was pushed or a second has passed.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from easytrader_qmt.clock import SHANGHAI
from easytrader_qmt.drawing import cell
from easytrader_qmt.errors import EasytraderQmtError
from easytrader_qmt.events import EVENTS
from easytrader_qmt.miniqmt import policy
from easytrader_qmt.records import Records

_ROWS = 12
_EVENTS = 8
_COLUMNS = {
    "asset": ("account_id", "total_asset", "cash", "frozen_cash", "market_value"),
    "position": (
        "stock_code",
        "instrument_name",
        "volume",
        "can_use_volume",
        "avg_price",
        "last_price",
        "float_profit",
    ),
    "order": (
        "stock_code",
        "order_id",
        "order_type_name",
        "price",
        "order_volume",
        "traded_volume",
        "order_status_name",
    ),
}
"""What fits on a screen of 80 columns."""
_NAMES = {
    "order": "委托",
    "trade": "成交",
    "asset": "资金",
    "position": "持仓",
    "order_error": "下单失败",
    "cancel_error": "撤单失败",
    "account_status": "账户状态",
    "state": "连接",
    "in_doubt": "未知委托",
}


class Screen:
    """What is drawn, kept up by the events of a trader."""

    def __init__(self, user: Any) -> None:
        self._user = user
        self._events: deque[str] = deque(maxlen=_EVENTS)
        self.changed = threading.Event()
        for name in EVENTS:
            user.on(name, lambda row, name=name: self._heard(name, row))

    def _heard(self, name: str, row: dict[str, Any]) -> None:
        now = datetime.now(SHANGHAI).strftime("%H:%M:%S")
        self._events.append(
            f"{now} {_NAMES[name]}{'（补报）' if row.get('recovered') else ''} {_line(name, row)}"
        )
        self.changed.set()

    def draw(self) -> RenderableType:
        """The whole screen, from fresh queries."""
        try:
            parts: list[RenderableType] = [
                _panel("资金", self._user.balance),
                _panel("持仓", self._user.position),
                _panel("委托", self._user.today_entrusts),
            ]
        except EasytraderQmtError as error:
            parts = [Panel(Text(str(error)), title="没有数据", border_style="red")]
        head = Text(
            f"{self._user!r}    {datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}    Ctrl+C 结束", style="bold"
        )
        events = Text("\n".join(reversed(self._events)) or "还没有事件")
        return Group(head, *parts, Panel(events, title="最近的事件"))


def watch_screen(user: Any, seconds: float | None = None, console: Console | None = None) -> None:
    """Draw until ``seconds`` have passed, or until interrupted. Raises InvalidArgument for no such number."""
    if seconds is not None:
        seconds = policy.seconds("seconds", seconds)
    screen = Screen(user)
    over = threading.Event()
    timer = threading.Timer(seconds, over.set) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        with Live(screen.draw(), console=console, auto_refresh=False, screen=False) as live:
            while not over.is_set():
                # At least one redraw a second, so that a dead connection shows; at most ten, so that a busy one reads.
                screen.changed.wait(1.0 if seconds is None else min(1.0, seconds))
                screen.changed.clear()
                live.update(screen.draw(), refresh=True)
                over.wait(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        if timer is not None:
            timer.cancel()


def _panel(title: str, records: Records) -> Panel:
    table = Table(expand=True, box=None, pad_edge=False)
    shown = records[-_ROWS:]
    wanted = _COLUMNS[records.kind]
    columns = sorted(
        (column for column in records.table.columns if column.key in wanted),
        key=lambda column: wanted.index(column.key),
    )
    for column in columns:
        numeric = column.dtype == "float" or column.look == "count"
        table.add_column(column.heading, justify="right" if numeric else "left", no_wrap=True)
    for row in shown:
        table.add_row(*(cell(column, row.get(column.key)) for column in columns))
    more = f"（最近 {_ROWS} 行，共 {len(records)} 行）" if len(records) > _ROWS else f"（{len(records)} 行）"
    return Panel(table, title=title + more)


def _line(name: str, row: dict[str, Any]) -> str:
    if name == "order":
        return (
            f"{row['stock_code']} {row['order_type_name']} {row['traded_volume']}/{row['order_volume']} "
            f"{row['order_status_name']}"
        )
    if name == "trade":
        return (
            f"{row['stock_code']} {row['order_type_name']} {row['traded_volume']} @ {row['traded_price']:g}"
        )
    if name == "state":
        return f"{row['previous']} → {row['state']} {row['reason']}"
    if name in ("order_error", "cancel_error"):
        return f"{row['order_id']} {row['error_msg']}"
    if name == "position":
        return f"{row['stock_code']} {row['volume']}"
    if name == "asset":
        return f"可用 {row['cash']:,.2f} 总资产 {row['total_asset']:,.2f}"
    return str({key: value for key, value in row.items() if key != "account_id"})
