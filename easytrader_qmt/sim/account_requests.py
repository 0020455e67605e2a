"""What a simulated terminal answers about margin, new issues, transfers, share registers and banks.

Decides and returns; never says anything to a client itself. What the simulation knows nothing of (banks,
futures, securities lending by appointment) is answered in the shape the vendor's layer expects, as a refusal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from easytrader_qmt.sim.account import secu_account
from easytrader_qmt.sim.new_issues import issue_rows, limit_rows

if TYPE_CHECKING:
    from easytrader_qmt.sim.terminal import Terminal

Answer = tuple[Any, tuple[Any, ...]]

NO_BANK = "仿真柜台没有银行"
NO_LENDING = "仿真柜台不支持约券"
NO_ALGO = "仿真柜台不支持智能算法"


@dataclass(frozen=True)
class Asked:
    """One request: the native call's name, its number, its fields, and what the client has subscribed."""

    name: str
    seq: int
    fields: dict[str, Any]
    subscribed: set[str]


def account_of(terminal: Terminal, asked: Asked) -> str:
    """The account asked about, opened if the terminal's settings say so; '' for none of that number and type.

    A number that is known under another type is as unknown as any: its figures are another account's.
    """
    account_id, fields = named(asked), asked.fields
    account_type = fields.get("account_type", fields.get("m_nAccountType", 2))
    return account_id if terminal.ensure_account(account_id, account_type) else ""


def named(asked: Asked) -> str:
    """The number of the account asked about. Structs with m_ names only, as those of transfers, come with these."""
    return str(asked.fields.get("account_id", asked.fields.get("m_strAccountID", "")))


def _detail(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.credit.detail(account_of(terminal, asked), terminal.exchange_time), ()


def _compacts(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.credit.compacts(account_of(terminal, asked)), ()


def _subjects(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.credit.subjects(account_of(terminal, asked)), ()


def _slo_codes(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.credit.slo_codes(account_of(terminal, asked)), ()


def _assures(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.credit.assures(account_of(terminal, asked)), ()


def _unknown(asked: Asked) -> str:
    return f"资金账号 {named(asked)} 未登录"


def _type_of(terminal: Terminal, account_id: str) -> int | None:
    return next((one.account_type for one in terminal.accounts if one.account_id == account_id), None)


def _purchase_limit(terminal: Terminal, asked: Asked) -> Answer:
    account_type = _type_of(terminal, account_of(terminal, asked))
    return ([] if account_type is None else limit_rows(on_margin=account_type == 3)), ()


def _ipo_data(terminal: Terminal, asked: Asked) -> Answer:
    wanted = asked.fields.get("ipo_type", "")
    return [row for row in issue_rows(terminal.exchange_time) if wanted in ("", row["ipo_type"])], ()


def _transfer(terminal: Terminal, asked: Asked) -> Answer:
    sent, account_id = asked.fields, account_of(terminal, asked)
    if not account_id:
        return {"m_strAccountID": named(asked), "m_bSuccess": False, "m_strMsg": _unknown(asked)}, ()
    done = terminal.counter.transfers.move(
        account_id,
        sent["m_nOrderType"],
        sent["m_dPrice"],
        sent.get("m_strStockCode1") or sent["m_strStockCode"],
        sent["m_nOrderVolume"],
    )
    response = {"m_strAccountID": account_id, "m_bSuccess": done.success, "m_strMsg": done.text}
    return response, done.events


def _com_fund(terminal: Terminal, asked: Asked) -> Answer:
    # The vendor's layer takes the first row without looking: an empty list would be an IndexError.
    unknown = {"m_bSuccess": False, "m_strMsg": _unknown(asked)}
    return terminal.counter.transfers.fund(account_of(terminal, asked)) or [unknown], ()


def _com_positions(terminal: Terminal, asked: Asked) -> Answer:
    return terminal.counter.transfers.positions(account_of(terminal, asked)), ()


def _secu_accounts(terminal: Terminal, asked: Asked) -> Answer:
    account_id = account_of(terminal, asked)
    if _type_of(terminal, account_id) is None:
        return [], ()
    return [
        {"main": True, "market": market, "secu_account": secu_account(account_id, f".{market}")}
        for market in ("SH", "SZ")
    ], ()


def _no_bank(terminal: Terminal, asked: Asked) -> Answer:
    return [{"success": False, "error_msg": NO_BANK, "account_id": asked.fields["account_id"]}], ()


def _no_bank_transfer(terminal: Terminal, asked: Asked) -> Answer:
    return {"account_id": asked.fields["account_id"], "success": False, "error_msg": NO_BANK}, ()


def _no_ctp_transfer(terminal: Terminal, asked: Asked) -> Answer:
    ids = {name: asked.fields[name] for name in ("opt_account_id", "ft_account_id")}
    return {**ids, "success": False, "error_msg": "仿真柜台没有期货和期权账号"}, ()


def _no_appointment(terminal: Terminal, asked: Asked) -> Answer:
    return {"m_bSuccess": False, "m_strMsg": NO_LENDING, "m_strApplyID": ""}, ()


def json_refusal(message: str) -> str:
    """A refusal in the JSON text that the vendor's layer parses."""
    return json.dumps({"error": {"errorMsg": message, "msg": message}}, ensure_ascii=False)


def _no_text(message: str) -> Callable[[Terminal, Asked], Answer]:
    return lambda terminal, asked: (json_refusal(message), ())


def _no_rows(terminal: Terminal, asked: Asked) -> Answer:
    return [], ()


ANSWERS: dict[str, Callable[[Terminal, Asked], Answer]] = {
    "queryCreditDetail": _detail,
    "queryStkCompacts": _compacts,
    "queryCreditSubjects": _subjects,
    "queryCreditSloCode": _slo_codes,
    "queryCreditAssure": _assures,
    "queryNewPurchaseLimit": _purchase_limit,
    "queryIPOData": _ipo_data,
    "queryIPOLuckyInfo": _no_rows,
    "transfer": _transfer,
    "queryComFund": _com_fund,
    "queryComPosition": _com_positions,
    "queryPositionStatistics": _no_rows,
    "querySecuAccount": _secu_accounts,
    "queryBankInfo": _no_bank,
    "queryBankAmount": _no_bank,
    "queryBankTransferStream": _no_bank,
    "bankTransfer": _no_bank_transfer,
    "ctpInternalTransfer": _no_ctp_transfer,
    "exportData": _no_text("仿真柜台不支持数据导出"),
    "syncTransactionFromExternal": _no_text("仿真柜台不支持外部交易数据录入"),
    **{
        f"smt{verb}": _no_appointment
        for verb in (
            "NegotiateOrder",
            "AppointmentOrder",
            "AppointmentCancel",
            "CompactRenewal",
            "CompactReturn",
        )
    },
}
"""The answers by the native call's name."""
