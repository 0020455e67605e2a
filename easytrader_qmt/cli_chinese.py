"""click in Chinese: headings, standard options and usage errors of the commands, aligned by cells of a terminal.

Only words and layout; what a command does, and with which status it ends, is as click has it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

import click

from easytrader_qmt.drawing import cells_wide

__all__ = ["ChineseCommand", "ChineseGroup"]

_HEADINGS = {"Options": "选项", "Commands": "命令", "Positional arguments": "参数"}
_METAVARS = {
    "text": "文本",
    "float": "小数",
    "integer": "整数",
    "integer range": "整数",
    "file": "文件",
    "directory": "目录",
    "path": "路径",
}
_KINDS = {
    "integer": "整数",
    "integer range": "整数",
    "float": "数",
    "File": "文件",
    "Directory": "目录",
    "Path": "路径",
}
_SAID = (
    (r"'(?P<value>.*)' is not a valid (?P<kind>[\w ]+)\.", "'{value}' 不是{kind}"),
    (r"(?P<value>\S+) is not in the range (?P<range>.+)\.", "{value} 不在范围 {range} 之内"),
    (r"'(?P<value>.*)' is not (?:one of )?(?P<choices>'.+)\.", "'{value}' 不在可选的 {choices} 之中"),
    (r"(?P<kind>\w+) '(?P<value>.*)' does not exist\.", "{kind} '{value}' 不存在"),
    (r"\w+ '(?P<value>.*)' is a file\.", "'{value}' 是文件，应为目录"),
    (r"\w+ '(?P<value>.*)' is a directory\.", "'{value}' 是目录，应为文件"),
    (r"\w+ '(?P<value>.*)' is not readable\.", "'{value}' 无法读取"),
    (r"Option '(?P<value>.+)' requires an argument\.", "选项 '{value}' 后面要有值"),
    (r"Option '(?P<value>.+)' does not take a value\.", "选项 '{value}' 后面不带值"),
    (r"Got unexpected extra arguments? \((?P<value>.+)\)", "多余的参数：{value}"),
    (r"No such command '(?P<value>.*)'\.", "没有命令 '{value}'"),
    (r"Missing command\.", "缺少命令"),
)
"""What click says, by pattern: it has no words of its own to change."""

_WORDS = re.compile(r"(?: *[!-~]+| *[^\s!-~]|\s)[，。；：、）]*")
"""Where a line may end: before a Chinese character or a Latin word, never before closing punctuation."""


class _ChineseFormatter(click.HelpFormatter):
    """A help page whose columns are aligned although a Chinese character takes two cells."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{' ' * self.current_indent}{_HEADINGS.get(heading, heading)}：\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        for line in _wrapped(text, self.width - self.current_indent):
            self.write(f"{indent}{line}\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first = min(max((cells_wide(term) for term, _ in rows), default=0), col_max) + col_spacing
        margin = self.current_indent + first
        for term, text in rows:
            used = cells_wide(term)
            lead = f"{' ' * self.current_indent}{term}"
            if used + col_spacing > first:
                lead, used = f"{lead}\n{' ' * self.current_indent}", 0
            lines = _wrapped(text, max(self.width - margin, 20)) or [""]
            self.write(f"{lead}{' ' * (first - used)}{lines[0]}".rstrip() + "\n")
            for line in lines[1:]:
                self.write(f"{' ' * margin}{line}\n")


class _ChineseContext(click.Context):
    """Brings the formatter along."""

    formatter_class = _ChineseFormatter


class ChineseCommand(click.Command):
    """A command whose help is in Chinese."""

    context_class = _ChineseContext

    def __init__(self, *args: Any, **more: Any) -> None:
        more.setdefault("options_metavar", "[选项]")
        super().__init__(*args, **more)
        for param in self.params:
            if isinstance(param, click.Option) and param.metavar is None and not param.is_flag:
                param.metavar = _METAVARS.get(param.type.name)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """click's own, with its text in Chinese."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示帮助"
        return option


class ChineseGroup(ChineseCommand, click.Group):
    """A group of them; run as a program it also says usage errors and interrupts in Chinese."""

    command_class = ChineseCommand
    group_class = type

    def __init__(self, *args: Any, **more: Any) -> None:
        more.setdefault("subcommand_metavar", "命令 [参数]...")
        super().__init__(*args, **more)

    def main(self, *args: Any, **extra: Any) -> Any:
        """As click's, with its last words in Chinese."""
        run: Any = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        _speak_chinese()
        try:
            ended = run(*args, standalone_mode=False, **extra)
        except click.ClickException as error:
            _tell(error)
            sys.exit(error.exit_code)
        except click.Abort:
            click.echo("已中断", err=True)
            sys.exit(1)
        sys.exit(ended if isinstance(ended, int) else 0)


def _speak_chinese() -> None:
    """Chinese output must not fail on a console or a pipe with another encoding, not even in a help text.

    One that has Chinese is kept, as whoever reads a pipe expects it (code page 936 on Chinese Windows).
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        try:
            "委托".encode(getattr(stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            reconfigure(encoding="utf-8", errors="replace")
        else:
            reconfigure(errors="replace")


def _tell(error: click.ClickException) -> None:
    # A group that was given nothing: newer versions raise its help page, older ones just show it.
    if type(error).__name__ == "NoArgsIsHelpError":
        click.echo(error.format_message(), err=True)
        return
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"{error.ctx.get_usage()}\n用 {error.ctx.command_path} --help 查看帮助\n", err=True)
    click.echo(f"错误：{_said(error)}", err=True)


def _said(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption):
        near = "、".join(error.possibilities or ())
        return f"没有选项 '{error.option_name}'" + (f"，是不是 {near}" if near else "")
    if not isinstance(error, click.BadParameter):
        return _translated(error.message)
    hint = error.param_hint or (error.param.get_error_hint(error.ctx) if error.param is not None else "")
    named = hint if isinstance(hint, str) else " / ".join(map(repr, hint))
    if isinstance(error, click.MissingParameter):
        option = error.param is not None and error.param.param_type_name == "option"
        return f"缺少{'选项' if option else '参数'} {named}"
    return f"{named} 的值无效：{_translated(error.message)}"


def _translated(message: str) -> str:
    for pattern, chinese in _SAID:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found is not None:
            words = found.groupdict()
            if "kind" in words:
                words["kind"] = _KINDS.get(words["kind"], words["kind"])
            return chinese.format(**words)
    return message


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` cells, its own line breaks as spaces."""
    lines = [""]
    for word in _WORDS.findall(" ".join(text.split())):
        if lines[-1] and cells_wide(lines[-1]) + cells_wide(word) > width:
            lines.append(word.lstrip())
        else:
            lines[-1] += word
    return [line.rstrip() for line in lines if line]
