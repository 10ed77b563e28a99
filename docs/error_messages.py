"""Every error and warning that product_length can give, collected from its source.

What a message holds of the case at hand (a name, a number) is shown as `…`.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "product_length"
# Of these rooms every sentence that is yielded, listed or returned is one on the configuration.
CONFIGURATION = ("command_line/", "composition", "faults", "preflight", "resumed_run")
TITLES = {
    "api": "The Python interface",
    "artefacts": "The cache",
    "auditing": "Looking for wrong labels",
    "catalogue": "Catalogues: columns, units, rows",
    "command": "The command line and the configuration",
    "comparison": "Comparing runs",
    "decision": "Decisions and intervals",
    "devices": "Devices",
    "embeddings": "Text encoders",
    "evaluation": "Reports and predictions of a run",
    "features": "Features",
    "loss": "Losses",
    "model": "The network",
    "prediction": "Prediction",
    "profiling": "The profile of a catalogue",
    "ray_cluster": "Ray",
    "resumed_run": "Continuing a run",
    "search": "Neighbour search",
    "serving": "Serving",
    "shortage": "Memory and disk",
    "sweeping": "Sweeps",
    "tables": "Files of tables",
    "tracking": "Weights & Biases",
    "training": "Training and checkpoints",
    "writing": "Writing files",
}
SAME_TITLE = {"command_line": "command", "composition": "command", "faults": "command"}
SAME_TITLE |= {"preflight": "command", "options": "command", "report": "comparison"}
SAME_TITLE |= {"log_file": "shortage", "export": "prediction", "audit": "auditing"}
SAME_TITLE |= {"profile": "profiling", "serve": "serving", "pages": "comparison"}
NOT_FOR_READERS = {"NotImplementedError", "AttributeError", "StopIteration", "AssertionError"}


@dataclass(frozen=True)
class Message:
    """The text of an error or warning, and the module that has it."""

    module: str
    text: str

    @property
    def title(self) -> str:
        """What it is about."""
        room = self.module.split("/")[0]
        return TITLES.get(SAME_TITLE.get(room, room), "Other")


def messages(package: Path = PACKAGE) -> list[Message]:
    """All messages, in the order of modules and lines, each once."""
    found: dict[str, Message] = {}
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).with_suffix("").as_posix()
        for text in _texts(ast.parse(path.read_text("utf-8")), module):
            plain = " ".join(text.replace("%s", "…").replace("%d", "…").split())
            if re.search(r"[a-z]{2,} .*[a-z]{2,}", plain):
                found.setdefault(plain, Message(module, plain))
    return list(found.values())


def as_markdown() -> str:
    """A list of all messages under the title of what they are about."""
    by_title: dict[str, list[str]] = {}
    for message in messages():
        by_title.setdefault(message.title, []).append(f"- `` {message.text} ``")
    others = by_title.pop("Other", [])
    parts = [f"### {title}\n\n" + "\n".join(lines) for title, lines in sorted(by_title.items())]
    if others:
        parts.append("### Other\n\n" + "\n".join(others))
    return "\n\n".join(parts)


def _texts(tree: ast.Module, module: str) -> Iterator[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in [*functions, tree]:
        for node in ast.walk(function):
            for said in _said(node, module):
                yield from _of(said, function)


def _said(node: ast.AST, module: str) -> Iterator[ast.expr]:
    """What an expression or statement says to a person, if it does."""
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = getattr(node.func, "id", name)
        is_error = name.endswith("Error") and name not in NOT_FOR_READERS
        is_listed = name == "append" and module.startswith(CONFIGURATION)
        if is_error or is_listed or name == "warning":
            yield node.args[0]
    elif (
        isinstance(node, ast.Yield | ast.Return)
        and node.value is not None
        and module.startswith(CONFIGURATION)
    ):
        yield node.value


def _of(node: ast.expr, function: ast.AST) -> Iterator[str]:
    """The texts that an expression can be; of a name, those that are assigned to it."""
    if isinstance(node, ast.IfExp):
        yield from _of(node.body, function)
        yield from _of(node.orelse, function)
    elif isinstance(node, ast.Name):
        for each in ast.walk(function):
            if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id:
                yield from _of(each.value, function)
    else:
        yield _text(node)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else "…"
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return "…"
