"""The accounts of a connection, added and removed by several threads at once."""

from __future__ import annotations

import contextlib
import threading
from types import SimpleNamespace
from typing import Any

from easytrader_qmt.miniqmt.account_list import AccountList
from tests.facade import SOON


def account(number: str = "1", kind: int = 2) -> Any:
    return SimpleNamespace(account_id=number, account_type=kind)


def test_an_account_is_there_once_and_its_number_as_another_type_is_another_account() -> None:
    first = account()
    accounts = AccountList((first,))
    assert not accounts.add(account())
    assert accounts.add(account(kind=3))
    assert accounts.has(account(kind=3))
    assert not accounts.has(account("2"))
    assert [(each.account_id, each.account_type) for each in accounts.all] == [("1", 2), ("1", 3)]


def test_only_whoever_added_it_removes_it() -> None:
    first = account()
    accounts = AccountList((first,))
    assert not accounts.remove(account())
    assert accounts.all == (first,)
    assert accounts.remove(first)
    assert not accounts.remove(first)
    assert not accounts.all


class Watched:
    """An account; whoever compares another one with it waits a moment for a second thread that does."""

    account_type = 2

    def __init__(self, meet: threading.Barrier) -> None:
        self._meet = meet

    @property
    def account_id(self) -> str:
        with contextlib.suppress(threading.BrokenBarrierError):
            self._meet.wait(0.05)  # both are here only where nothing keeps them apart
        return "0"


def test_two_threads_that_add_one_account_at_once_add_it_once() -> None:
    accounts = AccountList((Watched(threading.Barrier(2)),))
    added: list[bool] = []
    threads = [threading.Thread(target=lambda: added.append(accounts.add(account()))) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(SOON)
    assert sorted(added) == [False, True]
    assert len(accounts.all) == 2
