"""Clients of a terminal over the link: answers, pushes, faults, slow ones. See docs/link.md."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from easytrader_qmt.sim import link_outgoing
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_handshake import prove
from easytrader_qmt.sim.link_server import LinkLimits
from tests.facade import SOON
from tests.link_peers import BUY, SUBSCRIBE, HandPeer, Served, Told, eventually, still_serves

pytestmark = pytest.mark.usefixtures("no_leaks")


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
