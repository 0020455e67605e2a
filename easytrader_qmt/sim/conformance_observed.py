"""What was observed of the vendor's native extension, and the form of one comparison with it.

Reads the raw observations, or the package's own table made from them. Never looks at the stand-in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim.structs import native_layout

__all__ = ["Finding", "Observed", "State", "load", "raw_folder"]

State = Literal["conforming", "different", "missing", "wrong"]
Pair = tuple[str, ...]

_NAMES = "structs-by-version.json"
_DETAILS = "xtpythonclient-*.json"
_ZERO: Mapping[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False}


@dataclass(frozen=True)
class Finding:
    """One comparison: ``key`` names it, ``group`` is what it is counted under.

    ``different`` means that the stand-in does what this project documents instead of what was observed.
    """

    key: str
    group: str
    state: State = "conforming"
    detail: str = ""


@dataclass(frozen=True)
class Observed:
    """The observations.

    ``names``: version -> struct -> its fields, each as its one or two spellings. ``details`` (of version
    ``detailed`` alone): struct -> spelling -> ``type``, ``default``, ``writable`` and, for a str that is cut,
    ``bytes_kept``. ``takes`` and ``brings``: the client's methods and their argument types, those of
    ``bindOn…`` being the types of what the callback gets. ``raw``: not derived from the package's own table.
    """

    origin: str
    raw: bool
    versions: tuple[str, ...]
    detailed: str
    names: Mapping[str, Mapping[str, Sequence[Pair]]]
    details: Mapping[str, Mapping[str, Mapping[str, Any]]]
    takes: Mapping[str, Sequence[str]]
    brings: Mapping[str, Sequence[str]]


def raw_folder() -> Path | None:
    """Where a checkout of this project keeps the raw observations; None for an installed package."""
    folder = Path(__file__).resolve().parents[2] / "tests" / "native"
    return folder if _details_file(folder) is not None and (folder / _NAMES).is_file() else None


def load(folder: Path | None = None) -> Observed:
    """The observations in ``folder``, else a checkout's, else the package's table.

    Raises InvalidArgument when ``folder`` does not hold them.
    """
    chosen = folder if folder is not None else raw_folder()
    return _from_table() if chosen is None else _from_raw(chosen)


def _from_raw(folder: Path) -> Observed:
    details_file = _details_file(folder)
    if details_file is None or not (folder / _NAMES).is_file():
        raise InvalidArgument(f"{str(folder)!r} 里没有观察数据：应有 {_NAMES} 和 {_DETAILS}")
    try:
        names = json.loads((folder / _NAMES).read_text(encoding="utf-8"))
        details = json.loads(details_file.read_text(encoding="utf-8"))
        methods: dict[str, str] = details["client"]["methods"]
        return Observed(
            origin=str(folder),
            raw=True,
            versions=_supported(),
            detailed=details_file.stem.partition("-")[2],
            names={version: _pairs(names[version]) for version in _supported()},
            details=details["structs"],
            takes={name: _arguments(text) for name, text in methods.items() if not name.startswith("bindOn")},
            brings={name: _arguments(text) for name, text in methods.items() if name.startswith("bindOn")},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(f"{str(folder)!r} 里的观察数据读不懂：{error!r}") from error


def _from_table() -> Observed:
    layout = native_layout()
    versions = _supported()

    def present(span: Mapping[str, Any], version: str) -> bool:
        first, last = span.get("since", versions[0]), span.get("until", versions[-1])
        return versions.index(first) <= versions.index(version) <= versions.index(last)

    def extra(raw: Sequence[Any]) -> Mapping[str, Any]:
        return raw[3] if len(raw) > 3 else {}

    def fields(struct: str, version: str) -> list[list[Any]]:
        return [raw for raw in layout["structs"][struct]["fields"] if present(extra(raw), version)]

    structs = {
        version: [name for name, spec in layout["structs"].items() if present(spec, version)]
        for version in versions
    }
    client: Mapping[str, Mapping[str, Sequence[str]]] = layout["client"]
    return Observed(
        origin="native.json",
        raw=False,
        versions=versions,
        detailed=versions[-1],
        names={
            version: _pairs({name: [raw[:2] for raw in fields(name, version)] for name in structs[version]})
            for version in versions
        },
        details={
            name: {
                spelling: _detail(raw[2], extra(raw), spelling)
                for raw in fields(name, versions[-1])
                for spelling in raw[:2]
                if spelling is not None
            }
            for name in structs[versions[-1]]
        },
        takes={name: one["takes"] for name, one in client.items() if "takes" in one},
        brings={name: one["callback"] for name, one in client.items() if "callback" in one},
    )


def _supported() -> tuple[str, ...]:
    return tuple(native_layout()["versions"])


def _details_file(folder: Path) -> Path | None:
    return max(folder.glob(_DETAILS), default=None)


def _pairs(structs: Mapping[str, Sequence[Sequence[str | None]]]) -> dict[str, list[Pair]]:
    return {
        struct: list(dict.fromkeys(tuple(name for name in pair if name) for pair in pairs))
        for struct, pairs in structs.items()
    }


def _detail(kind: str, extra: Mapping[str, Any], spelling: str) -> dict[str, Any]:
    read_only = extra.get("read_only", ())
    detail = {
        "type": kind,
        "default": extra.get("default", _ZERO[kind]),
        "writable": read_only is not True and spelling not in (read_only or ()),
    }
    return {**detail, "bytes_kept": extra["bytes"]} if "bytes" in extra else detail


def _arguments(text: str) -> list[str]:
    """The argument types of ``(arg0: int, arg1: XReq) -> int``; of a bind method, its callback's."""
    bound = re.search(r"Callable\[\[(.*)\], None\]", text)
    inside = bound.group(1) if bound else ", ".join(re.findall(r"arg\d+: ([^,)]+)", text))
    return [part for part in inside.split(", ") if part]
