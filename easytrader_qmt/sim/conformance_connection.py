"""The observed behaviour of connecting, of calls without a connection, of stopping, and of importing.

Every row really runs the vendor's Python layer on the stand-in; some leave a thread that hangs for ever, so
the rows are meant for a process of their own (`conformance_behaviour`).
"""

from __future__ import annotations

import asyncio
import importlib.machinery
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim.conformance_bench import (
    SHORT,
    Desk,
    NotHere,
    Row,
    Seat,
    Wrong,
    blocked,
    child_environment,
    expect,
    raises,
    timely,
)

__all__ = ["ROWS"]

_UNSTOPPED = (
    "from easytrader_qmt.sim.conformance_bench import Desk; seat = Desk().seat();"
    " assert seat.raw.subscribe(seat.account) == 0"
)


def _sleep_is_recorded(desk: Desk, before: int, seconds: float = 3.0) -> None:
    expect(desk.slept[before:], [seconds], "connect() 失败用的秒数")


# --- starting and connecting -----------------------------------------------------------------------


def _start_creates_the_path(desk: Desk) -> None:
    path = desk.path("no/such/userdata_mini")
    raw = desk.made(str(path), 123)
    raw.start()
    expect([one.name for one in path.iterdir()], ["down_queue_123"], "目录里的文件")
    expect((path / "down_queue_123").stat().st_size, 72 * 1024 * 1024, "down_queue 的大小")
    raw.stop()


def _session_file_is_sparse(desk: Desk) -> None:
    path = desk.path()
    raw = desk.made(str(path), 124)
    raw.start()
    file = path / "down_queue_124"
    expect(file.stat().st_size, 72 * 1024 * 1024)
    with file.open("rb") as opened:
        expect(opened.read(4096), bytes(4096), "文件内容")
    raw.stop()


def _connect_with_nobody_there(desk: Desk) -> None:
    raw, before = desk.made(str(desk.path())), len(desk.slept)
    raw.start()
    expect(timely(raw.connect), -1, "connect()")
    expect(raw.connected, False, "connected")
    _sleep_is_recorded(desk, before)
    raw.stop()


def _connect_to_a_file(desk: Desk) -> None:
    path, before = desk.path("a file"), len(desk.slept)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    raw = desk.made(str(path))
    raw.start()
    expect(timely(raw.connect), -1, "connect()")
    _sleep_is_recorded(desk, before)
    raw.stop()


def _connect_without_start(desk: Desk) -> None:
    before, seat = len(desk.slept), desk.seat("not started")
    expect(timely(seat.raw.connect), -1, "connect()")
    _sleep_is_recorded(desk, before)


def _connect_leaves_the_gil(desk: Desk) -> None:
    path = str(desk.path())
    desk.settle(path, takes=False, connect_timeout=SHORT, sleep=desk.shipped.sleep)
    raw, results = desk.made(path), []
    raw.start()
    thread = threading.Thread(target=lambda: results.append(raw.connect()), daemon=True)
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    expect(results, [-1], "connect()")
    if turns < 1000:
        raise Wrong(f"等待期间别的线程只转了 {turns} 圈")
    raw.stop()


def _empty_path(desk: Desk) -> None:
    here = set(Path().iterdir())
    raw = desk.made("", 125)
    raw.start()
    expect(timely(raw.connect), -1, "connect()")
    raw.stop()
    expect(set(Path().iterdir()), here, "当前目录")
    expect((Path(os.path.abspath(os.sep)) / "down_queue_125").exists(), False, "根目录下的文件")


def _chinese_path(desk: Desk) -> None:
    path = desk.path("国金证券QMT交易端") / "userdata_mini"
    raw = desk.made(str(path), 126)
    raw.start()
    expect((path / "down_queue_126").exists(), True, "原样的中文目录")
    raw.stop()
    desk.settle(str(path))
    again = desk.made(str(path), 127)
    again.start()
    expect(again.connect(), 0, "connect()")


# --- calls without a connection --------------------------------------------------------------------

