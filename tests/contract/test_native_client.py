"""The stand-in client at its seam: its methods, and what start, connect and stop do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.sim.native import SESSION_FILE_BYTES, ClientSettings, ClientSide
from tests.native.bench import METHODS, SOON, Bench, answers


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def test_module_says_that_it_is_simulated(bench: Bench) -> None:
    assert bench.module.__name__ == "xtpythonclient"
    assert bench.module.__simulated__ is True
    assert bench.module.XtQuantAsyncClient.__name__ == "XtQuantAsyncClient"


def test_client_has_every_observed_method_and_no_other(bench: Bench) -> None:
    shown = {name for name in dir(bench.module.XtQuantAsyncClient) if not name.startswith("_")}
    assert shown == set(METHODS)


def test_old_version_lacks_what_its_structs_lack() -> None:
    client = Bench("240613.1.0").module.XtQuantAsyncClient
    assert not hasattr(client, "bankTransferWithSeq")
    assert not hasattr(client, "bindOnBankTransferRespCallback")
    assert hasattr(client, "orderStockWithSeq")


def test_all_but_the_nameless_requests_have_an_answer() -> None:
    unanswered = {m.removesuffix("WithSeq") for m in METHODS if m.endswith("WithSeq")}
    unanswered -= {name for name, _, _ in answers()}
    assert unanswered == {
        "orderStockImmediate",
        "cancelOrderStockImmediate",
        "sendCommandOrderReq",
        "sendCancelCommandOrderReq",
    }


def test_constructor(bench: Bench) -> None:
    make = bench.module.XtQuantAsyncClient
    make(path="模拟", name="xtquant", session=1).connect()
    make("D:\\券商\\userdata_mini".encode("gb18030"), "xtquant", 1).connect()
    assert bench.paths == ["模拟", "D:\\券商\\userdata_mini"]
    for wrong in ((None, "xtquant", 1), ("p", "xtquant", "1"), ("p", None, 1)):
        with pytest.raises(TypeError):
            make(*wrong)


def test_sequence_numbers_are_positive_and_new(bench: Bench) -> None:
    client = bench.client()
    seqs = [client.nextSeq() for _ in range(50)]
    assert min(seqs) > 0
    assert len(set(seqs)) == 50
    assert client.setTimeout(5) is None


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("subscribeWithSeq", (1, None)),
        ("subscribeWithSeq", (1,)),
        ("subscribeWithSeq", ("1", "SubscribeReq")),
        ("orderStockWithSeq", (1, "SubscribeReq")),
        ("exportDataWithSeq", (1, b"", 5)),
        ("getSmartAlgoParamWithSeq", (1, "VWAP")),
        ("bindOnStockOrderCallback", (None,)),
        ("setTimeout", ("5",)),
    ],
)
def test_wrong_arguments_are_refused(bench: Bench, method: str, arguments: tuple[Any, ...]) -> None:
    given = [
        getattr(bench.module, one)() if isinstance(one, str) and one.endswith("Req") else one
        for one in arguments
    ]
    client = bench.connected()
    with pytest.raises(TypeError):
        getattr(client, method)(*given)
    assert bench.terminal.asked == []


def test_start_makes_the_path_and_the_session_file(tmp_path: Path) -> None:
    home = tmp_path / "no" / "such" / "userdata_mini"
    bench = Bench(directory_of=lambda path: str(home))
    bench.client(session=7).start()
    queue = home / "down_queue_7"
    assert queue.stat().st_size == SESSION_FILE_BYTES == 72 * 1024 * 1024
    with queue.open("r+b") as file:
        file.write(b"kept")
    bench.client(session=7).start()
    with queue.open("rb") as file:
        assert file.read(4) == b"kept"
    assert [one.name for one in home.iterdir()] == ["down_queue_7"]
    bench.close()


def test_start_on_a_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    bench = Bench(directory_of=lambda path: str(tmp_path / "file"))
    bench.there = False
    client = bench.client()
    client.start()
    assert client.connect() == -1
    bench.close()


def test_endpoint_overrides_the_settings(bench: Bench, tmp_path: Path) -> None:
    slept: list[float] = []
    vars(bench.terminal)["client_settings"] = ClientSettings(
        connect_timeout=0.5, sleep=slept.append, directory_of=lambda path: str(tmp_path)
    )
    bench.terminal.takes = lambda client: False
    client = bench.client()
    client.start()
    assert client.connect() == -1
    assert (slept, bench.slept) == ([0.5], [])
    assert (tmp_path / "down_queue_100").exists()


def test_connect_in_vain_is_minus_one_after_three_seconds(bench: Bench) -> None:
    client = bench.client()
    assert client.connect() == -1  # not started
    client.start()
    bench.there = False
    assert client.connect() == -1  # nobody there
    bench.there = True
    bench.terminal.takes = lambda one: False
    assert client.connect() == -1  # refused
    assert bench.slept == [3.0, 3.0, 3.0]
    bench.terminal.takes = lambda one: True
    assert client.connect() == 0
    assert bench.slept == [3.0, 3.0, 3.0]
    assert [session for _, session in bench.terminal.attached] == [100, 100]


def test_connect_again_while_connected_stays_connected(bench: Bench) -> None:
    client = bench.connected()
    assert client.connect() == 0
    assert len(bench.terminal.attached) == 1


@pytest.mark.parametrize("meanwhile", ["stop", "drop"])
def test_connection_lost_while_connecting(bench: Bench, meanwhile: str) -> None:
    client = bench.client()

    def take(side: ClientSide) -> bool:
        client.stop() if meanwhile == "stop" else side.dropped(False)
        return True

    bench.terminal.takes = take
    client.start()
    assert client.connect() == -1
    assert bench.terminal.detached == [bench.terminal.client]


def test_stop_leaves_the_terminal_and_start_works_again(bench: Bench) -> None:
    client = bench.connected()
    client.stop()
    client.stop()
    assert bench.terminal.detached == [bench.terminal.client]
    client.start()
    client.start()
    assert client.connect() == 0
    client.subscribeWithSeq(3, bench.module.SubscribeReq())
    assert bench.next() == ("bindOnSubscribeRespCallback", 3, 0)


def test_stop_ends_the_delivery_thread(bench: Bench) -> None:
    before = set(threading.enumerate())  # one of an earlier test may still be ending
    client = bench.connected()
    threads = [one for one in threading.enumerate() if one not in before]
    assert [one.name for one in threads] == ["xtquant-sim-delivery-100"]
    assert threads[0].daemon
    client.stop()
    threads[0].join(SOON)
    assert not threads[0].is_alive()
