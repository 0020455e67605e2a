"""The simulated terminal as its own process: killed, frozen, started twice, and still right about orders."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim import layer, link_client, link_home
from easytrader_qmt.sim.counter import Counter
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.process import serve
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from easytrader_qmt.sim.store import Store
from tests.facade import SOON, Heard, States, on_a_thread, vendor_package
from tests.link_peers import ACCOUNT, HandPeer, Told, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
CASH = 1_000_000.0
BUY, SELL, LIMIT = 23, 24, 11


@pytest.fixture(autouse=True)
def _findable() -> None:
    link_client.install()
    link_client.install()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "国金QMT" / "userdata_mini"


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., SpawnedTerminal]]:
    """Starts the terminal at ``home``; whatever still runs at the end is ended."""
    made: list[SpawnedTerminal] = []

    def begin(**options: Any) -> SpawnedTerminal:
        made.append(spawn(home, **{"connect_timeout": 0.2, "session_gap": 0.0, "seed_cash": CASH, **options}))
        return made[-1]

    yield begin
    for child in made:
        child.__exit__()


@pytest.fixture
def trade(home: Path) -> Iterator[Callable[[int], Trader]]:
    """Connects the vendor's own XtQuantTrader under a session id; stopped at the end."""
    made: list[Trader] = []

    def connect(session: int) -> Trader:
        made.append(Trader(home, session))
        return made[-1]

    yield connect
    for trader in made:
        trader.stop()


class Trader:
    """The vendor's own trader on the stand-in, connected to the terminal process."""

    def __init__(self, home: Path, session: int) -> None:
        package: ModuleType = vendor_package()
        self.heard = Heard()
        self.account = package.xttype.StockAccount(ACCOUNT)
        trader_class = layer.simulated_vendor().trader_class
        self.xt: Any = on_a_thread(lambda: trader_class(str(home), session, self.heard))
        on_a_thread(self.xt.start)
        self.connected = self.ask(self.xt.connect)
        self.subscribed = self.ask(self.xt.subscribe, self.account)
        self._open = True

    def ask(self, call: Callable[..., Any], *args: Any) -> Any:
        return on_a_thread(lambda: call(*args))

    def order(self, code: str, side: int, volume: int, price: float, remark: str = "") -> int:
        sent = (self.account, code, side, volume, LIMIT, price, "策略", remark)
        order_id: int = self.ask(self.xt.order_stock, *sent)
        return order_id

    def orders(self) -> dict[int, Any]:
        return {row.order_id: row for row in self.ask(self.xt.query_stock_orders, self.account)}

    def stop(self) -> None:
        if self._open:
            self._open = False
            on_a_thread(self.xt.stop)
            self.xt.loop.close()


Start = Callable[..., SpawnedTerminal]
Trade = Callable[[int], Trader]


# --- a day of trading --------------------------------------------------------------------------


def test_the_vendors_trader_trades_with_a_terminal_in_another_process(start: Start, trade: Trade) -> None:
    child = start()
    assert "仿真" in child.output
    trader = trade(100)
    assert (trader.connected, trader.subscribed) == (0, 0)
    assert trader.ask(trader.xt.query_stock_asset, trader.account).cash == CASH
    bought = trader.order("600000.SH", BUY, 200, 10.49, "买入")
    assert trader.heard.wait_for("on_stock_trade")[0].traded_volume == 200
    assert trader.orders()[bought].order_remark == "买入"
    resting = trader.order("600000.SH", BUY, 100, 9.6)
    assert trader.ask(trader.xt.cancel_order_stock, trader.account, resting) == 0
    assert trader.orders()[resting].order_status == 54
    refused = trader.order("600000.SH", SELL, 100, 10.47)
    assert refused > 0
    assert "可用" in trader.heard.wait_for("on_order_error")[0].error_msg
    assert trader.order("600000.SH", BUY, 100, float("nan")) > 0
    (held,) = trader.ask(trader.xt.query_stock_positions, trader.account)
    assert (held.stock_code, held.volume, held.can_use_volume) == ("600000.SH", 200, 0)


