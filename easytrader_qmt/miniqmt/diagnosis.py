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
    path, simulated = options.miniqmt_path, vendor.simulated
    running: bool | None = None
    how_to_start, here = "", False
    if simulated:
        from easytrader_qmt.sim.whereabouts import look

        there = look(path)
        running, how_to_start, here = there.running, there.how_to_start, there.here
    findings = doctor.inspect(
        path,
        account=options.stock_account,
        environment=Environment.current(simulated=simulated, terminal_running=running),
        session_ids=options.session_ids,
        session_id=options.session_id,
        how_to_start=how_to_start,
    )
    ranked = doctor.causes(findings, simulated=simulated)[:4]
    usual = "；".join(f"{number}. {cause}" for number, cause in enumerate(ranked, 1))
    said = f"无法连接到 MiniQMT：{reason}\n可能的原因：{usual}\n{doctor.summarise(findings)}"
    if not here:
        # No other process sees a terminal that lives in this one.
        said += f'\n完整检查：python -m easytrader_qmt doctor "{path}"'
    return ConnectError(said, findings)
