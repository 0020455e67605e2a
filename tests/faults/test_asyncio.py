"""The user's event loop is the user's: before, during and after, and nothing of ours is left open."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from tests.facade import SOON, child, script
from tests.rig import Rig

pytestmark = pytest.mark.usefixtures("no_leaks")


async def add(one: int, other: int) -> int:
    await asyncio.sleep(0)
    return one + other


@pytest.fixture
def own_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop set on this thread, as an older notebook has it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


def current_loop() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return asyncio.get_event_loop_policy().get_event_loop()


def test_asyncio_run_before_and_after(rig: Rig) -> None:
    assert asyncio.run(add(1, 2)) == 3
    rig.outage()
    assert rig.user.balance
    assert asyncio.run(add(3, 4)) == 7
    rig.user.exit()
    assert asyncio.run(add(5, 6)) == 11


def test_connecting_after_asyncio_run(terminal: Terminal, new_rig: Callable[..., Rig]) -> None:
    """The vendor's constructor on the main thread raises RuntimeError then."""
    asyncio.run(add(1, 2))
    rig = new_rig().connect()
    assert rig.user.buy("600036", 35.5, 100)["entrust_no"] > 0


def test_everything_inside_a_running_loop(new_rig: Callable[..., Rig]) -> None:
    async def session() -> int:
        loop = asyncio.get_running_loop()
        rig = new_rig().connect()
        assert asyncio.get_running_loop() is loop
        assert rig.user.buy("600036", 35.5, 100)["entrust_no"] > 0
        rig.outage()
        told: asyncio.Future[str] = loop.create_future()
        rig.user.on("trade", lambda row: loop.call_soon_threadsafe(told.set_result, row["stock_code"]))
        await asyncio.to_thread(rig.user.buy, "000001", 11.4, 100)
        assert await asyncio.wait_for(told, SOON) == "000001.SZ"
        rig.user.exit()
        assert asyncio.get_running_loop() is loop
        return await add(1, 2)

    assert asyncio.run(session()) == 3


def test_a_loop_that_was_set_stays_set(
    own_loop: asyncio.AbstractEventLoop, new_rig: Callable[..., Rig]
) -> None:
    rig = new_rig().connect()
    assert current_loop() is own_loop
    rig.outage()
    assert current_loop() is own_loop
    rig.user.exit()
    assert current_loop() is own_loop
    assert own_loop.run_until_complete(add(1, 2)) == 3


def test_nothing_of_ours_calls_set_event_loop_on_the_users_thread(
    new_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    original = asyncio.set_event_loop

    def watched(loop: Any) -> None:
        threads.append(threading.current_thread().name)
        original(loop)

    monkeypatch.setattr(asyncio, "set_event_loop", watched)
    rig = new_rig().connect()
    for _ in range(3):
        rig.outage()
    rig.user.exit()
    import gc

    gc.collect()
    assert len(threads) >= 4, "the vendor's constructor does, on a thread of its own"
    assert threading.current_thread().name not in threads


def test_every_session_closes_the_loop_it_made(
    new_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[asyncio.AbstractEventLoop] = []
    original = asyncio.new_event_loop

    def kept() -> asyncio.AbstractEventLoop:
        made.append(original())
        return made[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", kept)
    rig = new_rig().connect()
    for _ in range(4):
        rig.outage()
    assert [loop.is_closed() for loop in made] == [True] * 4 + [False]
    rig.user.exit()
    assert all(loop.is_closed() for loop in made)


def test_a_script_that_uses_asyncio_all_the_way(tmp_path: Path) -> None:
    """On a real main thread, with every warning an error."""
    text = """
import asyncio, warnings
import easytrader_qmt as easytrader

async def nothing():
    await asyncio.sleep(0)
    return 'ok'

assert asyncio.run(nothing()) == 'ok'
with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # the vendor's files have escapes of their own
    user = easytrader.use('sim')
user.connect(heartbeat_interval=0)

async def inside():
    loop = asyncio.get_running_loop()
    other = easytrader.use('sim')
    other.connect(heartbeat_interval=0)
    assert other.buy('600036', 35.5, 100)['entrust_no'] > 0
    other.terminal.faults.disconnect()
    other.reconnect()
    assert other.wait_ready(20)
    other.exit()
    assert asyncio.get_running_loop() is loop
    return await nothing()

assert asyncio.run(inside()) == 'ok'
user.reconnect()
assert user.wait_ready(20)
user.exit()
del user
import gc
gc.collect()
assert asyncio.run(nothing()) == 'ok'
print('end')
"""
    ended = child("-W", "error", "-X", "dev", script(tmp_path, text), cwd=tmp_path)
    assert (ended.returncode, ended.stdout.strip()) == (0, "end"), ended.stderr
    assert "ResourceWarning" not in ended.stderr, ended.stderr
