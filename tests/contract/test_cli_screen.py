"""What fits on a terminal: the live screen of ``watch``, and tables with many columns."""

from __future__ import annotations

import io
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from loguru import logger
from rich.console import Console

from easytrader_qmt.cli import main
from easytrader_qmt.cli_queries import fitting
from easytrader_qmt.drawing import cells_wide
from easytrader_qmt.events import EVENTS
from easytrader_qmt.records import Records, rows
from easytrader_qmt.sim.process import spawn
from easytrader_qmt.sim.trader import SimTrader
from easytrader_qmt.watch import Screen, watch_screen
from tests.facade import SOON
from tests.vendor_objects import KINDS, vendor

posix = pytest.mark.skipif(os.name == "nt", reason="pseudo terminals of POSIX")


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    yield
    logger.remove()


def console(height: int, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


def drawn(screen: Screen, on: Console) -> list[str]:
    lines = on.render_lines(screen.draw(), pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


@pytest.fixture
def traded(user: SimTrader) -> SimTrader:
    for at in range(7):
        user.buy("600036", 33.0 + at / 100, 100)
    user.buy("600036", 35.5, 200)
    user.drain()
    return user


@pytest.mark.parametrize("height", [20, 24, 30, 60])
def test_a_screen_is_no_higher_than_its_console(traded: SimTrader, height: int) -> None:
    on = console(height)
    screen = Screen(traded, on)
    traded.cancel_all()
    traded.drain()
    traded._handlers.emit("in_doubt", {"note": "newest"})
    lines = drawn(screen, on)
    screen.close()
    assert len(lines) <= height
    assert len(lines) == height or height == 60, "no room is wasted"
    for title in ("资金", "持仓（1 行）", "委托", "最近的事件"):
        assert any(f"─ {title}" in line for line in lines), title
    assert lines[-1].startswith("╰")
    assert all(cells_wide(line) <= 80 for line in lines)
    last = next(at for at, line in enumerate(lines) if "最近的事件" in line)
    assert "newest" in lines[last + 1]


def test_the_head_has_the_time_in_one_piece(user: SimTrader) -> None:
    on = console(24)
    first, second, *_ = drawn(Screen(user, on), on)
    assert first == repr(user)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d    Ctrl\+C 结束", second)


def test_long_events_take_the_lines_they_need(user: SimTrader) -> None:
    on = console(24, width=60)
    screen = Screen(user, on)
    for _ in range(6):
        user.sell("600519", 1400.0, 100)
    user.drain()
    lines = drawn(screen, on)
    assert len(lines) <= 24
    assert "证券可用数量不足" in "".join(lines).replace("│", "").replace(" ", "").replace("\n", "")
    assert lines[-1].startswith("╰")


@pytest.mark.parametrize("height", [12, 16, 24])
def test_without_data_the_screen_is_no_higher_either(traded: SimTrader, height: int) -> None:
    on = console(height, width=50)
    screen = Screen(traded, on)
    for at in range(20):
        traded._handlers.emit("in_doubt", {"note": f"{at} " + "柜台" * 20})
    traded.exit()
    lines = drawn(screen, on)
    assert len(lines) == height or (height == 24 and len(lines) < height)
    assert "没有数据" in "".join(lines)
    assert "'19" in "".join(lines)
    assert lines[-1].startswith("╰")


def test_an_event_tells_a_price_to_its_last_digit(user: SimTrader) -> None:
    on = console(40)
    screen = Screen(user, on)
    trade = {"stock_code": "123029.SZ", "order_type_name": "买入", "traded_volume": 10}
    user._handlers.emit("trade", {**trade, "traded_price": 3618.188})
    assert any("10 @ 3618.188" in line for line in drawn(screen, on))


def test_nothing_is_heard_once_the_screen_is_over(user: SimTrader) -> None:
    watch_screen(user, 0.0, console(24))
    assert [name for name in EVENTS if user._handlers.wanted(name)] == []


def test_what_goes_to_a_file_ends_with_its_line() -> None:
    found = CliRunner().invoke(main, ["watch", "--seconds", "0.1", "--sim"])
    assert found.exit_code == 0, found.output
    assert found.stdout.endswith("╯\n")


class Stream(io.StringIO):
    """A terminal that calls ``between`` in the middle of each write."""

    def __init__(self, between: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._between = between

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        super().write(text[: len(text) // 2])
        self._between()
        super().write(text[len(text) // 2 :])
        return len(text)


def test_lines_of_other_threads_never_cut_into_the_screen(
    user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Stream(lambda: time.sleep(0.001))
    monkeypatch.setattr(sys, "stderr", Stream())
    over = threading.Event()

    def chatter() -> None:
        while not over.is_set():
            sys.stderr.write("a log line\n")

    threads = [threading.Thread(target=chatter) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        watch_screen(user, 0.3, Console(file=out, force_terminal=True, width=80, height=24))
    finally:
        over.set()
        for thread in threads:
            thread.join(SOON)
    screens, _, below = out.getvalue().rpartition("\x1b[?25h")
    assert "a log line\n" in screens
    assert screens.endswith("╯\n")
    assert re.fullmatch(r"(a log line\n)*", below), below
    assert_drawn_over_exactly(screens)


def test_ctrl_c_in_the_middle_of_a_redraw_leaves_a_whole_screen(user: SimTrader) -> None:
    at = 0

    def interrupt() -> None:
        nonlocal at
        at += 1
        if at in (3, 4):  # hide the cursor, first screen, second screen, and the end
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    out = Stream(interrupt)
    watch_screen(user, SOON, Console(file=out, force_terminal=True, width=80, height=24))
    assert at == 4
    assert signal.getsignal(signal.SIGINT) is before
    assert out.getvalue().endswith("╯\n\x1b[?25h")
    assert_drawn_over_exactly(out.getvalue())


def assert_drawn_over_exactly(text: str) -> None:
    """Each screen but the first goes back as many lines as the one before it has."""
    pieces = re.split(r"(?<=╯)\r(?=\x1b\[2K)", text)
    heights = [piece[piece.rindex("<SimTrader") :].partition("╯\n\x1b")[0].count("\n") for piece in pieces]
    assert len(pieces) > 1
    assert [piece.count("\x1b[1A") for piece in pieces[1:]] == heights[:-1]


# --- on a terminal --------------------------------------------------------------------------------


class Shown:
    """A command on a pseudo terminal of 80 columns and 24 lines, and what it has shown so far."""

    def __init__(self, *words: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "easytrader_qmt", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**kept, "PYTHONUTF8": "1", "TERM": "xterm"},
        )
        os.close(theirs)
        self._bytes = b""

    @property
    def text(self) -> str:
        return self._bytes.decode(errors="replace").replace("\r\n", "\n")

    def until(self, wanted: Callable[[str], bool]) -> str:
        """Read until ``wanted``, or until the command has ended; no longer than a slow machine needs."""
        latest = time.monotonic() + 3 * SOON
        while not wanted(self.text):
            if not select.select([self._mine], [], [], max(0.0, latest - time.monotonic()))[0]:
                break
            try:
                more = os.read(self._mine, 65536)
            except OSError:  # Linux says so when nobody has the other end any more
                break
            if not more:
                break
            self._bytes += more
        return self.text

    def end(self) -> str:
        text = self.until(lambda _: False)
        self.process.wait(SOON)
        os.close(self._mine)
        return text


@posix
def test_log_lines_stand_above_the_live_screen(tmp_path: Path) -> None:
    home = tmp_path / "userdata_mini"
    with spawn(home, connect_timeout=0.0, session_gap=0.0) as process:
        shown = Shown("watch", "--sim", "--path", str(home))
        try:
            text = shown.until(lambda text: text.count("最近的事件") >= 2)
            assert "最近的事件" in text, text
            with process.control() as terminal:
                terminal.faults.disconnect()
            shown.until(lambda text: "MiniQMT 连接已断开" in text)
            shown.process.send_signal(signal.SIGINT)
            text = shown.end()
        finally:
            shown.process.kill()
            shown.process.wait()
    assert shown.process.returncode == 0, text
    # The screen is taken away right before the line, and drawn again below it.
    assert re.search(r"\x1b\[2K\d\d:\d\d:\d\d WARNING MiniQMT 连接已断开\n", text), text
    # The screen ends with its line, and what is logged while the command ends stands below it.
    assert re.search(r"╯\n\x1b\[\?25h(\d\d:\d\d:\d\d [^\x1b╭╯]*\n)*\Z", text), text[-2000:]


@posix
def test_tables_fit_the_terminal(tmp_path: Path) -> None:
    home = tmp_path / "userdata_mini"
    where = ("--sim", "--path", str(home))
    with spawn(home, connect_timeout=0.0, session_gap=0.0):
        bought = CliRunner().invoke(main, ["buy", "600036", "200", "--price", "35.5", "--yes", *where])
        assert bought.exit_code == 0
        for name in ("orders", "trades", "position"):
            *lines, note = Shown(name, *where).end().splitlines()[1:]
            assert "600036.SH" in lines[1]
            assert [line for line in lines if cells_wide(line) > 80] == []
            assert note.startswith("（终端宽 80 列，没有显示：")


# --- narrow tables --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_a_narrow_table_names_what_it_leaves_out(kind: str, width: int) -> None:
    made = rows(kind, [vendor(kind), vendor(kind)])
    text = fitting(made, width)
    if text == repr(made):
        assert max(map(cells_wide, text.splitlines())) <= width
        return
    *lines, note = text.splitlines()
    assert [line for line in lines if cells_wide(line) > width] == []
    for heading in repr(made).splitlines()[0].split():
        assert (heading in lines[0].split()) != (heading in note)


def test_a_wide_terminal_shows_the_table_as_it_is() -> None:
    made = rows("order", [vendor("order")])
    assert fitting(made, 200) == repr(made)
    assert fitting(Records([], "order"), 200) == repr(Records([], "order"))


def test_a_long_text_does_not_push_out_the_rest() -> None:
    made = rows("order", [vendor("order", status_msg="柜台" * 60)])
    heading = fitting(made, 80).splitlines()[0]
    assert "状态描述" not in heading
    assert "委托状态" in heading
    assert "证券名称" in heading
