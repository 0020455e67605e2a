"""The link between stand-in clients and a terminal: what crosses, and who is let in. See docs/link.md."""

from __future__ import annotations

import math
import os
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.sim import Terminal, TerminalSettings, link_client, link_home, link_outgoing
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_frames import BrokenLinkError, FrameTooLongError, decode, encode
from easytrader_qmt.sim.link_handshake import prove
from easytrader_qmt.sim.link_home import Address, LinkError
from easytrader_qmt.sim.link_requests import checked_fields
from easytrader_qmt.sim.link_server import LinkLimits, LinkServer
from tests.facade import SOON, on_a_thread
from tests.link_peers import ACCOUNT, HandPeer, Told, eventually

pytestmark = pytest.mark.usefixtures("no_leaks")

SUBSCRIBE = {"account_id": ACCOUNT, "account_type": 2}
BUY = {
    **SUBSCRIBE,
    "stock_code": "600000.SH",
    "order_type": 23,
    "order_volume": 100,
    "price_type": 11,
    "price": 10.0,
    "strategy_name": "网格",
    "order_remark": "r1",
}


class Served:
    """A terminal of this process, served on a socket."""

    def __init__(self, directory: Path, limits: LinkLimits | None = None) -> None:
        self.directory = directory
        self.terminal = Terminal(directory, settings=TerminalSettings(connect_timeout=1.0, session_gap=0.0))
        link_home.folder_of(directory).mkdir()
        self.key = link_home.make_key(directory)
        self.server = LinkServer(self.terminal, self.key, limits=limits)
        self.server.start()
        link_home.write_address(directory, Address(*self.server.address, pid=os.getpid()))

    def close(self) -> None:
        self.server.stop()
        self.terminal.close()

    def client(self, session: int) -> tuple[RemoteTerminal, Told]:
        """A connected and subscribed client."""
        remote, told = RemoteTerminal(self.directory), Told()
        assert remote.attach(told, session)
        remote.request(told, "subscribe", 1, SUBSCRIBE)
        assert told.wait_for("answer", "subscribe")[3] == 0
        return remote, told


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path / "userdata_mini")
    yield made
    made.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Served]:
    """A server without patience."""
    limits = LinkLimits(
        clients=2, strangers=2, handshake_seconds=0.2, stall_seconds=0.2, ping_seconds=0.05, resume_rows=100
    )
    made = Served(tmp_path / "userdata_mini", limits)
    yield made
    made.close()


def still_serves(remote: RemoteTerminal, told: Told, seq: int = 99) -> None:
    """The other client's request is answered, whatever somebody else has just done."""
    remote.request(told, "queryStockAsset", seq, SUBSCRIBE)
    assert told.wait_for("answer", "queryStockAsset", seq)[3][0]["account_id"] == ACCOUNT


# --- frames ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON)
@settings(max_examples=200, derandomize=True)
def test_every_value_crosses_unchanged(value: Any) -> None:
    frame = encode({"type": "answer", "payload": value}, 1 << 20)
    assert int.from_bytes(frame[:4], "big") == len(frame) - 4
    assert repr(decode(frame[4:])["payload"]) == repr(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"type": 1}',
        b'{"type": "x", "price": NaN}',
        b'{"type": "x"} trailing',
        b"[" * 200_000,
        b'{"type": "x", "n": ' + b"9" * 10_000 + b"}",
        b"\x80\x04\x95",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenLinkError):
        decode(body)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(FrameTooLongError):
        encode({"type": "x", "text": "长" * 1000}, 1000)


def test_half_a_character_crosses_unharmed() -> None:
    assert decode(encode({"type": "x", "text": "\ud800"}, 100)[4:])["text"] == "\ud800"


def test_a_request_is_completed_and_checked_by_the_native_struct() -> None:
    fields = checked_fields("cancelOrderStock", {"account_id": "1", "order_id": 7, "unknown": []})
    assert fields["market"] == -1
    assert (fields["order_id"], fields["order_sysid"]) == (7, "")
    assert "unknown" not in fields
    for wrong in ({"account_id": []}, {"order_id": "7"}, {"order_id": 2**64}, {"market": None}):
        with pytest.raises(BrokenLinkError):
            checked_fields("cancelOrderStock", wrong)
    with pytest.raises(BrokenLinkError):
        checked_fields("__init__", {})


