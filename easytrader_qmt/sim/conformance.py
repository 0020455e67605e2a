"""``sim conformance``: how far the stand-in agrees with what was observed of the vendor's native client.

Compares and counts; every difference that is not wrong is named in `KNOWN` and explained in 与真实柜台的差异.
Never connects to a real terminal and never changes the stand-in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt import vendor
from easytrader_qmt.sim import (
    conformance_behaviour,
    conformance_client,
    conformance_observed,
    conformance_structs,
)
from easytrader_qmt.sim.conformance_observed import Finding, Observed

__all__ = ["KNOWN", "Report", "Verdict", "compare", "run"]

KNOWN: Mapping[str, str] = {
    "string.none": "字符串字段写 None 时，真实进程直接崩溃；这里在写入的线程抛出 NativeCrash（不是 Exception），进程还在",
    "string.half_at_counter": "被截掉半个汉字的字段，仿真柜台收到的是去掉残字的文字；真实柜台收到什么没有观察过",
    "relaxed.query_in_response": "观察记录说宽松模式不放开异步响应的回调；这里下单响应里的同步查询会返回，不要依赖",
    "path.chinese": "非中文系统上，真实组件把中文路径写成乱码目录；这里用原样的中文路径",
    "path.empty": "空路径时，真实组件在盘符根目录写 72 MiB 文件；这里什么都不写",
    "start.sparse_file": "down_queue 文件大小同样是 72 MiB，但在多数文件系统上不占磁盘",
    "import.package_index": "真实的 import xtquant 会联网查询更新并打印；这里不执行它的 __init__.py",
    "timeout.no_effect": "set_timeout 只检查参数类型，没有别的作用；真实组件里的作用没有观察过",
    "order.type_error_text": "类型不对时同样抛 TypeError，文字是中文，不是 pybind11 的英文",
    "client.derived": "旧版本的客户端方法没有逐个观察：按该版本有没有所用的结构体推定",
    "client.unanswered": "净值推送 bindOnProductNetValueCallback 可以注册，但不会有推送；厂商的 Python 层也不用它",
    "client.command_orders": "指令类和 Immediate 类下单请求可以发出，但没有应答；厂商的 Python 层不用它们",
    "details.derived": "旧版本只观察了类和属性的名字；类型、默认值、写保护和容量按 250807 推定",
}
"""Every documented difference from the real client by its key, with what differs."""

Outcome = Literal["conforming", "known", "missing", "wrong"]
_OUTCOMES: Mapping[Outcome, str] = {
    "conforming": "符合",
    "known": "已知差异",
    "missing": "缺失",
    "wrong": "不符",
}
_DOCUMENT = "docs/differences.md"


@dataclass(frozen=True)
class Verdict:
    """What one comparison comes to, with why."""

    key: str
    group: str
    version: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Report:
    """All verdicts, and what they were reached from. ``installed`` is the xtquant whose layer really ran."""

    origin: str
    raw: bool
    installed: str
    verdicts: tuple[Verdict, ...]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """How many verdicts of each outcome."""
        counted = Counter(one.outcome for one in self.verdicts)
        return {outcome: counted[outcome] for outcome in _OUTCOMES}

    @property
    def passed(self) -> bool:
        """Whether nothing is missing and nothing wrong."""
        return not self.counts["missing"] and not self.counts["wrong"]

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON-able object; conforming comparisons only as counts."""
        return {
            "origin": self.origin,
            "raw": self.raw,
            "installed": self.installed,
            "passed": self.passed,
            "counts": dict(self.counts),
            "by_version": {f"{version}/{group}": row for (version, group), row in self._table().items()},
            "findings": [asdict(one) for one in self.verdicts if one.outcome != "conforming"],
        }

    def lines(self, verbose: bool = False) -> Iterator[str]:
        """The report for a person; ``verbose``: one line for every comparison too."""
        yield f"对照数据：{self.origin}；行为在已安装的 xtquant {self.installed} 上实际运行"
        if not self.raw:
            yield "没有原始观察数据（它不随安装包发布），用的是包内由它生成的 native.json；用 --data 指定原始数据"
        if verbose:
            for one in self.verdicts:
                yield f"  {_OUTCOMES[one.outcome]}  {one.version}  {one.key}  {one.detail}".rstrip()
        for (version, group), row in self._table().items():
            yield f"{version}  {group}：" + "，".join(f"{_OUTCOMES[name]} {row[name]}" for name in row)
        for key in dict.fromkeys(_known_key(one.key) for one in self.verdicts if one.outcome == "known"):
            yield f"已知差异 {key}：{KNOWN[key]}"
        for one in self.verdicts:
            if one.outcome in ("missing", "wrong"):
                yield f"{_OUTCOMES[one.outcome]} {one.key}：{one.detail or one.group}"
        yield "合计：" + "，".join(f"{_OUTCOMES[name]} {count}" for name, count in self.counts.items())
        yield f"结论：{self._conclusion()}；已知差异见 {_DOCUMENT}"

    def _conclusion(self) -> str:
        said = "没有缺失和不符" if self.passed else "有缺失或不符"
        # The packaged table was made from the observations once; agreeing with it is less than agreeing with them.
        return said if self.raw else f"与包内的表相比{said}；这只说明替身与那张表一致，没有对照原始观察数据"

    def _table(self) -> dict[tuple[str, str], dict[Outcome, int]]:
        table: dict[tuple[str, str], dict[Outcome, int]] = {}
        for one in self.verdicts:
            row = table.setdefault((one.version, one.group), dict.fromkeys(_OUTCOMES, 0))
            row[one.outcome] += 1
        return table


