"""How much processor time a command takes before and beside its work, as a ratio to `import torch`.

    python benchmarks/start_up.py [--rounds 5] [--before CHECKOUT]

One smoke run of 1,000 demo rows fills the cache and leaves a checkpoint. Then, in turn and several
times over: `import torch` alone, --help, a misspelt key, a data.path that is not there, a
prediction of one product, and the smoke run again with everything cached. With --before the same
commands of another checkout of this project run in the same turns. Ratios are of the least
times. Results go to start_up.json and start_up.md in benchmarks/results.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measured import RESULTS, Figure, write_figures

from product_length.writing import write_text

HERE = Path(__file__).resolve().parents[1]
TORCH, BEFORE = "import torch", "before: "
SMOKE = ["data.rows=1000", "trainer.max_epochs=2", "tracking=none", "trainer.accelerator=cpu"]
AIMS = {"wrong data.path": 0.7, "predict one product": 1.8, "smoke run, cached": 4.0}
"""The most that each should take, in times of `import torch`."""


@dataclass(frozen=True)
class Checkout:
    """A checkout of this project with a cache and runs of its own."""

    name: str
    code: Path
    folder: Path

    def verb(self, verb: str, *words: str) -> list[str]:
        """A command of this checkout."""
        return [sys.executable, "-m", f"product_length.{verb}", *words]

    def smoke(self, run: str) -> list[str]:
        """A smoke run into a folder of this name."""
        cache = f"cache_dir={self.folder}/cache"
        return self.verb("train", *SMOKE, cache, f"hydra.run.dir={self.folder}/{run}")

    def commands(self, turn: int) -> dict[str, list[str]]:
        """What is timed, by name."""
        product = self.folder / "product.csv"
        predict = [
            f"checkpoint={self.folder}/trained/checkpoints/best.ckpt",
            f"data.path={product}",
        ]
        predict += [f"output={self.folder}/length.csv", f"cache_dir={self.folder}/cache{turn}"]
        return {
            "--help": self.verb("train", "--help"),
            "misspelt key": self.verb("train", "trainer.max_epoch=3"),
            "wrong data.path": self.verb("train", "data=amazon2023", "data.path=no_such_file.csv"),
            "predict one product": self.verb("predict", *predict, "device=cpu"),
            "smoke run, cached": self.smoke(f"smoke{turn}"),
        }


def main() -> None:
    options = parser().parse_args()
    codes = {"": HERE} | ({BEFORE: options.before.resolve()} if options.before else {})
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        checkouts = [
            Checkout(name, code, Path(folder) / str(at))
            for at, (name, code) in enumerate(codes.items())
        ]
        for checkout in checkouts:
            prepare(checkout)
        for turn in range(options.rounds):
            timed = {TORCH: ([sys.executable, "-c", TORCH], HERE)}
            for checkout in checkouts:
                for name, words in checkout.commands(turn).items():
                    timed[checkout.name + name] = (words, checkout.code)
            for name, (words, code) in timed.items():
                best[name] = min(best.get(name, float("inf")), processor_seconds(words, code))
    figures = [Figure(TORCH, best[TORCH], "s of processor time", 1)]
    figures += [
        Figure(f"{name}, ratio to {TORCH}", seconds / best[TORCH], "", 1)
        for name, seconds in best.items()
        if name != TORCH
    ]
    command = f"python benchmarks/start_up.py --rounds {options.rounds}"
    command += " --before CHECKOUT" if options.before else ""
    write_figures(options.results / "start_up.json", figures, command)
    write_text(options.results / "start_up.md", as_markdown(best))
    sys.stdout.write(as_markdown(best))


def as_markdown(best: dict[str, float]) -> str:
    """A line for each command: seconds of processor time, and ratios."""
    with_before = any(name.startswith(BEFORE) for name in best)
    head = ["processor time of", "s", "times `import torch`", "at most"]
    head += ["before"] if with_before else []
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name, seconds in best.items():
        if name.startswith(BEFORE):
            continue
        cells = [name, f"{seconds:.2f}", f"{seconds / best[TORCH]:.2f}"]
        cells.append(f"{AIMS[name]:g}" if name in AIMS else "")
        if with_before:
            old = best.get(BEFORE + name)
            cells.append("" if old is None else f"{old / best[TORCH]:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def prepare(checkout: Checkout) -> None:
    """A filled cache, a checkpoint, and a file with one product."""
    checkout.folder.mkdir()
    run(checkout.smoke("trained"), checkout.code, check=True)
    with (checkout.folder / "product.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [
                ["PRODUCT_ID", "TITLE", "BULLET_POINTS", "DESCRIPTION", "PRODUCT_TYPE_ID"],
                ["1", "Oak shelf, 80 x 20 cm", "Solid wood", "For walls.", "7"],
            ]
        )


def processor_seconds(words: list[str], code: Path) -> float:
    """User and system time of one command, all its threads and processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(words, code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run(words: list[str], code: Path, *, check: bool = False) -> None:
    # One thread: several that wait for each other spend processor time of their own.
    environment = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
    subprocess.run(words, env=environment, cwd=code, capture_output=True, check=check)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--rounds", type=int, default=5, help="turns (default: %(default)s)")
    made.add_argument("--before", type=Path, help="another checkout to compare with")
    made.add_argument("--results", type=Path, default=RESULTS, help="default: %(default)s")
    return made


if __name__ == "__main__":
    main()
