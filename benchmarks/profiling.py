"""How long the profile of a catalogue takes, and how much memory.

    python benchmarks/profiling.py [--rows 2250000]

The demo catalogue of so many rows is profiled by the command as a person runs it, in a process of
its own, with nothing in the cache: the catalogue is generated first. Beside the time on the clock
stands that of all processors, which other programs disturb less. The memory is
the sum over the command's processes, shared pages divided among them (PSS), looked at ten times a
second; pages of files that the system may drop at any time count too. Results go to
benchmarks/results/profiling.json and profiling.md. (A script called profile.py would stand in the
way of Python's own module of that name.)
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measured import RESULTS, Figure, write_figures

from product_length.writing import write_text

MEASURED = ("time", "processor time", "peak memory")


def main() -> None:
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        measured = profile(Path(folder), options.rows)
    rows = options.rows
    figures = [
        Figure(what, value, unit, rows)
        for what, value, unit in zip(MEASURED, measured, ("s", "s", "GB"), strict=True)
    ]
    write_figures(
        options.results / "profiling.json", figures, f"python benchmarks/profiling.py --rows {rows}"
    )
    write_text(options.results / "profiling.md", as_markdown(figures))
    print(as_markdown(figures))


def profile(folder: Path, rows: int) -> tuple[float, float, float]:
    """Seconds, seconds of all processors, and peak memory in GB (10^9 bytes)."""
    before = processor_seconds()
    words = ["data=demo", f"data.rows={rows}", f"cache_dir={folder / 'cache'}"]
    words.append(f"output={folder / 'output'}")
    start = time.perf_counter()
    command = [sys.executable, "-m", "product_length.profile", *words]
    with subprocess.Popen(command) as process:
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory_of(process.pid))
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - start, processor_seconds() - before, peak / 1e9


def processor_seconds() -> float:
    """Of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory_of(pid: int) -> int:
    """PSS of a process and all that it has started, bytes; 0 for one that has just ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        own = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except (OSError, StopIteration):
        return 0
    return own * 1024 + sum(memory_of(int(child)) for child in children)


def as_markdown(figures: list[Figure]) -> str:
    lines = ["| profile of the demo catalogue | rows | measured |", "| --- | ---: | ---: |"]
    lines += [f"| {each.name} | {each.rows:,} | {each.value:.3g} {each.unit} |" for each in figures]
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rows", type=int, default=2_250_000)
    made.add_argument("--folder", type=Path, help="where the cache is kept meanwhile")
    made.add_argument("--results", type=Path, default=RESULTS)
    return made


if __name__ == "__main__":
    main()
