"""Why a first connect failed, as the error the user sees.

Never connects by itself and never raises: it builds the error.
"""

from __future__ import annotations

from easytrader_qmt.errors import ConnectError
from easytrader_qmt.miniqmt import doctor
from easytrader_qmt.miniqmt.environment import Environment
from easytrader_qmt.miniqmt.options import ConnectOptions
from easytrader_qmt.miniqmt.vendor import Vendor


def connect_error(reason: str, options: ConnectOptions, vendor: Vendor) -> ConnectError:
    """A ConnectError that says what failed, what was found, and what usually helps."""
    findings = doctor.inspect(
        options.miniqmt_path,
        account=options.stock_account,
        environment=Environment.current(simulated=vendor.simulated),
        session_ids=options.session_ids,
    )
    usual = "；".join(f"{number}. {cause}" for number, cause in enumerate(doctor.causes(findings)[:4], 1))
    return ConnectError(
        f"无法连接到 MiniQMT：{reason}\n可能的原因：{usual}\n{doctor.summarise(findings)}\n"
        f"完整检查：python -m easytrader_qmt doctor {options.miniqmt_path}",
        findings,
    )
