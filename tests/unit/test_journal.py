"""The order journal: what is known of an order, and how it is read."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.journal import Entry, Intent, Journal, Outcome
from easytrader_qmt.orders import limit_order, market_order
from easytrader_qmt.remarks import order_token, token_of
from tests.clocks import FakeClock
from tests.journal_child import ACCOUNT, intent

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "journal.db"


@pytest.fixture
def journal(path: Path, clock: FakeClock) -> Iterator[Journal]:
    made = Journal(path, clock=clock)
    yield made
    made.close()


def found(journal: Journal, client_order_id: str) -> Entry:
    entry = journal.find(ACCOUNT, client_order_id)
    assert entry is not None
    return entry


# --- one order ----------------------------------------------------------------------------------------


def test_nothing_is_made_before_the_first_write(journal: Journal, path: Path, tmp_path: Path) -> None:
    assert journal.find(ACCOUNT, "a") is None
    assert (journal.entries(), journal.open_doubts(ACCOUNT), list(journal.export("json"))) == (
        (),
        (),
        ["[]\n"],
    )
    assert list(tmp_path.iterdir()) == []
    journal.begin(intent("a"))
    assert path.is_file()


def test_an_intent_is_on_disk_before_the_answer(journal: Journal, path: Path) -> None:
    begun = journal.begin(intent("a"))
    assert begun.fresh
    with sqlite3.connect(path) as other:
        rows = other.execute("SELECT client_order_id, outcome, token FROM orders").fetchall()
        mode = other.execute("PRAGMA journal_mode").fetchone()
    other.close()
    assert (rows, mode) == ([("a", "sending", begun.token)], ("wal",))


def test_a_known_id_is_not_sent_again(journal: Journal) -> None:
    first = journal.begin(intent("a"))
    second = journal.begin(intent("a"))
    assert (second.fresh, second.key) == (False, first.key)
    assert journal.finish(first.key, "accepted", order_id=123)
    third = journal.begin(intent("a"))
    assert third.known is not None
    assert (third.fresh, third.known.outcome, third.known.order_id) == (False, "accepted", 123)


@pytest.mark.parametrize("outcome", ["accepted", "refused", "in_doubt"])
def test_only_an_order_that_is_nowhere_may_be_sent_again(journal: Journal, outcome: Outcome) -> None:
    journal.finish(journal.begin(intent("a")).key, outcome)
    assert not journal.begin(intent("a")).fresh


@pytest.mark.parametrize("outcome", ["not_sent", "absent"])
def test_another_attempt_has_its_own_token(journal: Journal, outcome: Outcome) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, outcome)
    second = journal.begin(intent("a"))
    assert (second.fresh, second.attempt) == (True, 1)
    assert second.token == order_token(ACCOUNT, "a", 1) != first.token
    assert token_of(second.remark) == second.token
    assert not journal.begin(intent("a")).fresh
    earlier = journal.find_token(ACCOUNT, first.token)
    assert earlier is not None
    assert (earlier.outcome, found(journal, "a").attempt) == (outcome, 1)


def test_an_attempt_thought_absent_that_turns_up_decides_the_order(journal: Journal) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, "absent")
    second = journal.begin(intent("a"))
    journal.finish(second.key, "not_sent")
    journal.finish(first.key, "accepted", order_id=9)
    assert (found(journal, "a").order_id, journal.begin(intent("a")).fresh) == (9, False)
    assert [entry.outcome for entry in journal.attempts(ACCOUNT, "a")] == ["accepted", "not_sent"]


@pytest.mark.parametrize(
    "change",
    [{"amount": 200}, {"price": 35.2}, {"stock_code": "600000.SH"}, {"order_type": 24}, {"price_type": 44}],
)
def test_an_id_means_one_order_for_ever(journal: Journal, change: dict[str, object]) -> None:
    first = journal.begin(intent("a"))
    journal.finish(first.key, "absent")
    with pytest.raises(InvalidOrder, match=r"600036\.SH") as caught:
        journal.begin(intent("a")._replace(**change))  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.sent) == ("client_order_id", False)
    assert journal.begin(intent("a")).fresh


def test_the_protect_price_is_not_part_of_a_market_order(journal: Journal) -> None:
    for price, fresh in ((38.6, True), (38.7, False)):
        request = market_order("600036", "buy", 100, protect_price=price)
        assert journal.begin(Intent.of(request, ACCOUNT, "a")).fresh is fresh


def test_accounts_do_not_share_ids(journal: Journal) -> None:
    request = limit_order("600036", "buy", 35.1, 100)
    assert journal.begin(Intent.of(request, "1", "a")).fresh
    assert journal.begin(Intent.of(request, "2", "a")).fresh
    assert journal.find("3", "a") is None


def test_a_long_remark_is_found_by_the_token_of_any_attempt(journal: Journal) -> None:
    made = Intent.of(limit_order("600036", "buy", 35.1, 100, remark="均线突破"), ACCOUNT, "a")
    assert made.remark == f"~{made.token}"
    first = journal.begin(made)
    journal.finish(first.key, "absent")
    second = journal.begin(made)
    assert [journal.user_remark_of(token) for token in (first.token, second.token, "a" * 12)] == [
        "均线突破",
        "均线突破",
        None,
    ]


# --- outcomes -----------------------------------------------------------------------------------------


def test_an_outcome_only_gets_firmer(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    steps: list[tuple[Outcome, int, str]] = [
        ("in_doubt", 0, "in_doubt"),
        ("not_sent", 0, "in_doubt"),
        ("absent", 0, "absent"),
        ("in_doubt", 0, "absent"),
        ("refused", 0, "refused"),
        ("in_doubt", 0, "refused"),
        ("accepted", 5, "accepted"),
        ("absent", 0, "accepted"),
        ("in_doubt", 0, "accepted"),
    ]
    for outcome, order_id, expected in steps:
        assert journal.finish(begun.key, outcome, order_id=order_id, message=outcome)
        assert found(journal, "a").outcome == expected
    entry = found(journal, "a")
    assert (entry.order_id, entry.message, entry.rejected_later) == (5, "accepted", "refused")


def test_a_refusal_after_the_acceptance_is_kept_beside_it(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    journal.finish(begun.key, "accepted", order_id=5)
    for order in (5, begun.token):
        assert journal.attach_refusal(ACCOUNT, order, f"[251005]{order}")
    journal.finish(begun.key, "refused", message="again")
    entry = found(journal, "a")
    assert (entry.outcome, entry.order_id, entry.rejected_later) == ("accepted", 5, "[251005]5")


def test_a_refusal_on_its_own_ends_a_doubt(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    journal.finish(begun.key, "in_doubt")
    journal.attach_refusal("another", begun.token, "no")
    assert found(journal, "a").outcome == "in_doubt"
    journal.attach_refusal(ACCOUNT, begun.token, "[260200]可用资金不足")
    assert (found(journal, "a").outcome, found(journal, "a").message) == ("refused", "[260200]可用资金不足")
    assert journal.open_doubts(ACCOUNT) == ()


def test_a_number_used_again_means_the_latest_order_of_the_day(journal: Journal, clock: FakeClock) -> None:
    for name in ("old", "new"):
        journal.finish(journal.begin(intent(name)).key, "accepted", order_id=5)
    journal.attach_refusal(ACCOUNT, 5, "no")
    assert (found(journal, "old").rejected_later, found(journal, "new").rejected_later) == ("", "no")
    journal.finish(journal.begin(intent("other")).key, "accepted", order_id=4)
    clock.pass_(12 * 3600)
    journal.begin(intent("on its way, its number not known yet"))
    journal.attach_refusal(ACCOUNT, 4, "no")
    assert found(journal, "other").rejected_later == ""
    assert journal.attach_refusal(ACCOUNT, 6, "no")


def test_a_broken_message_does_not_lose_the_outcome(journal: Journal) -> None:
    begun = journal.begin(intent("a"))
    assert journal.finish(begun.key, "refused", message="可用\udcbf")
    assert found(journal, "a").message == "可用?"


def test_an_unknown_outcome_is_refused(journal: Journal) -> None:
    key = journal.begin(intent("a")).key
    for outcome in ("sending", "done"):
        with pytest.raises(InvalidArgument, match="accepted"):
            journal.finish(key, outcome)  # type: ignore[arg-type]


# --- reading ------------------------------------------------------------------------------------------


def test_entries_are_filtered_newest_first(journal: Journal, clock: FakeClock) -> None:
    journal.begin(intent("a"))
    clock.pass_(86_400)
    journal.finish(journal.begin(intent("b")).key, "accepted")
    other = Intent.of(limit_order("000001", "sell", 10.0, 100), "2", "c")
    journal.finish(journal.begin(other).key, "not_sent")

    def names(**filters: object) -> str:
        return "".join(entry.client_order_id for entry in journal.entries(**filters))  # type: ignore[arg-type]

    assert (names(), names(limit=2), names(limit=0), names(account_id="2")) == ("cba", "cb", "", "c")
    assert (names(day="2025-11-03"), names(day="20251104"), names(outcome="accepted")) == ("a", "cb", "b")
    assert (names(security="sz000001"), names(outcome="sending", limit=1)) == ("c", "a")
    assert journal.sent_on(ACCOUNT, "2025-11-04") == (1, 3510.0)
    assert journal.sent_on("2", "2025-11-04") == (0, 0.0)
    typed = Intent.of(limit_order("000001", "sell", 10.0, 100), ACCOUNT, "d", account_type=3)
    journal.begin(typed)
    assert [journal.sent_on(ACCOUNT, "2025-11-04", kind)[0] for kind in (0, 2, 3)] == [2, 1, 2]
    for bad in ({"day": "11/3"}, {"outcome": "done"}, {"limit": -1}, {"limit": True}):
        with pytest.raises(InvalidArgument):
            journal.entries(**bad)


def test_export_is_one_text_and_leaves_the_file_free(journal: Journal) -> None:
    remark = '备注,"x"\n'.strip()
    made = Intent.of(limit_order("600036", "buy", 35.1, 100, remark=remark), ACCOUNT, "0")
    journal.begin(made)
    for number in range(1, 501):
        journal.begin(intent(str(number)))
    pieces = journal.export("csv")
    text = next(pieces)
    journal.begin(intent("501"))
    rows = list(csv.DictReader((text + "".join(pieces)).splitlines()))
    assert [row["client_order_id"] for row in rows] == list(map(str, range(502)))
    assert (rows[0]["user_remark"], rows[0]["begun_at"]) == (remark, "2025-11-03T12:00:00.000+08:00")
    told = json.loads("".join(journal.export("json")))
    assert [row["client_order_id"] for row in told] == list(map(str, range(502)))
    with pytest.raises(InvalidArgument):
        journal.export("xml")  # type: ignore[arg-type]