_Call = Callable[[Seat], Any]
_DOWN: tuple[tuple[str, _Call, Any], ...] = (
    ("subscribe", lambda seat: seat.raw.subscribe(seat.account), -1),
    ("query_stock_asset", lambda seat: seat.raw.query_stock_asset(seat.account), None),
    ("query_stock_order", lambda seat: seat.raw.query_stock_order(seat.account, 5), None),
    ("query_stock_position", lambda seat: seat.raw.query_stock_position(seat.account, "600036.SH"), None),
    ("query_stock_orders", lambda seat: seat.raw.query_stock_orders(seat.account), []),
    ("query_stock_trades", lambda seat: seat.raw.query_stock_trades(seat.account), []),
    ("query_stock_positions", lambda seat: seat.raw.query_stock_positions(seat.account), []),
    ("query_account_infos", lambda seat: seat.raw.query_account_infos(), []),
    ("order_stock", lambda seat: seat.raw.order_stock(*seat.terms()), -1),
    ("cancel_order_stock", lambda seat: seat.raw.cancel_order_stock(seat.account, 5), -1),
    ("cancel_order_stock_sysid", lambda seat: seat.raw.cancel_order_stock_sysid(seat.account, 0, "9"), -1),
)


def _down(call: _Call, wanted: Any) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        for way in ("failed connect", "before connect"):
            seat = desk.seat(way)
            expect(timely(lambda seat=seat: call(seat)), wanted, f"{way}: ")  # type: ignore[misc]
            _no_more_callbacks(seat)

    return check


def _no_more_callbacks(seat: Seat) -> None:
    timely(lambda: seat.raw.subscribe(seat.account))  # after all that came before it
    if not seat.heard.calls.empty():
        raise Wrong(f"不应有回调，却有 {seat.heard.next()[0]}")


def _order_async_while_down(desk: Desk) -> None:
    for way in ("failed connect", "before connect"):
        seat = desk.seat(way)
        seq = seat.order()
        name, response = seat.heard.next()
        expect((name, response.seq, seq > 0), ("on_order_stock_async_response", seq, True), "响应")
        expect((response.order_id, response.error_msg), (-1, ""), "order_id, error_msg ")
        _no_more_callbacks(seat)


def _cancel_async_while_down(desk: Desk) -> None:
    for way in ("failed connect", "before connect"):
        seat = desk.seat(way)
        seq = seat.raw.cancel_order_stock_async(seat.account, 5)
        name, response = seat.heard.next()
        expect((name, response.seq, seq > 0), ("on_cancel_order_stock_async_response", seq, True), "响应")
        expect((response.cancel_result, response.order_id), (-1, 0), "cancel_result, order_id ")
        _no_more_callbacks(seat)


def _sync_calls_hang(way: str) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        seat = desk.seat(way)
        blocked(*((name, lambda call=call: call(seat)) for name, call, _ in _DOWN))

    return check


# --- stopping --------------------------------------------------------------------------------------


def _start_after_stop(desk: Desk) -> None:
    seat = desk.seat("stopped")
    seat.raw.start()
    expect(timely(seat.raw.connect), 0, "connect()")
    expect(timely(lambda: seat.raw.subscribe(seat.account)), 0, "subscribe()")


def _second_stop(desk: Desk) -> None:
    seat = desk.seat("stopped")
    expect(timely(seat.raw.stop), None, "stop()")


