"""The best recipe on several real catalogues, by folds: what a change of code or settings does.

    python benchmarks/catalogues.py --data FOLDER [--before CHECKOUT] [--folds 5] [--workers 1]
        [--catalogues "lego;toys_uk"] [--name catalogues] [--runs outputs/catalogues] [override …]

Compared is this checkout with the overrides, and before them: CHECKOUT, or this one, without them.
FOLDER holds the files of CATALOGUES and OTHER_TABLES; none of them comes with the repository. Each
product is predicted once, by a model that was trained and stopped without its fold
(data.split.folds). Differences are paired, with 95% bootstrap intervals over products; those of
lengths from 1 inch on stand beside all, since a few tiny lengths decide a MAPE over all. "val loss"
is the mean cross-entropy of the folds' best epochs. Finished runs are kept in --runs and not run
again. Results go to benchmarks/results/NAME.md.

What columns of numbers and categories add, or types that are paths (theme > subtheme, in a copy of
the table), where such a table has them:

    python benchmarks/catalogues.py --data FOLDER --catalogues "sets_width;sets_height" \\
        --name sets_numbers 'data.columns.numbers=[year,pieces,minifigs,us_price]'
    python benchmarks/catalogues.py --data FOLDER --catalogues "sets_width;sets_height" \\
        --name sets_columns 'data.columns.numbers=[year,pieces,minifigs,us_price]' \\
        'data.columns.categories=[subtheme,packaging]'
    python benchmarks/catalogues.py --data FOLDER \\
        --catalogues "sets_paths_width;sets_paths_height" --name sets_paths \\
        features.types.separator=auto
"""

import argparse
import csv
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measured import RESULTS

from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import REPORT_FILE
from product_length.evaluation.resampling import mean_differences
from product_length.writing import write_text

CHALLENGE = "data=amazon2023"
CATALOGUES = {
    "amazon": ["amazon2023_sample.csv", CHALLENGE, "data.min_length=40", "data.max_length=5000"],
    "cmoa": ["cmoa.csv", CHALLENGE],
    "lego": ["lego.csv", CHALLENGE],
    "promptcloud": ["promptcloud.csv", CHALLENGE],
    "toys_uk": ["toys_uk.csv", CHALLENGE],
}
SETS = "lego_sets.csv"
OF_SETS = ["data=file", "data.decision=mape", "data.columns.product_id=set_id"]
OF_SETS += ["data.columns.title=name"]
THEME = ["data.columns.product_type=theme"]
PATH = ["data.columns.product_type=path", "features.types.separator=null"]
OTHER_TABLES = {
    f"sets_{kind}{side}": [file, *OF_SETS, *chosen, f"data.columns.length={side}_cm"]
    for kind, file, chosen in (("", SETS, THEME), ("paths_", "sets_paths.csv", PATH))
    for side in ("width", "height")
}
HERE = Path(__file__).parents[1]
LEAST_LENGTHS = {"hundredth_inch": (0, 100), "cm": (0, 2.54)}
HEADER = """\
| catalogue | products | lengths | before | now | now minus before, points | val loss |
| --- | ---: | --- | ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: code, and overrides of the best recipe."""

    checkout: Path
    overrides: tuple[str, ...]

    def folder(self, runs: Path, catalogue: str, fold: int) -> Path:
        """Where one run of it is kept."""
        made_of = json.dumps([str(self.checkout), self.overrides]).encode()
        return runs / f"{catalogue}_{fold}_{hashlib.sha256(made_of).hexdigest()[:8]}"


def main() -> None:
    options = parser().parse_args()
    runs = options.runs.resolve()
    sides = [Side(options.before.resolve(), ()), Side(HERE, tuple(options.overrides))]
    jobs = [
        (name, side, fold)
        for name in options.catalogues
        for fold in range(options.folds)
        for side in sides
    ]
    with ThreadPoolExecutor(options.workers) as pool:
        for line in pool.map(lambda job: train(options, runs, *job), jobs):
            print(line, flush=True)
    lines = []
    for name in options.catalogues:
        folders = [
            [side.folder(runs, name, fold) for fold in range(options.folds)] for side in sides
        ]
        lines += compared(name, *folders)
    text = f"`{command(options)}`\n\n{HEADER}" + "".join(f"{line}\n" for line in lines)
    write_text(RESULTS / f"{options.name}.md", text)
    print(text)


