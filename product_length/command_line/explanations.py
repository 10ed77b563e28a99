"""What the comments of a YAML file say of its keys: the one place where options are explained."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

_COMMENT = re.compile(r"\s*#\s?(.*)")
_PACKAGE = "# @package _global_"


def is_global(path: Path) -> bool:
    """Whether a file's keys are those of the whole configuration, not of its group."""
    return path.read_text("utf-8").startswith(_PACKAGE)


def heading(path: Path) -> str:
    """The comment at the top of a file, which says what the option is."""
    lines = _lines(path)
    said = lines[: _heading_lines(lines)]
    return " ".join(said[1:] if is_global(path) else said)


def explanations(path: Path) -> dict[str, str]:
    """Of each key (dotted) that has a comment, what the comment says.

    The comment stands beside the key and goes on below it, further to the right than the key
    begins; or it stands in lines of its own right above the key, and begins where the key does.
    """
    text = path.read_text("utf-8")
    lines = text.splitlines()
    above = _heading_lines(_lines(path))
    found = {}
    for key, name, end in _keys(yaml.compose(text, Loader=yaml.SafeLoader)):
        said = [*_above(lines, name, above), *_beside(lines, name, end)]
        if said:
            found[key] = " ".join(said)
    return found


def _lines(path: Path) -> list[str]:
    """The lines of a file; of a line that is a comment, what it says."""
    lines = path.read_text("utf-8").splitlines()
    return [found[1] if (found := _COMMENT.fullmatch(each)) else "" for each in lines]


def _heading_lines(comments: Sequence[str]) -> int:
    """How many lines the comment at the top of a file has."""
    return next((at for at, line in enumerate(comments) if not line), len(comments))


def _keys(node: yaml.Node | None, prefix: str = "") -> Iterator[tuple[str, yaml.Mark, yaml.Mark]]:
    """Each key, dotted, where it begins, and where its value ends, if that is no mapping."""
    if not isinstance(node, yaml.MappingNode):
        return
    for name, value in node.value:
        key = f"{prefix}{name.value}"
        holds_keys = isinstance(value, yaml.MappingNode) and not value.flow_style
        yield key, name.start_mark, name.end_mark if holds_keys else value.end_mark
        if holds_keys:
            yield from _keys(value, f"{key}.")


def _above(lines: Sequence[str], name: yaml.Mark, top: int) -> list[str]:
    said: list[str] = []
    at = name.line - 1
    while at >= top and re.match(rf" {{{name.column}}}#", lines[at]):
        said.insert(0, _words(lines[at]))
        at -= 1
    return said


def _beside(lines: Sequence[str], name: yaml.Mark, end: yaml.Mark) -> list[str]:
    # The value of a block (`>-`) ends where the next line begins: nothing stands beside it.
    rest = lines[end.line][end.column :].lstrip(" :") if end.line < len(lines) else ""
    if not rest.startswith("#") or (end.column == 0 and end.line > name.line):
        return []
    said = [_words(rest)]
    for line in lines[end.line + 1 :]:
        if not re.match(rf" {{{name.column + 1},}}#", line):
            break
        said.append(_words(line))
    return said


def _words(comment: str) -> str:
    found = _COMMENT.fullmatch(comment)
    assert found is not None
    return found[1].strip()
