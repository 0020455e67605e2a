"""A live screen of one account: state, money, positions, orders and the last events, redrawn from pushes.

Never sends an order; it asks again only when something was pushed or a second has passed.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from rich.console import Console, Group, RenderableType
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from easytrader_qmt.clock import SHANGHAI
from easytrader_qmt.drawing import MOST_WANTED, cell
from easytrader_qmt.errors import EasytraderQmtError
from easytrader_qmt.events import EVENTS
from easytrader_qmt.miniqmt import policy
from easytrader_qmt.records import Records

_ROWS = 12
_EVENTS = 8
_LINES = 2 * _EVENTS
_FRAME = 13
"""Lines of a screen beside the rows: two of the head, two borders of each of four panels, three headings."""
_TABLES = 7
"""Those of them that are not drawn where there are no tables: two panels' borders and the headings."""
_EDGES = 4
"""Cells of a panel's line that its borders take."""
_COLUMNS = 7
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
    """What is drawn, kept up by the events of a trader until ``close``."""

    def __init__(self, user: Any, console: Console) -> None:
        self._user = user
        self._console = console
        self._events: deque[str] = deque(maxlen=_EVENTS)
        self.changed = threading.Event()
        self._heard_by = [user.on(name, lambda row, name=name: self._heard(name, row)) for name in EVENTS]

    def close(self) -> None:
        """Hear no more."""
        for one in self._heard_by:
            one.cancel()

    def _heard(self, name: str, row: dict[str, Any]) -> None:
        now = datetime.now(SHANGHAI).strftime("%H:%M:%S")
        self._events.append(
            f"{now} {_NAMES[name]}{'（补报）' if row.get('recovered') else ''} {_line(name, row)}"
        )
        self.changed.set()

    def draw(self) -> RenderableType:
        """The whole screen, from fresh queries, no higher than the console."""
        heading = f"{self._user!r}\n{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}    Ctrl+C 结束"
        head = Text(heading, style="bold", no_wrap=True, overflow="ellipsis")
        events = self._event_lines()
        try:
            money, held, orders = self._user.balance, self._user.position, self._user.today_entrusts
        except EasytraderQmtError as error:
            why = self._lines(str(error))
            [event_rows] = _shared_out(self._room(len(why) - _TABLES), [len(events)])
            wrong = Panel(Group(*why), title="没有数据", border_style="red")
            return Group(head, wrong, _event_panel(events[:event_rows]))
        wanted = [min(len(held), _ROWS), min(len(orders), _ROWS), len(events)]
        held_rows, order_rows, event_rows = _shared_out(self._room(len(money)), wanted)
        return Group(
            head,
            _panel("资金", money, _ROWS),
            _panel("持仓", held, held_rows),
            _panel("委托", orders, order_rows),
            _event_panel(events[:event_rows]),
        )

    def _room(self, money_rows: int) -> int:
        """How many lines are left for positions, orders and events; what goes to a file has room for all."""
        if not self._console.is_terminal:
            return 2 * _ROWS + _LINES
        return self._console.height - _FRAME - money_rows

    def _event_lines(self) -> list[Text]:
        """The last events, newest first, in lines as wide as their panel."""
        lines = [line for event in reversed([*self._events]) for line in self._lines(event)]
        return lines[:_LINES] or [Text("还没有事件")]

    def _lines(self, text: str) -> list[Text]:
        return list(Text(text).wrap(self._console, max(20, self._console.width - _EDGES)))


