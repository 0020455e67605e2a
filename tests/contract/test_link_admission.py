"""Who is let in over the link, and the files that decide it. See docs/link.md."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.sim import link_client, link_home
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_handshake import prove
from easytrader_qmt.sim.link_home import Address, LinkError
from tests.facade import SOON, on_a_thread
from tests.link_peers import BUY, HandPeer, Served, Told, eventually, still_serves

pytestmark = pytest.mark.usefixtures("no_leaks")


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
