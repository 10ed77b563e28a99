"""What all benchmarks note of a figure, and of the machine that it was measured on."""

import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from product_length.errors import UserError
from product_length.writing import write_text

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured value; `floor` is the least it should be, None where nothing is promised."""

    name: str
    value: float
    unit: str
    rows: int
    floor: float | None = None


def write_figures(path: Path, figures: Sequence[Figure], command: str) -> None:
    """Write figures as one JSON list, each with the command and the machine."""
    where = machine()
    entries = [_entry(each, command, where) for each in figures]
    write_text(path, json.dumps(entries, indent=2) + "\n")


def add_figures(path: Path, figures: Sequence[Figure], command: str) -> list[Figure]:
    """Write figures beside those of other names or sizes that are there already; all of them."""
    where = machine()
    entries = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    new = {(each.name, each.rows) for each in figures}
    entries = [each for each in entries if (each["name"], each["rows"]) not in new]
    entries += [_entry(each, command, where) for each in figures]
    write_text(path, json.dumps(entries, indent=2) + "\n")
    names = [each.name for each in fields(Figure)]
    return [Figure(**{name: entry[name] for name in names}) for entry in entries]


def _entry(figure: Figure, command: str, where: str) -> dict[str, Any]:
    value = float(f"{figure.value:.4g}")
    return {**asdict(figure), "value": value, "command": command, "machine": where}


def publish(
    path: Path, measure: Callable[[], dict[str, Any]] | None, page: Callable[[dict[str, Any]], str]
) -> int:
    """Measure, unless that is None, into a JSON file; write and print its page. The exit code."""

    def work() -> None:
        if measure is not None:
            write_text(path, json.dumps(measure(), indent=2, ensure_ascii=False) + "\n")
        text = page(json.loads(path.read_text(encoding="utf-8")))
        write_text(path.with_suffix(".md"), text)
        print(text)

    return exit_code_of(work)


def exit_code_of(work: Callable[[], None]) -> int:
    """Of a command that does this work; a user's mistake is printed."""
    try:
        work()
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def machine() -> str:
    """Processor, cores, memory and GPU: what a time depends on, and no more."""
    import torch

    model = platform.machine()
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        lines = cpus.read_text(encoding="utf-8").splitlines()
        names = [line.split(":")[1] for line in lines if line.startswith("model name")]
        model = names[0].strip() if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB{gpu}"