def watch_screen(user: Any, seconds: float | None = None, console: Console | None = None) -> None:
    """Draw until ``seconds`` have passed, or until interrupted. Raises InvalidArgument for no such number."""
    if seconds is not None:
        seconds = policy.seconds("seconds", seconds)
    shown_on = console if console is not None else Console()
    screen = Screen(user, shown_on)
    over = threading.Event()
    timer = threading.Timer(seconds, over.set) if seconds is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    lock = threading.RLock()
    live = Live(console=shown_on, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    try:
        with _shown(live, lock):
            _redraw(live, screen.draw(), lock)
            while not over.is_set():
                # At least one redraw a second, so that a dead connection shows; at most ten, so that a busy one reads.
                screen.changed.wait(1.0 if seconds is None else min(1.0, seconds))
                screen.changed.clear()
                _redraw(live, screen.draw(), lock)
                over.wait(0.1)
    except KeyboardInterrupt:
        pass
    finally:
        screen.close()
        if timer is not None:
            timer.cancel()
        if not shown_on.is_terminal:
            shown_on.line()  # rich ends the last line of a screen only


class _Above(FileProxy):
    """A stream to the terminal while a live screen is there: its lines stand above the screen."""

    def __init__(self, console: Console, stream: IO[str], lock: threading.RLock) -> None:
        super().__init__(console, stream)
        self._lock = lock

    def write(self, text: str) -> int:
        with _whole(self._lock):
            return super().write(text)

    def flush(self) -> None:
        with _whole(self._lock):
            super().flush()


@contextmanager
def _shown(live: Live, lock: threading.RLock) -> Iterator[None]:
    """The live screen, with what others write to the terminal above it."""
    out, err = sys.stdout, sys.stderr
    try:
        with _whole(lock):
            live.start()
            if live.console.is_terminal:
                sys.stdout = _Above(live.console, out, lock)
                if err.isatty():  # what goes to a file does not disturb the screen
                    sys.stderr = _Above(live.console, err, lock)
        yield
    finally:
        with _whole(lock):
            try:
                live.stop()
            finally:
                # Not before: a line would stand in the middle of the screen.
                sys.stdout, sys.stderr = out, err


def _redraw(live: Live, drawn: RenderableType, lock: threading.RLock) -> None:
    with _whole(lock):
        live.update(drawn, refresh=True)


@contextmanager
def _whole(lock: threading.RLock) -> Iterator[None]:
    """One thread writes to the terminal at a time, and Ctrl+C waits until it has.

    rich counts the lines to go back first and writes later: what another thread writes in between, such as the
    end of the screen, would be drawn over from the wrong line, and an interrupted write would be as well.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        with lock:
            yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        with lock:
            yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


def _shared_out(room: int, wanted: list[int]) -> list[int]:
    """Lines for each part, one after another in turn until all have what they want; one at least."""
    given = [min(1, want) for want in wanted]
    left = room - sum(given)
    while left > 0 and any(have < want for have, want in zip(given, wanted, strict=True)):
        for at, want in enumerate(wanted):
            if given[at] < want and left > 0:
                given[at] += 1
                left -= 1
    return given


def _panel(title: str, records: Records, rows: int) -> Panel:
    table = Table(expand=True, box=None, pad_edge=False)
    shown = records[-rows:]
    wanted = MOST_WANTED[records.kind][:_COLUMNS]
    columns = sorted(
        (column for column in records.table.columns if column.key in wanted),
        key=lambda column: wanted.index(column.key),
    )
    for column in columns:
        numeric = column.dtype == "float" or column.look == "count"
        table.add_column(column.heading, justify="right" if numeric else "left", no_wrap=True)
    for row in shown:
        table.add_row(*(cell(column, row.get(column.key)) for column in columns))
    more = f"（最近 {rows} 行，共 {len(records)} 行）" if len(records) > rows else f"（{len(records)} 行）"
    return Panel(table, title=title + more)


def _event_panel(lines: list[Text]) -> Panel:
    return Panel(Group(*lines), title="最近的事件")


def _line(name: str, row: dict[str, Any]) -> str:
    if name == "order":
        return (
            f"{row['stock_code']} {row['order_type_name']} {row['traded_volume']}/{row['order_volume']} "
            f"{row['order_status_name']}"
        )
    if name == "trade":
        price = f"{row['traded_price']:.15g}"
        return f"{row['stock_code']} {row['order_type_name']} {row['traded_volume']} @ {price}"
    if name == "state":
        return f"{row['previous']} → {row['state']} {row['reason']}"
    if name in ("order_error", "cancel_error"):
        return f"{row['order_id']} {row['error_msg']}"
    if name == "position":
        return f"{row['stock_code']} {row['volume']}"
    if name == "asset":
        return f"可用 {row['cash']:,.2f} 总资产 {row['total_asset']:,.2f}"
    return str({key: value for key, value in row.items() if key != "account_id"})