def test_a_nan_price_crosses_as_the_native_client_takes_it() -> None:
    sent = decode(encode({"type": "request", "fields": {"price": math.nan}}, 1000)[4:])
    assert math.isnan(checked_fields("orderStock", sent["fields"])["price"])


# --- clients -----------------------------------------------------------------------------------


def test_answers_and_pushes_cross(served: Served) -> None:
    remote, told = served.client(100)
    remote.request(told, "orderStock", 5, BUY)
    response = told.wait_for("answer", "orderStock", 5)[3]
    assert (response["error_id"], response["order_remark"]) == (0, "r1")
    pushed = told.wait_for("push", "order")[2]
    assert (pushed["order_id"], pushed["strategy_name"]) == (response["order_id"], "网格")
    remote.request(told, "queryStockOrders", 6, SUBSCRIBE)
    assert told.wait_for("answer", "queryStockOrders", 6)[3] == served.terminal.orders()
    remote.detach(told)
    assert served.terminal.clients == 0
    assert not [one for one in told.said if one[0] == "dropped"]


def test_every_client_hears_of_every_order_but_only_its_own_answers(served: Served) -> None:
    (one, first), (two, second) = served.client(100), served.client(101)
    one.request(first, "orderStock", 7, BUY)
    first.wait_for("answer", "orderStock", 7)
    second.wait_for("push", "order")
    two.request(second, "queryStockAsset", 8, SUBSCRIBE)
    second.wait_for("answer", "queryStockAsset", 8)
    assert not [said for said in second.said if said[:2] == ("answer", "orderStock")]
    one.detach(first)
    still_serves(two, second)
    two.detach(second)


def test_a_session_in_use_is_refused(served: Served) -> None:
    remote, told = served.client(100)
    assert RemoteTerminal(served.directory).attach(Told(), 100) is False
    still_serves(remote, told)
    remote.detach(told)


@pytest.mark.parametrize("notify", [True, False])
def test_a_dropped_client_learns_it_once_and_can_come_back(served: Served, notify: bool) -> None:
    remote, told = served.client(100)
    served.terminal.faults.disconnect(notify=notify)
    told.wait_for("dropped", notify)
    remote.request(told, "queryStockAsset", 3, SUBSCRIBE)
    assert remote.attach(told, 101)
    remote.detach(told)
    assert [one for one in told.said if one[0] == "dropped"] == [("dropped", notify)]


