"""Makes `easytrader_qmt/sim/native.json` from what was observed of the vendor's extension.

Run as ``python -m tests.native.compact``; ``--check`` writes nothing and exits with 1 when the committed file
is another. It never guesses beyond one rule: a field that 250807 lacks gets its type from its name's prefix.

A field is written ``[snake, m_name, type]`` plus, where needed, an object of ``default`` (else the type's
zero), ``bytes`` (how many UTF-8 bytes of a str are kept), ``read_only`` (true for both spellings, or the one
that is), ``since`` and ``until`` (the first and the last version that has it; else all).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "easytrader_qmt" / "sim" / "native.json"
VERSIONS = ("240613.1.0", "241014.1.2", "250516.1.1", "250807.1.2")
NEWEST = VERSIONS[-1]
ZERO: dict[str, Any] = {"str": "", "int": 0, "float": 0.0, "bool": False}
PREFIX = {"m_str": "str", "m_n": "int", "m_e": "int", "m_d": "float", "m_b": "bool"}

Pair = tuple[str | None, str | None]


def compact(names: dict[str, Any], observed: dict[str, Any]) -> dict[str, Any]:
    """Both observations in the form the package reads."""
    structs: dict[str, Any] = {}
    for struct in dict.fromkeys(name for version in VERSIONS for name in names[version]):
        having = [version for version in VERSIONS if struct in names[version]]
        facts = observed["structs"].get(struct, {})
        fields = []
        for pair in _merged([_pairs(names[version][struct]) for version in having]):
            where = [version for version in having if pair in _pairs(names[version][struct])]
            fields.append(_field(pair, facts, _span(where, having)))
        structs[struct] = {**_span(having, list(VERSIONS)), "fields": fields}
    return {
        "versions": list(VERSIONS),
        "client": {
            method: _signature(text) for method, text in sorted(observed["client"]["methods"].items())
        },
        "structs": dict(sorted(structs.items())),
    }


def _pairs(raw: list[list[str | None]]) -> list[Pair]:
    return list(dict.fromkeys((snake, native) for snake, native in raw))


def _merged(versions: list[list[Pair]]) -> list[Pair]:
    """Every pair once: the newest order first, then what is gone."""
    return list(dict.fromkeys(pair for pairs in reversed(versions) for pair in pairs))


def _span(where: list[str], all_of: list[str]) -> dict[str, str]:
    span = {}
    if where[0] != all_of[0]:
        span["since"] = where[0]
    if where[-1] != all_of[-1]:
        span["until"] = where[-1]
    return span


def _field(pair: Pair, facts: dict[str, Any], span: dict[str, str]) -> list[Any]:
    spellings = [name for name in pair if name is not None]
    if spellings[0] not in facts:
        return _gone(pair, spellings, facts, span)
    seen = [facts[name] for name in spellings]
    kind, default = seen[0]["type"], seen[0]["default"]
    assert all(one["type"] == kind and one["default"] == default for one in seen), pair
    extra: dict[str, Any] = {}
    if default != ZERO[kind]:
        extra["default"] = default
    kept = {one["bytes_kept"] for one in seen if "bytes_kept" in one}
    assert len(kept) <= 1, pair
    if kept:
        extra["bytes"] = kept.pop()
    read_only = [name for name, one in zip(spellings, seen, strict=True) if not one["writable"]]
    if read_only:
        extra["read_only"] = read_only if len(read_only) < len(spellings) else True
    return _written(pair, kind, {**extra, **span})


def _gone(pair: Pair, spellings: list[str], facts: dict[str, Any], span: dict[str, str]) -> list[Any]:
    kind = next(kind for prefix, kind in PREFIX.items() if spellings[-1].startswith(prefix))
    base = facts.get(spellings[0].removesuffix("1"))
    extra = {"read_only": True} if base is not None and not base["writable"] else {}
    return _written(pair, kind, {**extra, **span})


def _written(pair: Pair, kind: str, extra: dict[str, Any]) -> list[Any]:
    return [*pair, kind, extra] if extra else [*pair, kind]


def _signature(text: str) -> dict[str, Any]:
    """``(arg0: int, arg1: XReq) -> int`` as its argument types; of a bind method, those of its callback."""
    bound = re.search(r"Callable\[\[(.*)\], None\]", text)
    inside = bound.group(1) if bound else ", ".join(re.findall(r"arg\d+: ([^,)]+)", text))
    types = [part for part in inside.split(", ") if part]
    return {"callback": types} if bound else {"takes": types}


def rendered() -> str:
    """The text of the package's file."""
    names = json.loads((HERE / "structs-by-version.json").read_text(encoding="utf-8"))
    observed = json.loads((HERE / f"xtpythonclient-{NEWEST}.json").read_text(encoding="utf-8"))
    table = compact(names, observed)

    def lines(part: dict[str, Any]) -> str:
        return ",\n".join(f"{json.dumps(key)}:{_dense(value)}" for key, value in part.items())

    return (
        f'{{"versions":{_dense(table["versions"])},\n"client":{{\n{lines(table["client"])}\n}},\n'
        f'"structs":{{\n{lines(table["structs"])}\n}}}}\n'
    )


def _dense(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or with ``--check`` only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when the file differs")
    if parser.parse_args(arguments).check:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != rendered())
    TARGET.write_text(rendered(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
