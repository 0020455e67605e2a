"""The guide names everything a user can meet, and nothing that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields

import click
import pytest

from easytrader_qmt import errors
from easytrader_qmt.cli import main
from easytrader_qmt.events import EVENTS
from easytrader_qmt.miniqmt.default_callback import DefaultXtQuantTraderCallback
from easytrader_qmt.miniqmt.doctor_checks import TITLES
from easytrader_qmt.miniqmt.options import OPTION_NAMES
from easytrader_qmt.miniqmt.policy import State
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.risk import Risk, RiskLimits
from easytrader_qmt.sim.faults import Faults
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.live_market import LiveMarket
from easytrader_qmt.sim.terminal import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests import documents


def page(name: str) -> str:
    return (documents.GUIDE / name).read_text(encoding="utf-8")


def guide() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in documents.documents())


def public(of: object) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def missing(names: Iterable[str], text: str) -> list[str]:
    """The names that nothing in backticks mentions."""
    quoted = " ".join(re.findall(r"`([^`\n]+)`", text))
    return sorted(name for name in names if not re.search(rf"(?<!\w){name}(?!\w)", quoted))


def test_every_check_of_the_doctor_has_its_section() -> None:
    text = page("troubleshooting.md")
    for key, title in TITLES.items():
        heading = re.search(rf"^### (.+)（.*`{key}`.*）$", text, re.MULTILINE)
        assert heading is not None, key
        if key != "probe":
            assert heading[1] == title
    for key in ("connect", "subscribe", "asset", "account_status"):
        assert re.search(rf"^### .+（.*`{key}`.*）$", text, re.MULTILINE), key


def test_every_event_and_callback() -> None:
    assert missing(EVENTS, page("events.md")) == []
    callbacks = {name for name in public(DefaultXtQuantTraderCallback) if name.startswith("on_")}
    assert missing(callbacks, page("coverage.md")) == []


def test_every_call_of_the_vendor() -> None:
    calls = public(simulated_vendor().trader_class)
    # Inside of the vendor's layer, not for its users.
    calls -= {"connected", "loop", "oldloop"}
    text = page("coverage.md")
    bare = {name.removesuffix("_async") for name in calls if name.startswith(("query_", "bank_", "ctp_"))}
    others = {name for name in calls if not name.startswith(("query_", "bank_", "ctp_"))}
    assert missing(bare | others, text) == []


def test_every_verb() -> None:
    verbs = public(MiniqmtTrader) - {"broker_type"}
    assert missing(verbs, guide()) == []


def test_every_argument_of_connect() -> None:
    assert missing(OPTION_NAMES, page("quickstart.md") + page("reconnect.md")) == []


def test_nothing_that_is_not_there() -> None:
    said = set(re.findall(r"(?<![\w.])user\.([a-z]\w*)", guide()))
    assert said - public(SimTrader) == set()
    said = set(re.findall(r"(?<!\w)terminal\.faults\.([a-z]\w*)", guide()))
    assert said - public(Faults()) == set()
    said = set(re.findall(r"(?<!\w)terminal\.market\.([a-z]\w*)", guide()))
    assert said - public(LiveMarket) == set()


def test_every_fault_and_limit() -> None:
    asked = {"frozen", "logged_out", "answer_logged_out", "hanging", "wait_while_hanging", "refuses_connect"}
    asked |= {"next_order", "distort", "rng"}
    assert missing(public(Faults()) - asked, page("simulation.md")) == []
    assert missing((field.name for field in fields(RiskLimits)), page("risk.md")) == []
    assert {"kill", "resume", "killed", "kill_reason"} <= public(Risk)
    assert {"deposit", "hold", "next_day", "order_by_hand", "push_account_status"} <= public(Terminal)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if isinstance(getattr(errors, name), type)])
def test_every_error(name: str) -> None:
    assert missing([name], guide()) == []


def test_every_state() -> None:
    assert missing((str(state) for state in State), page("reconnect.md")) == []
    picture = (documents.GUIDE / "images" / "states.svg").read_text(encoding="utf-8")
    assert [str(state) for state in State if f">{state}<" not in picture] == []
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_every_command() -> None:
    text = page("cli.md")
    for name, command in main.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        assert missing([f"{name} {sub}" for sub in inner] or [name], text) == []


def test_every_exit_status() -> None:
    from easytrader_qmt import cli_connection as ends

    text = page("cli.md")
    for status in (ends.SUCCESS, ends.FAILED, 2, ends.REFUSED, ends.NOT_SENT, ends.IN_DOUBT):
        assert re.search(rf"^\| {status} \|", text, re.MULTILINE), status