def test_a_client_that_vanishes_is_forgotten(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        peer.shake_hands()
        assert peer.attach(100)
        assert served.terminal.clients == 1
    eventually(lambda: served.terminal.clients == 0)


def test_a_stopped_server_drops_its_clients(served: Served) -> None:
    _remote, told = served.client(100)
    served.server.stop()
    told.wait_for("dropped", True)


def test_a_hanging_connect_holds_up_its_own_client_only(served: Served) -> None:
    remote, told = served.client(100)
    served.terminal.faults.hang("connect")
    waiting, hung = RemoteTerminal(served.directory), Told()
    taken: list[bool] = []
    thread = threading.Thread(target=lambda: taken.append(waiting.attach(hung, 101)))
    thread.start()
    with HandPeer(served.directory) as gave_up:
        gave_up.shake_hands()
        gave_up.send({"type": "attach", "session": 102})
    still_serves(remote, told)
    assert taken == []
    served.terminal.faults.release("connect")
    thread.join(SOON)
    assert taken == [True]
    waiting.detach(hung)
    remote.detach(told)
    eventually(lambda: served.terminal.clients == 0)


def test_a_hanging_stop_comes_back_when_released(served: Served) -> None:
    remote, told = served.client(100)
    served.terminal.faults.hang("stop")
    thread = threading.Thread(target=lambda: remote.detach(told))
    thread.start()
    other, heard = served.client(101)
    assert thread.is_alive()
    served.terminal.faults.release("stop")
    thread.join(SOON)
    assert not thread.is_alive()
    other.detach(heard)


def test_a_list_too_long_for_a_frame_is_a_failed_query(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, told = served.client(100)
    monkeypatch.setattr(link_outgoing, "TERMINAL_LIMIT", 2000)
    for seq in range(10, 20):
        remote.request(told, "orderStock", seq, BUY)
    remote.request(told, "queryStockOrders", 20, SUBSCRIBE)
    assert told.wait_for("answer", "queryStockOrders", 20)[3] is None
    still_serves(remote, told)
    remote.detach(told)


# --- who is let in -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        (4097).to_bytes(4, "big") + b"{",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x02[]",
        b"\0\0\0\x04\x80\x04K\x01",
        b"\0\0\0\x10not json at all!",
    ],
)
def test_a_stranger_who_talks_nonsense_is_cut_off(served: Served, raw: bytes) -> None:
    remote, told = served.client(100)
    with HandPeer(served.directory) as peer:
        peer.sock.sendall(raw)
        assert peer.is_cut_off()
    still_serves(remote, told)
    remote.detach(told)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "attach", "session": 1},
        {"type": "request", "name": "orderStock", "seq": 1, "fields": BUY},
        {"type": "control", "id": 1, "call": "orders"},
        {"type": "hello"},
        {"type": "hello", "protocol": 1, "role": "client", "nonce": "00"},
        {"type": "hello", "protocol": 1, "role": "client", "nonce": "密" * 64},
        {"type": "hello", "protocol": 1, "role": "root", "nonce": "00" * 32},
        {"type": "hello", "protocol": 2, "role": "client", "nonce": "00" * 32},
        {"type": "hello", "protocol": True, "role": ["client"], "nonce": None},
    ],
    ids=lambda message: str(message)[:60],
)
def test_nothing_is_done_for_a_stranger(served: Served, message: dict[str, Any]) -> None:
    with HandPeer(served.directory) as peer:
        peer.send(message)
        assert peer.is_cut_off()
    assert served.terminal.orders() == []
    assert served.terminal.clients == 0


