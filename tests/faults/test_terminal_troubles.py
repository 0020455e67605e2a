"""The simulated terminal as its own process: frozen, doubled, stale, sabotaged, attacked."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim import link_client, link_home
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.process import serve
from tests import terminal_process
from tests.facade import SOON, on_a_thread
from tests.link_peers import ACCOUNT, HandPeer, Told, eventually
from tests.terminal_process import BUY, LIMIT, Start, Trade, posix

home, start, trade = terminal_process.home, terminal_process.start, terminal_process.trade
pytestmark = pytest.mark.usefixtures("no_leaks")


@posix
def test_a_stopped_process_is_a_connect_in_vain(start: Start, home: Path) -> None:
    child = start()
    os.kill(child.pid, signal.SIGSTOP)
    try:
        assert on_a_thread(lambda: RemoteTerminal(home).attach(Told(), 100)) is False
    finally:
        os.kill(child.pid, signal.SIGCONT)
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 101)
    remote.detach(told)


@posix
def test_a_client_of_a_stopped_process_can_still_leave(
    start: Start, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_client, "SILENCE_SECONDS", 0.2)
    child = start()
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 100)
    os.kill(child.pid, signal.SIGSTOP)
    try:
        on_a_thread(lambda: remote.detach(told))
    finally:
        os.kill(child.pid, signal.SIGCONT)
    with child.control() as control:
        eventually(lambda: control.state()["clients"] == 0)


def test_a_second_terminal_on_the_same_directory_is_refused(start: Start, trade: Trade) -> None:
    start()
    trader = trade(100)
    with pytest.raises(LinkError, match="已有一个仿真终端"):
        start()
    assert trader.order("600000.SH", BUY, 100, 9.6) > 0


def test_a_killed_terminals_address_leads_nowhere(start: Start, home: Path) -> None:
    child = start()
    child.kill()
    assert link_home.read_address(home).pid == child.pid
    remote = link_client.find(str(home))
    assert remote is not None
    assert remote.attach(Told(), 100) is False
    with pytest.raises(LinkError):
        link_client.control(home)


@posix
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_terminal_that_is_asked_to_end_tidies_up(start: Start, home: Path, number: str) -> None:
    child = start()
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 100)
    os.kill(child.pid, getattr(signal, number))
    assert child.wait() == 0
    told.wait_for("dropped", True)
    assert not link_home.address_file(home).exists()
    assert "Traceback" not in child.output
    assert link_client.find(str(home)) is None


def test_what_cannot_be_kept_is_not_said(start: Start, home: Path) -> None:
    child = start()
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 100)
    account = {"account_id": ACCOUNT, "account_type": 2}
    remote.request(told, "subscribe", 0, account)
    told.wait_for("answer", "subscribe")
    saboteur = sqlite3.connect(link_home.folder_of(home) / "state.sqlite3")
    saboteur.execute("DROP TABLE orders")
    saboteur.close()
    buy = {
        "stock_code": "600000.SH",
        "order_type": BUY,
        "order_volume": 100,
        "price_type": LIMIT,
        "price": 9.6,
    }
    remote.request(told, "orderStock", 1, {**account, **buy})
    told.wait_for("dropped", True)
    assert child.wait() == 1
    assert not [one for one in told.said if one[:2] in (("answer", "orderStock"), ("push", "order"))]
    assert "状态写不进" in child.output


def test_a_state_file_that_is_none_is_reported(start: Start, home: Path) -> None:
    folder = link_home.folder_of(home)
    folder.mkdir(parents=True)
    (folder / "state.sqlite3").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(LinkError, match="状态文件"):
        start()


def test_peers_that_break_the_rules_harm_no_other_client(start: Start, home: Path, trade: Trade) -> None:
    child = start()
    trader = trade(100)
    for raw in (b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 100, b"\0\0\0\x01{"):
        with HandPeer(home) as peer:
            peer.sock.sendall(raw)
            assert peer.is_cut_off()
    with HandPeer(home) as peer:
        peer.shake_hands()
        assert peer.attach(101)
        peer.send({"type": "request", "name": "orderStock", "seq": 1, "fields": {"order_volume": "100"}})
        assert peer.is_cut_off()
    with child.control() as control:
        eventually(lambda: control.state()["clients"] == 1)
        assert control.orders() == []
    assert trader.order("600000.SH", BUY, 100, 9.6) > 0


@posix
def test_a_key_that_others_can_read_keeps_the_terminal_from_starting(start: Start, home: Path) -> None:
    start().kill()
    link_home.key_file(home).chmod(0o644)
    with pytest.raises(LinkError, match="其他用户"):
        start()


def test_serve_says_what_it_is_and_warns_when_it_is_open_to_others(home: Path) -> None:
    lines: list[str] = []
    stop, ready = threading.Event(), threading.Event()

    def announce(line: str) -> None:
        lines.append(line)
        if "就绪" in line:
            ready.set()

    def run() -> None:
        serve(home, host="0.0.0.0", announce=announce, stop=stop)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(SOON)
    stop.set()
    thread.join(SOON)
    assert not thread.is_alive()
    assert "警告" in lines[0]
    assert "仿真" in lines[1]
    assert ACCOUNT in lines[1]


@pytest.mark.parametrize(
    "words", [{"seed_cash": -1.0}, {"seed_cash": float("nan")}, {"connect_timeout": -1.0}]
)
def test_serve_refuses_what_cannot_be(home: Path, words: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        serve(home, announce=print, **words)
    assert not home.exists()