def command(options: argparse.Namespace) -> str:
    words = ["python benchmarks/catalogues.py --data FOLDER"]
    words += [] if options.before == HERE else ["--before CHECKOUT"]
    words += [f'--folds {options.folds} --catalogues "{";".join(options.catalogues)}"']
    return " ".join([*words, f"--name {options.name}", *options.overrides])


def train(options: argparse.Namespace, runs: Path, name: str, side: Side, fold: int) -> str:
    folder = side.folder(runs, name, fold)
    if (folder / REPORT_FILE).exists():
        return f"{folder.name}: there"
    file, *chosen = {**CATALOGUES, **OTHER_TABLES}[name]
    path = options.data.resolve() / file
    overrides = [
        "experiment=best",
        f"data.path={path if path.exists() else with_paths(options.data / SETS, runs / file)}",
        *chosen,
        f"data.split.folds={options.folds}",
        f"data.split.fold={fold}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.baselines=false",
        f"cache_dir={runs / 'cache'}",
        f"hydra.run.dir={folder}",
        *side.overrides,
    ]
    subprocess.run(
        [sys.executable, "-m", "product_length.train", *overrides],
        cwd=side.checkout,
        env={**os.environ, "PYTHONPATH": str(side.checkout), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return f"{folder.name}: trained"


def with_paths(table: Path, copy: Path) -> Path:
    """A copy of the table of sets whose column `path` is `theme > subtheme`."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["path"] = " > ".join(filter(None, (row["theme"], row["subtheme"])))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text(copy, text.getvalue())
    return copy


def compared(name: str, before: Sequence[Path], now: Sequence[Path]) -> list[str]:
    """Lines of the table for one catalogue, from the runs of its folds."""
    old, new = (
        [load_predictions(folder, "test") for folder in folders] for folders in (before, now)
    )
    if [list(each.product_ids) for each in old] != [list(each.product_ids) for each in new]:
        sys.exit(f"{name}: the two have other products in their folds and cannot be paired")
    lengths = np.concatenate([each.lengths for each in new])
    errors = [
        np.concatenate([absolute_percentage_errors(f.lengths, f.predictions) for f in side])
        for side in (old, new)
    ]
    losses = [np.mean([best_val_loss(folder) for folder in folders]) for folders in (before, now)]
    lines = []
    unit = "cm" if name in OTHER_TABLES else "hundredth_inch"
    for least in LEAST_LENGTHS[unit]:
        chosen = lengths >= least
        was, is_now = (each[chosen] for each in errors)
        [found] = mean_differences([(is_now, was)])
        points = [f"{100 * each:+.2f}" for each in (found.value, found.low, found.high)]
        lines.append(
            f"| {name} | {found.rows:,} | {f'from {least} on' if least else 'all'} | "
            f"{was.mean():.2%} | {is_now.mean():.2%} | "
            f"{points[0]} ({points[1]} to {points[2]}) | "
            f"{'' if least else f'{losses[0]:.3f} → {losses[1]:.3f}'} |"
        )
    return lines


def best_val_loss(folder: Path) -> float:
    """Cross-entropy of val rows at the best epoch, nats; any version's report has it."""
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    return float(report["history"][report["best_epoch"] - 1]["val/loss"])


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--data", type=Path, required=True, help="the catalogues' folder")
    described.add_argument("--before", type=Path, default=HERE, help="another checkout")
    described.add_argument("--folds", type=int, default=5)
    described.add_argument("--workers", type=int, default=1)
    described.add_argument(
        "--catalogues", type=lambda text: text.split(";"), default=list(CATALOGUES)
    )
    described.add_argument("--name", default="catalogues", help="of the file of results")
    described.add_argument("--runs", type=Path, default=Path("outputs/catalogues"))
    described.add_argument("overrides", nargs="*", help="such as embeddings=[words,ngrams]")
    return described


if __name__ == "__main__":
    main()
