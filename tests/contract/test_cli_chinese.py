"""The command line speaks Chinese: help, headings, usage errors; and its columns are aligned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from easytrader_qmt.cli import main
from easytrader_qmt.drawing import cells_wide

ENGLISH = re.compile(
    r"Usage|Options:|Commands:|Show |exit\.|Error|Try |Missing|Invalid|No such|Got |Aborted|requires|not a valid"
    r"|\b(?:TEXT|FLOAT|INTEGER|FILE|DIRECTORY|PATH|OPTIONS|COMMAND|ARGS|default)\b"
)


def run(*words: str, **more: object) -> Result:
    return CliRunner().invoke(main, list(words), **more)


def commands(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield above
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_is_chinese(words: tuple[str, ...]) -> None:
    found = run(*words, "--help")
    assert found.exit_code == 0
    assert found.stdout == run(*words, "-h").stdout
    assert ENGLISH.findall(found.stdout) == []
    assert "用法：" in found.stdout
    assert "显示帮助" in found.stdout
    for line in found.stdout.splitlines():
        assert cells_wide(line) <= 80, line
    texts = re.findall(r"^( +-[^\n]*?  +)(?=[^\s-])", found.stdout, re.MULTILINE)
    assert len({cells_wide(lead) for lead in texts}) == 1, "the texts begin in one column"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nope", "没有命令 'nope'"),
        ("sim nope", "没有命令 'nope'"),
        ("buy", "缺少参数 '代码'"),
        ("buy 600036", "缺少参数 '数量'"),
        ("buy 600036 many --price 1", "'数量' 的值无效：'many' 不是整数"),
        ("buy 600036 100 --price much", "'--price' 的值无效：'much' 不是数"),
        ("buy 600036 100 --prise 1", "没有选项 '--prise'，是不是 --price"),
        ("buy 600036 100 --price", "选项 '--price' 后面要有值"),
        ("buy 600036 100 --yes=1", "选项 '--yes' 后面不带值"),
        ("balance now", "多余的参数：now"),
        ("balance --config there.toml", "'--config' 的值无效：文件 'there.toml' 不存在"),
        ("balance --config .", "'--config' 的值无效：'.' 是目录，应为文件"),
        ("sim terminal there.txt", "'目录' 的值无效：'there.txt' 是文件，应为目录"),
        ("journal --limit -1", "'--limit' 的值无效：-1 不在范围 x>=0 之内"),
        ("journal --export xml", "'--export' 的值无效：'xml' 不在可选的 'csv', 'json' 之中"),
    ],
)
def test_usage_errors_are_chinese(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "txt" in words:
        (tmp_path / "there.txt").touch()
    found = run(*words.split())
    assert found.exit_code == 2
    assert found.stdout == ""
    assert found.stderr.splitlines()[-1] == f"错误：{said}"
    assert ENGLISH.findall(found.stderr) == []


def test_the_usage_and_where_help_is_come_first() -> None:
    first, second, *_ = run("buy").stderr.splitlines()
    assert first.startswith("用法：")
    assert first.endswith("buy [选项] 代码 数量")
    assert "buy --help" in second


@pytest.mark.parametrize("words", [(), ("sim",)])
def test_nothing_at_all_shows_the_help(words: tuple[str, ...]) -> None:
    assert run(*words).output == run(*words, "--help").output


def test_the_version() -> None:
    found = run("--version")
    assert found.exit_code == 0
    assert re.fullmatch(r"easytrader-qmt \d[\w.]*\n", found.stdout)


def test_called_from_a_program_it_raises_as_click_does() -> None:
    with pytest.raises(click.UsageError):
        main.main(["nope"], standalone_mode=False)