def test_an_order_placed_by_hand_is_cancelled_by_its_sysid(start: Start, trade: Trade) -> None:
    with start().control() as control:
        trader = trade(100)
        sysid = control.order_by_hand("buy", "000001.SZ", 11.0, 100)
        assert trader.heard.wait_for("on_stock_order")[0].order_id == 0
        assert trader.ask(trader.xt.cancel_order_stock_sysid, trader.account, 1, sysid) == 0
        assert control.orders()[0]["order_status"] == 54


def test_several_clients_share_one_counter(start: Start, trade: Trade) -> None:
    start()
    one, two = trade(100), trade(101)
    assert (one.connected, two.connected) == (0, 0)
    order_id = one.order("600000.SH", BUY, 100, 9.6)
    assert two.heard.wait_for("on_stock_order")[0].order_id == order_id
    one.stop()
    assert list(two.orders()) == [order_id]


# --- killed ------------------------------------------------------------------------------------


def test_a_killed_terminal_is_noticed_and_its_state_is_kept(start: Start, trade: Trade) -> None:
    child = start()
    trader = trade(100)
    resting = trader.order("600000.SH", BUY, 300, 9.6, "还在")
    filled = trader.order("600000.SH", BUY, 100, 10.49)
    trader.heard.wait_for("on_stock_trade")
    child.kill()
    trader.heard.wait_for("on_disconnected")
    assert trader.ask(trader.xt.query_stock_asset, trader.account) is None
    assert trader.order("600000.SH", BUY, 100, 9.6) == -1
    assert trader.ask(trader.xt.connect) == -1

    again = start(seed_cash=5.0)
    with again.control() as control:
        control.market.set("600000", last=9.5)
    back = trade(101)
    assert back.connected == 0
    orders = back.orders()
    assert list(orders) == [resting, filled]
    assert (orders[resting].order_status, orders[resting].order_remark) == (56, "还在")
    assert [one.traded_volume for one in back.ask(back.xt.query_stock_trades, back.account)] == [100, 300]
    assert back.order("600000.SH", BUY, 100, 9.45) > filled