def compare(data: Path | None = None, versions: Sequence[str] = (), *, behaviour: bool = True) -> Report:
    """Compare the stand-in of each of ``versions`` (all of them when empty) with the observations in ``data``.

    The behaviour is that of the installed xtquant, looked at when its version is among ``versions``. Raises
    InvalidArgument for data or versions that are not there, NativeClientMissing without any xtquant.
    """
    observed = conformance_observed.load(data)
    unknown = [version for version in versions if version not in observed.versions]
    if unknown:
        raise InvalidArgument(f"没有 xtquant {unknown[0]} 的观察数据，可选：{'、'.join(observed.versions)}")
    chosen = tuple(versions) or observed.versions
    folder = vendor.installed_folder()
    installed = vendor.api_generation(folder)
    verdicts = [
        _judged(finding, version)
        for version in chosen
        for finding in _static(version, observed, installed, folder)
    ]
    if behaviour and installed in chosen:
        verdicts += [_judged(finding, installed) for finding in conformance_behaviour.in_a_child()]
    return Report(observed.origin, observed.raw, installed, tuple(verdicts))


def run(
    say: Callable[[str], None],
    *,
    data: Path | None = None,
    versions: Sequence[str] = (),
    verbose: bool = False,
    as_json: bool = False,
) -> int:
    """Compare and say the report; the exit status is 1 when anything is missing or wrong."""
    report = compare(data, versions)
    if as_json:
        import json

        say(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in report.lines(verbose):
            say(line)
    return 0 if report.passed else 1


def _static(version: str, observed: Observed, installed: str, folder: Path) -> Iterator[Finding]:
    terminal = conformance_client.EchoTerminal()
    module = vars(conformance_client.client_module(version, terminal))
    yield from conformance_structs.compare_names(version, module, observed)
    if version == observed.detailed:
        yield from conformance_structs.compare_details(version, module, observed)
    else:
        yield Finding(f"details.derived/{version}", "类型", "different")
    yield from conformance_client.compare_client(version, module, observed, terminal)
    if version == installed:
        yield from conformance_client.compare_layer_names(version, module, folder)


def _judged(finding: Finding, version: str) -> Verdict:
    key, state, detail = finding.key, finding.state, finding.detail
    if state != "different":
        return Verdict(key, finding.group, version, state, detail)
    explained = KNOWN.get(_known_key(key))
    if explained is None:
        return Verdict(key, finding.group, version, "wrong", f"与观察不同，又没有说明：{detail}")
    return Verdict(key, finding.group, version, "known", explained)


def _known_key(key: str) -> str:
    return key.partition("/")[0]