def _exit_without_stop(desk: Desk) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNSTOPPED],
        env=child_environment(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    expect(done.returncode, 0, f"退出码{done.stderr.decode(errors='replace')[-300:]} ")


# --- the main thread, importing, accounts ----------------------------------------------------------


def _loop_is_replaced(desk: Desk) -> None:
    own, cls = asyncio.new_event_loop(), desk.package.xttrader.XtQuantTrader
    asyncio.set_event_loop(own)
    made = cls(str(desk.path()), 1)
    expect(asyncio.get_event_loop() is made.loop, True, "构造后当前循环是 trader.loop: ")
    cls.__del__(made)
    expect(asyncio.get_event_loop() is own, True, "__del__ 后当前循环是原来的: ")
    off_main = desk.made(str(desk.path()))
    raises(lambda: _as_main_thread(cls.__del__, off_main), AttributeError)


def _as_main_thread(call: Callable[[Any], object], argument: Any) -> None:
    """Call on a thread that the vendor takes for the main one, because it goes by the name."""
    threading.current_thread().name = "MainThread"
    call(argument)


def _loop_is_gone_after_run(desk: Desk) -> None:
    async def nothing() -> None:
        return None

    asyncio.run(nothing())
    try:
        desk.package.xttrader.XtQuantTrader(str(desk.path()), 1)
    except RuntimeError:
        return
    raise Wrong("asyncio.run() 之后在主线程构造没有抛出 RuntimeError")


def _import_fails_here(desk: Desk) -> None:
    if importlib.machinery.PathFinder.find_spec("xtpythonclient", [str(desk.folder)]) is not None:
        raise NotHere
    name = "_easytrader_qmt_conformance_bare"
    error = raises(lambda: vendor.layer(name, desk.folder), ImportError)
    if "xtpythonclient" not in str(error):
        raise Wrong(f"报错里没有 xtpythonclient：{error}")
    for part in ("xtconstant", "xttype"):
        expect(f"{name}.{part}" in sys.modules, True, f"{part} 可以导入")


def _import_asks_nobody(desk: Desk) -> None:
    expect(desk.package.__spec__.loader, None, "xtquant/__init__.py 的加载器")


def _set_timeout_does_nothing(desk: Desk) -> None:
    before, seat = len(desk.slept), desk.seat("not started")
    expect(seat.raw.set_timeout(7), None, "set_timeout(7)")
    expect(timely(seat.raw.connect), -1, "connect()")
    _sleep_is_recorded(desk, before)


ROWS: tuple[Row, ...] = (
    Row("start.creates_path", "start() 在不存在的路径上建出整个目录和 72 MiB 的 down_queue", _start_creates_the_path),
    Row("start.sparse_file", "down_queue 占满 72 MiB 磁盘", _session_file_is_sparse, differs=True),
    Row("connect.nobody", "没有终端时 connect() 3.0 秒后返回 -1，不抛异常", _connect_with_nobody_there),
    Row("connect.file", "路径是文件时 start() 不报错，connect() 返回 -1", _connect_to_a_file),
    Row("connect.not_started", "没有 start() 时 connect() 3.0 秒后返回 -1", _connect_without_start),
    Row("connect.gil", "connect() 等待期间不占 GIL", _connect_leaves_the_gil),
    Row("path.empty", "空路径在盘符根目录写出 72 MiB 文件", _empty_path, differs=True),
    Row("path.chinese", "非中文系统上中文路径变成乱码目录", _chinese_path, differs=True),
    *(Row(f"down.{name}", f"未连接时 {name} 立即返回 {wanted!r}", _down(call, wanted)) for name, call, wanted in _DOWN),
    Row("down.order_stock_async", "未连接时异步下单返回正 seq，响应 order_id=-1", _order_async_while_down),
    Row("down.cancel_order_stock_async", "未连接时异步撤单返回正 seq，响应 cancel_result=-1", _cancel_async_while_down),
    Row("hang.after_stop", "stop() 之后同步调用一直阻塞", _sync_calls_hang("stopped")),
    Row("hang.without_start", "没有 start() 时同步调用一直阻塞", _sync_calls_hang("not started")),
    Row("stop.start_again", "stop() 之后可以再次 start() 和 connect()", _start_after_stop),
    Row("stop.twice", "第二次 stop() 没有问题", _second_stop),
    Row("stop.never", "不 stop() 也能正常退出进程", _exit_without_stop),
    Row("loop.replaced", "在主线程构造会替换事件循环，__del__ 再换回或报错", _loop_is_replaced),
    Row("loop.after_run", "asyncio.run() 之后在主线程构造抛出 RuntimeError", _loop_is_gone_after_run),
    Row("import.no_native", "没有原生组件的平台上 import xtquant.xttrader 失败", _import_fails_here),
    Row("import.package_index", "import xtquant 会向软件源查询更新", _import_asks_nobody, differs=True),
    Row("timeout.no_effect", "set_timeout 交给原生组件", _set_timeout_does_nothing, differs=True),
)  # fmt: skip