def test_the_facade_comes_back_to_a_restarted_terminal_and_tells_what_it_missed(
    start: Start, home: Path, new_user: Callable[..., Any]
) -> None:
    child = start()
    user = new_user()
    states = States(user)
    user.connect(home, reconnect_interval=0.05)
    resting = user.buy("600000", price=9.6, amount=100)["entrust_no"]
    child.kill()
    states.wait_for("LOST")
    back = States(user)
    trades = Heard()
    user.on("trade", lambda row: trades.keep("trade", row))
    with start().control() as control:
        control.market.set("600000", last=9.5)
        back.wait_for("READY")
        assert trades.wait_for("trade")[0]["order_id"] == resting
    assert [row["order_status_name"] for row in user.today_entrusts] == ["已成"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_was_said_before_a_kill_is_still_true_after_it(start: Start, home: Path, seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    child = start()
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 100)
    account = {"account_id": ACCOUNT, "account_type": 2}
    remote.request(told, "subscribe", 0, account)
    last = rng.randrange(5, 60)
    for seq in range(1, 400):
        buy = {"order_type": BUY, "order_volume": 100 * rng.randrange(1, 5), "price_type": LIMIT}
        row = {**account, **buy, "stock_code": "600000.SH", "price": rng.choice([9.6, 10.49, 10.5])}
        remote.request(told, "orderStock", seq, row)
        if seq == last:
            told.wait_for("answer", "orderStock", rng.randrange(1, last))
            child.kill()
    told.wait_for("dropped", True)

    with start().control() as control:
        orders = {row["order_id"]: row for row in control.orders()}
        trades = {row["traded_id"]: row for row in control.trades()}
    for what, *said in told.said:
        if what == "answer" and said[0] == "orderStock" and said[2]["order_id"] > 0:
            assert said[2]["order_id"] in orders
        elif what == "push" and said[0] == "order":
            kept = orders[said[1]["order_id"]]
            assert kept["traded_volume"] >= said[1]["traded_volume"]
        elif what == "push" and said[0] == "trade":
            assert trades[said[1]["traded_id"]] == said[1]
    traded: dict[int, int] = {}
    for row in trades.values():
        traded[row["order_id"]] = traded.get(row["order_id"], 0) + row["traded_volume"]
    assert traded == {
        row["order_id"]: row["traded_volume"] for row in orders.values() if row["traded_volume"]
    }


def test_days_quotes_and_accounts_survive(start: Start) -> None:
    child = start()
    with child.control() as control:
        control.market.add("600999.SH", name="新股", prev_close=20.0)
        control.market.set("600000", last=10.9)
        control.market.suspend("600519")
        control.hold("600036.SH", 500, 30.0)
        control.next_day()
        before = control.market.quote("600000")
        assert before["prev_close"] == 10.9
        now = control.state()["now"]
    child.kill()
    with start().control() as control:
        assert control.market.quote("600000") == before
        assert control.market.quote("600999")["last"] == 20.0
        assert control.state()["days"] == 1
        assert control.state()["now"] >= now
        control.order_by_hand("sell", "600036.SH", 35.4, 500)
        assert [row["traded_volume"] for row in control.trades()] == [500]
        control.order_by_hand("buy", "600519.SH", 1450.0, 100)
        assert control.orders()[-1]["order_status"] == 57


def test_queries_while_the_terminal_is_away_are_answered_as_it_last_wished(start: Start, home: Path) -> None:
    child = start()
    with child.control() as control:
        control.faults.set("answer_while_down", "none")
    child.kill()
    assert RemoteTerminal(home).client_settings.answer_while_down == "none"


# --- frozen, doubled, stale --------------------------------------------------------------------


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


# --- peers of another process ------------------------------------------------------------------


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


# --- serve and the store in this process -------------------------------------------------------


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


def test_every_state_along_the_way_is_whole(tmp_path: Path) -> None:
    """A copy of the file after each save, as a kill right then would leave it, restores the same books."""
    seed = 20_250_807
    print(f"seed {seed}")
    rng = random.Random(seed)
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    store.save(counter, market, 0)
    try:
        for step in range(60):
            now = 1_754_530_000.0 + step
            action = rng.randrange(6)
            if action < 3:
                price = rng.choice([9.6, 10.49, 10.5])
                counter.place(
                    "A", 2, "600000.SH", BUY, 100 * rng.randrange(1, 9), LIMIT, price, "s", "r", now
                )
            elif action == 3 and counter.orders("A", cancelable=True):
                counter.cancel("A", order_id=counter.orders("A", cancelable=True)[0]["order_id"], now=now)
            elif action == 4:
                market.set("600000.SH", last=rng.choice([10.4, 10.5, 10.6]))
                counter.match("600000.SH", now)
            elif step % 9 == 0:
                counter.settle(now)
            store.save(counter, market, step)
            copy = tmp_path / f"copy{step}"
            copy.mkdir()
            for name in ("state.sqlite3", "state.sqlite3-wal"):
                shutil.copy(tmp_path / name, copy / name)
            restored = Store(copy / "state.sqlite3")
            try:
                kept = restored.load()
            finally:
                restored.close()
            assert kept is not None
            assert kept[0].state() == counter.state()
            assert kept[1].state() == market.state()
            assert kept[2] == step
    finally:
        store.close()


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    try:
        store.save(counter, market, 0)
        watcher = sqlite3.connect(tmp_path / "state.sqlite3")
        before = watcher.execute("PRAGMA data_version").fetchone()
        store.save(counter, market, 0)
        assert watcher.execute("PRAGMA data_version").fetchone() == before
        counter.deposit("A", 1.0, 0.0)
        store.save(counter, market, 0)
        assert watcher.execute("PRAGMA data_version").fetchone() != before
        watcher.close()
    finally:
        store.close()


def test_after_a_failed_write_nothing_is_kept_any_more(tmp_path: Path) -> None:
    """The failed change is lost to ``Counter.changes``, so a later success would keep books that are not whole."""
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    saboteur = sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)
    try:
        store.save(counter, market, 0)
        saboteur.execute("ALTER TABLE accounts RENAME TO away")
        counter.deposit("A", 1.0, 0.0)
        with pytest.raises(LinkError, match="写不进"):
            store.save(counter, market, 0)
        saboteur.execute("ALTER TABLE away RENAME TO accounts")
        with pytest.raises(LinkError, match="写不进"):
            store.save(counter, market, 1)
    finally:
        saboteur.close()
        store.close()


def test_a_file_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    later = sqlite3.connect(tmp_path / "state.sqlite3")
    later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(LinkError, match="99"):
        Store(tmp_path / "state.sqlite3")
