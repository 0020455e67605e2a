"""The mapping that forgets by the day, and what the parts of a connection keep of orders over the days."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from easytrader_qmt.journal import Intent
from easytrader_qmt.journal_memory import MemoryJournal, RemarkBook
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.orders import limit_order
from easytrader_qmt.recent_days import RecentDays
from easytrader_qmt.remarks import order_token, outgoing_remark
from tests.clocks import FakeClock
from tests.vendor_objects import ORDER, vendor

DAY = 86_400.0
MOST = 10


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall=1_762_128_000.0)  # 08:00 in Shanghai


def test_what_was_put_in_today_or_yesterday_is_known_and_nothing_older(clock: FakeClock) -> None:
    book: RecentDays[int, str] = RecentDays(clock, 1, MOST)
    for day in range(5):
        book[day] = f"day {day}"
        assert book[day] == f"day {day}"
        clock.pass_(DAY)
    assert book.keys() == (3, 4)
    assert (book.get(3, "gone"), book.get(2, "gone")) == ("day 3", "gone")
    with pytest.raises(KeyError):
        book[2]


def test_what_grows_old_between_two_looks_is_found(clock: FakeClock) -> None:
    """Another thread puts something in, and the young become the old, while this one reads."""

    class Between(RecentDays[int, str]):
        @property
        def _old(self) -> dict[int, str]:
            found: dict[int, str] = vars(self)["old"]
            if self.busy:
                self.busy = False
                clock.pass_(DAY)
                self[2] = "another's"
            return found

        @_old.setter
        def _old(self, value: dict[int, str]) -> None:
            vars(self)["old"] = value

        busy = False

    book = Between(clock, 1, MOST)
    book[1] = "mine"
    book.busy = True
    assert book.get(1, "gone") == "mine"
    book.busy = True
    assert book[1] == "mine"


def test_the_night_is_over_at_midnight_and_not_a_day_after_the_first_entry(clock: FakeClock) -> None:
    book: RecentDays[int, str] = RecentDays(clock, 1, MOST)
    clock.pass_(16 * 3600 - 1)  # 23:59:59
    book[1] = "late"
    clock.pass_(2)
    book[2] = "early"
    assert book.keys() == (1, 2)
    clock.pass_(DAY)
    book[3] = "a day later"
    assert book.keys() == (2, 3)


@pytest.mark.parametrize("days", [1, 3, 7])
def test_an_entry_stays_for_its_days_and_at_most_for_twice_as_many(clock: FakeClock, days: int) -> None:
    book: RecentDays[int, int] = RecentDays(clock, days, 1000)
    for today in range(50):
        book[today] = today
        kept = book.keys()
        assert set(range(max(0, today - days), today + 1)) <= set(kept)
        assert len(kept) <= 2 * days
        clock.pass_(DAY)


def test_the_last_entries_stay_however_many_come_in_a_day(clock: FakeClock) -> None:
    book: RecentDays[int, int] = RecentDays(clock, 1, MOST)
    for number in range(1000):
        book[number] = number
        assert set(range(max(0, number - MOST), number + 1)) <= set(book.keys())
        assert len(book) <= 2 * MOST


def test_what_is_said_again_is_kept_anew(clock: FakeClock) -> None:
    book: RecentDays[str, int] = RecentDays(clock, 1, MOST)
    for day in range(5):
        book["same"] = day
        clock.pass_(DAY)
    assert (book["same"], len(book)) == (4, 1)


def test_what_is_forgotten_on_purpose_does_not_come_back(clock: FakeClock) -> None:
    book: RecentDays[str, int] = RecentDays(clock, 1, MOST)
    book["a"] = 1
    clock.pass_(DAY)
    book["a"] = 2
    book.discard("a")
    book.discard("never known")
    assert "a" not in book
    assert not book


def test_a_clock_set_back_by_years_does_not_stop_the_forgetting(clock: FakeClock) -> None:
    book: RecentDays[int, int] = RecentDays(clock, 1, MOST)
    clock.pass_(-1000 * DAY)
    for day in range(5):
        book[day] = day
        clock.pass_(DAY)
    assert book.keys() == (3, 4)


# --- what is known of orders ------------------------------------------------------------------------


def junk(order_id: int, reason: str, remark: str = "") -> SimpleNamespace:
    return vendor("order", order_id=order_id, order_status=57, status_msg=reason, order_remark=remark)


@pytest.fixture
def watch(clock: FakeClock) -> OrderWatch:
    return OrderWatch(ORDER["account_id"], clock)


def test_a_refusal_by_number_is_not_the_next_days_order_of_that_number(
    clock: FakeClock, watch: OrderWatch
) -> None:
    watch.heard("on_stock_order", junk(7, "资金不足"))
    assert watch.refusal(7) == "资金不足"
    clock.pass_(DAY)
    assert watch.refusal(7) is None


def test_a_refusal_by_token_outlives_the_nights_of_a_holiday(clock: FakeClock, watch: OrderWatch) -> None:
    token = order_token("8", "evening order")
    watch.heard("on_stock_order", junk(7, "资金不足", outgoing_remark("", token)))
    for day in range(7):
        assert watch.refusal(9_000, token) == "资金不足"
        watch.heard(
            "on_stock_order", junk(100 + day, "停牌", outgoing_remark("", order_token("8", str(day))))
        )
        clock.pass_(DAY)
    assert watch.refusal(9_000, token) == "资金不足"


def test_refused_pushes_of_many_days_are_not_gathered(clock: FakeClock, watch: OrderWatch) -> None:
    sizes = []
    for day in range(60):
        for number in range(20):
            token = order_token("8", f"{day}-{number}")
            watch.heard("on_stock_order", junk(number + 1, "资金不足", outgoing_remark("", token)))
            watch.heard("on_stock_order", junk(1000 + number, "资金不足"))
            watch.heard(
                "on_cancel_error",
                SimpleNamespace(account_id=ORDER["account_id"], order_id=1000 + number, error_msg="已成交"),
            )
        clock.pass_(DAY)
        books = [book for book in vars(watch).values() if isinstance(book, RecentDays)]
        sizes.append(sum(map(len, books)))
    assert len(books) == 6
    assert max(sizes[30:]) == max(sizes[:30]) <= 20 * (2 * 5 + 2 * 7)


def test_users_remarks_of_earlier_days_are_asked_for_again_and_not_gathered(clock: FakeClock) -> None:
    journal = MemoryJournal(clock)
    book = RemarkBook(journal, clock)
    tokens = []
    for day in range(40):
        for number in range(20):
            request = limit_order("600036", "buy", 35.0, 100, remark=f"第 {day} 天")
            begun = journal.begin(Intent.of(request, "8", f"{day}-{number}"))
            book.note(begun.token, request.remark)
            tokens.append(begun.token)
        clock.pass_(DAY)
        assert len(book) <= 40
    assert book[tokens[0]] == "第 0 天", "the journal keeps it"
