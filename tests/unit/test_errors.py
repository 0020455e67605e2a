"""Errors cross processes and are copied with all that they carry, whatever a user had passed."""

from __future__ import annotations

import copy
import inspect
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from easytrader_qmt import errors
from easytrader_qmt.errors import (
    ConnectError,
    EasytraderQmtError,
    InvalidOrder,
    NativeClientMissing,
    OrderNotFinal,
)

KINDS = [
    each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, EasytraderQmtError)
]
WAYS = [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy]
names = {"ids": lambda kind: kind.__name__}


def made(kind: type[EasytraderQmtError]) -> EasytraderQmtError:
    """An error with something in each of its keywords."""
    asked = inspect.signature(kind).parameters.values() if "__init__" in vars(kind) else ()
    words = {
        each.name: {"order_id": 5} if each.name == "order" else f"the {each.name}"
        for each in asked
        if each.kind is each.KEYWORD_ONLY
    }
    error = kind("没有发送 {x}", **words)
    error.sent = None
    return error


@pytest.mark.parametrize("way", WAYS, ids=["pickle", "copy", "deepcopy"])
@pytest.mark.parametrize("kind", KINDS, **names)
def test_every_error_keeps_all_it_carries(kind: type[EasytraderQmtError], way: Any) -> None:
    error = made(kind)
    again = way(error)
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert (again.args, str(again), again.sent) == (error.args, str(error), None)


@pytest.mark.parametrize("kind", KINDS, **names)
def test_the_answer_to_may_i_send_it_again_is_the_classs_own_too(kind: type[EasytraderQmtError]) -> None:
    error = made(kind)
    del error.sent
    assert pickle.loads(pickle.dumps(error)).sent is kind.sent


def test_what_an_import_error_keeps_beside() -> None:
    error = NativeClientMissing("没有 xtquant")
    error.name = "xtquant"
    for way in WAYS:
        assert (way(error).msg, way(error).name) == ("没有 xtquant", "xtquant")


class Stubborn:
    """Pickled by a process, and taken by none."""

    def __reduce__(self) -> Any:
        return made, (int,)


@pytest.mark.parametrize("value", [threading.Lock(), Stubborn(), lambda: 1, (each for each in "ab")])
def test_a_value_that_cannot_be_pickled_is_what_it_looks_like(value: Any) -> None:
    error = InvalidOrder("m", field="price", value=value, rule="数字")
    again = pickle.loads(pickle.dumps(error))
    assert again.value == errors.shown(value)
    assert (again.field, again.rule) == ("price", "数字")
    assert copy.copy(error).value is value


def test_a_lock_is_no_reason_to_refuse_a_deep_copy() -> None:
    lock = threading.Lock()
    findings = (["checked"],)
    error = copy.deepcopy(InvalidOrder("m", field="price", value=lock, rule="数字"))
    assert error.value is lock
    again = copy.deepcopy(ConnectError("m", findings))
    again.findings[0].append("more")
    assert findings == (["checked"],)


def test_an_error_that_carries_itself() -> None:
    error = InvalidOrder("m", field="price", value=[], rule="数字")
    error.value.append(error)  # type: ignore[attr-defined]
    for way in (WAYS[0], WAYS[2]):
        again = way(error)
        assert again.value[0] is again


def refused() -> None:
    raise OrderNotFinal("没有结束", order={"order_id": 5})


def test_a_process_pool_hands_the_error_on() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(OrderNotFinal, match="没有结束") as caught:
            pool.submit(refused).result(60)
        assert caught.value.order == {"order_id": 5}


def test_an_unknown_order_may_or_may_not_have_been_sent() -> None:
    assert OrderNotFinal("m", order=None).sent is None
    assert not OrderNotFinal("m", order=None).safe_to_resend
    assert OrderNotFinal("m", order={}).sent is True
