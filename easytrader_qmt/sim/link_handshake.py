"""How the two ends of a link prove to each other that they know the key, without sending it.

HMAC-SHA256 over both ends' fresh nonces, the role and the side that speaks, so that nothing recorded or
reflected is worth anything. Never encrypts what follows: the link belongs on one machine.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import time
from typing import Literal

from easytrader_qmt.sim import link_home
from easytrader_qmt.sim.link_frames import (
    PROTOCOL,
    UNAUTHENTICATED_LIMIT,
    BrokenLinkError,
    Channel,
    Frame,
    encode,
    text_of,
)

NONCE_BYTES = 32
ROLES = ("client", "control")
Role = Literal["client", "control"]
_NEAREST = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def prove(key: bytes, side: str, role: str, client_nonce: bytes, terminal_nonce: bytes) -> bytes:
    """The proof that ``side`` (``client`` or ``terminal``) knows the key, for this connection only."""
    said = f"easytrader-qmt link {PROTOCOL} {side} {role} ".encode("ascii")
    return hmac.new(key, said + client_nonce + terminal_nonce, hashlib.sha256).digest()


def as_client(channel: Channel, key: bytes, role: Role, deadline: float) -> None:
    """Introduce this end and check the terminal. Raises BrokenLinkError when either is not convinced."""
    mine = secrets.token_bytes(NONCE_BYTES)
    _say(channel, {"type": "hello", "protocol": PROTOCOL, "role": role, "nonce": mine.hex()})
    challenge = _expect(channel, "challenge", deadline)
    theirs = _bytes_of(challenge, "nonce", NONCE_BYTES)
    expected = prove(key, "terminal", role, mine, theirs)
    if not hmac.compare_digest(expected, _bytes_of(challenge, "proof", len(expected))):
        raise BrokenLinkError("对方不知道本目录的密钥，不是这里的仿真终端")
    _say(channel, {"type": "proof", "proof": prove(key, "client", role, mine, theirs).hex()})
    _expect(channel, "welcome", deadline)


def reach(directory: str, role: Role, seconds: float) -> Channel:
    """An authenticated channel to the terminal process at ``directory``, within ``seconds``.

    Raises BrokenLinkError when nobody answers as it should, LinkError or OSError when the address or the key
    cannot be used.
    """
    deadline = time.monotonic() + seconds
    address, key = link_home.read_address(directory), link_home.read_key(directory)
    try:
        # One that listens on every address is reached on the loopback: Windows connects to no "any" address.
        sock = socket.create_connection((_NEAREST.get(address.host, address.host), address.port), seconds)
    except OSError as error:
        raise BrokenLinkError(f"{address.host}:{address.port} 无人应答：{error}") from None
    try:
        channel = Channel(sock, min(1.0, seconds / 4))
    except OSError:
        sock.close()
        raise
    try:
        as_client(channel, key, role, deadline)
    except BaseException:
        channel.close()
        raise
    return channel


def as_terminal(channel: Channel, key: bytes, deadline: float) -> Role:
    """Check a client that just connected; its role. Raises BrokenLinkError for one that is not ours."""
    hello = _expect(channel, "hello", deadline)
    if hello.get("protocol") != PROTOCOL:
        refuse(channel, f"协议版本 {hello.get('protocol')!r} 不受支持，本终端是 {PROTOCOL}")
    role = text_of(hello, "role")
    if role not in ROLES:
        refuse(channel, f"未知的角色 {role[:20]!r}")
    theirs = _bytes_of(hello, "nonce", NONCE_BYTES)
    mine = secrets.token_bytes(NONCE_BYTES)
    proof = prove(key, "terminal", role, theirs, mine)
    _say(channel, {"type": "challenge", "protocol": PROTOCOL, "nonce": mine.hex(), "proof": proof.hex()})
    answer = _bytes_of(_expect(channel, "proof", deadline), "proof", len(proof))
    if not hmac.compare_digest(prove(key, "client", role, theirs, mine), answer):
        refuse(channel, "密钥不符")
    return "client" if role == "client" else "control"


def welcome(channel: Channel) -> None:
    """Tell a checked client that it may go on."""
    _say(channel, {"type": "welcome"})


def refuse(channel: Channel, reason: str) -> None:
    """Tell the peer why, and raise BrokenLinkError."""
    _say(channel, {"type": "refused", "message": reason})
    raise BrokenLinkError(reason)


def _say(channel: Channel, message: Frame) -> None:
    channel.write(encode(message, UNAUTHENTICATED_LIMIT), stall_seconds=1.0)


def _expect(channel: Channel, kind: str, deadline: float) -> Frame:
    message = channel.read(UNAUTHENTICATED_LIMIT, deadline)
    if message["type"] == "refused":
        raise BrokenLinkError(f"仿真终端拒绝了连接：{str(message.get('message'))[:200]}")
    if message["type"] != kind:
        raise BrokenLinkError(f"握手中应收到 {kind}，却收到 {message['type'][:20]!r}")
    return message


def _bytes_of(message: Frame, name: str, size: int) -> bytes:
    text = text_of(message, name)
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise BrokenLinkError(f"{name} 不是十六进制") from None
    if len(value) != size:
        raise BrokenLinkError(f"{name} 应为 {size} 字节")
    return value
