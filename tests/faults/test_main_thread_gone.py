"""A bot in a thread that outlives the main thread: Python has stopped xtquant's executors by then."""

from __future__ import annotations

from pathlib import Path

from tests.facade import child, script

BOT = """
import threading
import time

import easytrader_qmt
from easytrader_qmt.errors import NotConnected

user = easytrader_qmt.use("sim")
user.connect(call_timeout=20)


def bot():
    threading.main_thread().join()
    began = time.monotonic()
    for call in (lambda: user.buy("600036", 35.0, 100), lambda: user.batch([]), lambda: user.balance):
        try:
            call()
            print("answered", flush=True)
        except NotConnected as error:
            print("NotConnected", error.sent, "thread.join(1)" in str(error), flush=True)
    print("orders", len(user.terminal.orders()), "soon", time.monotonic() - began < 5, flush=True)
    user.exit()


threading.Thread(target=bot).start()
"""


AT_EXIT = """
import atexit

import easytrader_qmt
from easytrader_qmt.errors import NotConnected

user = easytrader_qmt.use("sim")
user.connect(call_timeout=20)


def last_words():
    try:
        user.buy("600036", 35.0, 100)
    except NotConnected as error:
        print("NotConnected", error.sent, "orders", len(user.terminal.orders()), flush=True)
    user.exit()


atexit.register(last_words)
"""


def test_nothing_is_sent_when_the_interpreter_is_ending(tmp_path: Path) -> None:
    """An exit handler runs on the main thread, which counts as ended by then."""
    done = child(script(tmp_path, AT_EXIT), cwd=tmp_path)
    assert done.stdout.splitlines() == ["NotConnected False orders 0"], done.stderr


def test_nothing_is_sent_whose_answer_could_not_be_heard(tmp_path: Path) -> None:
    done = child(script(tmp_path, BOT), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["NotConnected False True"] * 3 + ["orders 0 soon True"], done.stderr