def test_another_version_is_told_which_one_this_is(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        _nonce, reply = peer.greet(protocol=2)
    assert reply is not None
    assert reply["type"] == "refused"
    assert "1" in reply["message"]


def test_a_wrong_key_does_not_get_in(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        nonce, challenge = peer.greet()
        assert challenge is not None
        wrong = prove(bytes(32), "client", "client", nonce, bytes.fromhex(challenge["nonce"]))
        peer.send({"type": "proof", "proof": wrong.hex()})
        refused = peer.receive()
        assert refused is not None
        assert refused["type"] == "refused"
        assert peer.is_cut_off()


def test_a_recorded_handshake_is_worth_nothing(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        nonce, challenge = peer.greet()
        assert challenge is not None
        proof = prove(served.key, "client", "client", nonce, bytes.fromhex(challenge["nonce"])).hex()
        peer.send({"type": "proof", "proof": proof})
        assert peer.receive() == {"type": "welcome"}
    with HandPeer(served.directory) as thief:
        thief.send({"type": "hello", "protocol": 1, "role": "client", "nonce": nonce.hex()})
        again = thief.receive()
        assert again is not None
        assert again["nonce"] != challenge["nonce"]
        thief.send({"type": "proof", "proof": proof})
        assert thief.is_cut_off()


def test_the_terminals_own_proof_and_another_roles_are_worth_nothing(served: Served) -> None:
    for reflected in (True, False):
        with HandPeer(served.directory) as peer:
            nonce, challenge = peer.greet("control")
            assert challenge is not None
            other = prove(served.key, "client", "client", nonce, bytes.fromhex(challenge["nonce"])).hex()
            peer.send({"type": "proof", "proof": challenge["proof"] if reflected else other})
            assert peer.is_cut_off()


def test_the_key_never_crosses(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        _nonce, challenge = peer.greet()
    assert served.key.hex() not in str(challenge)


def test_a_listener_that_does_not_know_the_key_is_not_believed(tmp_path: Path, log: list[str]) -> None:
    link_home.folder_of(tmp_path).mkdir()
    link_home.make_key(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        link_home.write_address(tmp_path, Address("127.0.0.1", port, os.getpid(), connect_timeout=SOON))

        def pretend() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(4096)
                lie = b'{"type": "challenge", "protocol": 1, "nonce": "%s", "proof": "%s"}' % (
                    b"00" * 32,
                    b"11" * 32,
                )
                sock.sendall(len(lie).to_bytes(4, "big") + lie)
                sock.recv(4096)

        thread = threading.Thread(target=pretend)
        thread.start()
        assert RemoteTerminal(tmp_path).attach(Told(), 1) is False
        thread.join(SOON)
    assert any("密钥" in line for line in log)


def test_a_client_role_may_not_control_and_the_other_way_round(served: Served) -> None:
    with HandPeer(served.directory) as peer:
        peer.shake_hands("client")
        peer.send({"type": "control", "id": 1, "call": "deposit", "args": [1.0]})
        assert peer.is_cut_off()
    with HandPeer(served.directory) as peer:
        peer.shake_hands("control")
        peer.send({"type": "attach", "session": 5})
        assert peer.is_cut_off()


def bad_frames() -> dict[str, bytes]:
    def framed(body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + body

    return {
        "oversized": (1024 * 1024 + 1).to_bytes(4, "big"),
        "no json": framed(b"\x00\x01"),
        "no object": framed(b"[]"),
        "unknown type": framed(b'{"type": "eval", "code": "1"}'),
        "unknown request": framed(b'{"type": "request", "name": "__class__", "seq": 1, "fields": {}}'),
        "fields no object": framed(b'{"type": "request", "name": "orderStock", "seq": 1, "fields": [1]}'),
        "wrong type": framed(
            b'{"type": "request", "name": "orderStock", "seq": 1, "fields": {"account_id": {}}}'
        ),
        "text seq": framed(b'{"type": "request", "name": "orderStock", "seq": "1", "fields": {}}'),
        "second attach": framed(b'{"type": "attach", "session": 2}'),
        "answer": framed(b'{"type": "answer", "name": "orderStock", "seq": 1, "payload": null}'),
    }


@pytest.mark.parametrize("name", list(bad_frames()))
def test_a_client_that_breaks_the_rules_is_cut_off_alone(served: Served, name: str) -> None:
    remote, told = served.client(100)
    with HandPeer(served.directory) as peer:
        peer.shake_hands()
        assert peer.attach(101)
        peer.sock.sendall(bad_frames()[name])
        assert peer.is_cut_off()
    eventually(lambda: served.terminal.clients == 1)
    assert served.terminal.orders() == []
    still_serves(remote, told)
    remote.detach(told)


def test_a_frame_cut_short_harms_nobody(served: Served) -> None:
    remote, told = served.client(100)
    with HandPeer(served.directory) as peer:
        peer.shake_hands()
        peer.sock.sendall((500).to_bytes(4, "big") + b'{"type": "request"')
    still_serves(remote, told)
    remote.detach(told)


# --- slow and many -----------------------------------------------------------------------------


def test_a_silent_stranger_is_cut_off(strict: Served) -> None:
    with HandPeer(strict.directory) as peer:
        assert peer.is_cut_off()
    with HandPeer(strict.directory) as peer:
        peer.sock.sendall(b"\0\0")
        assert peer.is_cut_off()


def test_strangers_and_clients_are_counted(strict: Served) -> None:
    with HandPeer(strict.directory) as one, HandPeer(strict.directory) as two:
        for peer in (one, two):
            peer.shake_hands()
        with HandPeer(strict.directory) as third:
            nonce, challenge = third.greet()
            assert challenge is not None
            proof = prove(strict.key, "client", "client", nonce, bytes.fromhex(challenge["nonce"]))
            third.send({"type": "proof", "proof": proof.hex()})
            refused = third.receive()
            assert refused is not None
            assert refused["type"] == "refused"
        with HandPeer(strict.directory) as controlling:
            controlling.shake_hands("control")


def test_a_client_that_does_not_read_is_cut_off_and_holds_up_nobody(strict: Served) -> None:
    remote, told = strict.client(100)
    for seq in range(200, 300):
        remote.request(told, "orderStock", seq, BUY)
    told.wait_for("answer", "orderStock", 299)
    with HandPeer(strict.directory) as deaf:
        deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.shake_hands()
        assert deaf.attach(101)
        try:
            for seq in range(20_000):
                deaf.ask("queryStockOrders", seq)
                if seq % 500 == 0:
                    still_serves(remote, told, 1000 + seq)
                if strict.terminal.clients == 1:
                    break
        except OSError:
            pass  # cut off in the middle of a frame
        eventually(lambda: strict.terminal.clients == 1)
    still_serves(remote, told)
    remote.detach(told)


def test_a_client_that_never_reads_its_pushes_is_cut_off(tmp_path: Path) -> None:
    served = Served(tmp_path / "userdata_mini", replace(LinkLimits(), most_rows=50, stall_seconds=1000.0))
    try:
        remote, told = served.client(100)
        with HandPeer(served.directory) as deaf:
            deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.shake_hands()
            assert deaf.attach(101)
            deaf.ask("subscribe", 1)
            deaf.expect("answer")
            seq = 10
            while served.terminal.clients == 2:
                remote.request(told, "orderStock", seq, BUY)
                told.wait_for("answer", "orderStock", seq)
                told.said.clear()
                seq += 1
                assert seq < 50_000, "it was never cut off"
        still_serves(remote, told)
        remote.detach(told)
    finally:
        served.close()


def test_a_client_that_asks_faster_than_it_reads_is_made_to_wait(tmp_path: Path) -> None:
    limits = replace(LinkLimits(), most_rows=2000, resume_rows=100, stall_seconds=1000.0)
    served = Served(tmp_path / "userdata_mini", limits)
    try:
        for _ in range(100):
            served.terminal.order_by_hand("buy", "600000.SH", 9.6, 100)
        with HandPeer(served.directory) as greedy:
            greedy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
            greedy.shake_hands()
            assert greedy.attach(101)
            for seq in range(200):
                greedy.ask("queryStockOrders", seq)
            for seq in range(200):
                answer = greedy.expect("answer")
                assert (answer["seq"], len(answer["payload"])) == (seq, 100)
    finally:
        served.close()


# --- the files ---------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_key_is_private_and_a_readable_one_is_refused(served: Served, log: list[str]) -> None:
    path = link_home.key_file(served.directory)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    path.chmod(0o640)
    with pytest.raises(LinkError, match="其他用户"):
        link_home.make_key(served.directory)
    assert RemoteTerminal(served.directory).attach(Told(), 1) is False
    assert any("其他用户" in line for line in log)
    with pytest.raises(LinkError, match="其他用户"):
        link_client.control(served.directory)


def test_a_key_is_made_once_and_never_replaced(tmp_path: Path) -> None:
    link_home.folder_of(tmp_path).mkdir()
    link_home.key_file(tmp_path).with_suffix(".key.new").write_bytes(b"left by a killed process")
    key = link_home.make_key(tmp_path)
    assert link_home.make_key(tmp_path) == key
    link_home.key_file(tmp_path).write_bytes(b"short")
    with pytest.raises(LinkError, match="32"):
        link_home.make_key(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"protocol": 2}',
        '{"protocol": 1, "host": "127.0.0.1", "port": 0, "pid": 1}',
        "{" * 9000,
    ],
)
def test_an_address_file_that_makes_no_sense_is_no_terminal(tmp_path: Path, text: str) -> None:
    link_home.folder_of(tmp_path).mkdir()
    link_home.address_file(tmp_path).write_text(text)
    with pytest.raises(LinkError):
        link_home.read_address(tmp_path)
    remote = link_client.find(str(tmp_path))
    assert isinstance(remote, RemoteTerminal)
    assert remote.attach(Told(), 1) is False
    assert remote.client_settings.directory_of("") == str(tmp_path)


def test_a_stale_address_is_a_connect_in_vain(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link_home.folder_of(tmp_path).mkdir()
    link_home.make_key(tmp_path)
    link_home.write_address(tmp_path, Address("127.0.0.1", port, 1, connect_timeout=0.25))
    remote = RemoteTerminal(tmp_path)
    assert on_a_thread(lambda: remote.attach(Told(), 1)) is False
    assert remote.client_settings.connect_timeout == 0.25


def test_no_terminal_is_found_where_none_ever_was(tmp_path: Path) -> None:
    assert link_client.find(str(tmp_path)) is None
    assert link_client.find("") is None


# --- control -----------------------------------------------------------------------------------


def test_control_calls_do_what_the_terminals_methods_do(served: Served) -> None:
    remote, told = served.client(100)
    with link_client.control(served.directory) as control:
        control.market.set("600000", last=10.5)
        assert control.market.quote("600000")["last"] == 10.5
        assert "600036.SH" in control.market.codes()
        control.market.add("600999.SH", name="测试", prev_close=14.2)
        assert served.terminal.market.quote("600999.SH").prev_close == 14.2
        control.hold("600000.SH", 300, 9.5)
        control.deposit(1.0)
        sysid = control.order_by_hand("buy", "600000.SH", 9.9, 100)
        assert [order["order_sysid"] for order in control.orders()] == [sysid]
        assert control.trades() == []
        control.push_account_status(3)
        assert told.wait_for("push", "account_status")[2]["status"] == 3
        assert control.accounts() == [{"account_id": ACCOUNT, "account_type": 2}]
        control.next_day()
        assert (control.orders(), control.state()["days"]) == ([], 1)
        control.faults.refuse_connects(1)
        assert RemoteTerminal(served.directory).attach(Told(), 101) is False
        control.faults.set("delay", 0.5)
        assert control.state()["faults"]["delay"] == 0.5
        control.faults.clear()
        control.crash()
        told.wait_for("dropped", True)
        assert RemoteTerminal(served.directory).attach(Told(), 101) is False
        control.restart()
        assert remote.attach(told, 102)
    remote.detach(told)


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("close", ()),
        ("__class__", ()),
        ("counter.place", ()),
        ("market._market.set", ()),
        ("faults._terminal.close", ()),
        ("faults.rng.seed", (1,)),
        ("faults.set", ("rng", 1)),
        ("faults.set", ("delay", -1)),
        ("faults.set", ("delay", "1")),
        ("faults.set", ("duplicate", 1.5)),
        ("faults.set", ("answer_while_down", "lies")),
        ("faults.hang", ("orderStock",)),
        ("market.set", ("000000.SH",)),
        ("deposit", (-1e15,)),
        ("orders", (1, 2, 3)),
    ],
)
def test_a_control_call_that_cannot_be_is_an_error_and_changes_nothing(
    served: Served, call: str, args: tuple[Any, ...]
) -> None:
    with link_client.control(served.directory) as control:
        before = control.state()
        with pytest.raises(LinkError):
            control.call(call, *args)
        assert {**control.state(), "now": 0} == {**before, "now": 0}


def test_control_without_a_terminal_says_so(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="仿真终端"):
        link_client.control(tmp_path)


def test_an_unanswered_control_call_ends_in_time(served: Served) -> None:
    with link_client.control(served.directory, seconds=0.2) as control:
        held, done = threading.Event(), threading.Event()

        def hold_the_lock() -> None:
            with served.terminal._lock:
                held.set()
                done.wait(SOON)

        thread = threading.Thread(target=hold_the_lock)
        thread.start()
        held.wait(SOON)
        with pytest.raises(LinkError, match="没有回答"):
            control.orders()
        done.set()
        thread.join(SOON)
