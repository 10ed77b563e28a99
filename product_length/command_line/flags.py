"""The flags of a command line, which are Hydra's, and advice where they are none of them."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from product_length.command_line.conflicts import SECRET_KEYS
from product_length.command_line.suggestions import close_keys, close_names, one_of

FLAGS = {"--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--resolve", "--package", "-p"}
FLAGS |= {"--run", "-r", "--multirun", "-m", "--shell-completion", "-sc", "--info", "-i"}
FLAGS |= {"--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"}
FLAGS |= {"--experimental-rerun"}
WITH_VALUE = {"--cfg", "-c", "--package", "-p", "--config-name", "-cn", "--config-path", "-cp"}
WITH_VALUE |= {"--config-dir", "-cd", "--experimental-rerun", "--info", "-i"}


@dataclass(frozen=True)
class Arguments:
    """The arguments of a command: overrides, and flags.

    `unknown`: flags that are none, each with the argument after it, if that may be its value.
    `runs`: whether the task is to run, and not, as with --help, Hydra to say something.
    `help`, `version`: whether these of ours are asked for.
    """

    overrides: list[str]
    unknown: list[tuple[str, str | None]]
    multirun: bool
    runs: bool
    help: bool
    version: bool


def read_arguments(arguments: Sequence[str]) -> Arguments:
    """Separate overrides from flags and their values."""
    overrides: list[str] = []
    unknown: list[tuple[str, str | None]] = []
    flags: set[str] = set()
    waiting = iter(enumerate(arguments))
    for at, argument in waiting:
        following = arguments[at + 1] if at + 1 < len(arguments) else None
        if not argument.startswith("-"):
            overrides.append(argument)
            continue
        name = argument.partition("=")[0]
        if name in FLAGS:
            flags.add(name)
            if argument in WITH_VALUE:
                next(waiting, None)
            continue
        is_value = following and not following.startswith("-") and "=" not in following
        unknown.append((argument, following if is_value and name == argument else None))
        if is_value and name == argument:
            next(waiting)
    multirun = bool(flags & {"-m", "--multirun"})
    runs = multirun or not flags - {"-r", "--run"}
    asks_help = bool(flags & {"-h", "--help"})
    return Arguments(overrides, unknown, multirun, runs, asks_help, "--version" in flags)


def flag_faults(unknown: Sequence[tuple[str, str | None]], keys: Sequence[str]) -> Iterator[str]:
    """What to write instead of flags that do not exist; `keys`: all that can be overridden."""
    for argument, following in unknown:
        flag, equals, value = argument.partition("=")
        key = flag.lstrip("-")
        given = argument if following is None else f"{argument} {following}"
        if key in SECRET_KEYS:
            given, equals, value = flag, "=", "…"
        said = f"{given}: no such flag"
        if flag.startswith("--") and (flags := close_names(flag, FLAGS, 0.8)):
            yield f"{said} (did you mean {flags[0]}?)"
            continue
        meant = [key] if key in keys else close_keys(key, keys)
        value = value if equals else following or "true"
        words = [f"{each}={value if value == '…' else shlex.quote(value)}" for each in meant]
        if words:
            yield f"{said}; options are written as key=value: {one_of(words)}"
        else:
            yield f"{said}; options are written as key=value, without dashes, see --help"
