"""MAPE against the number of training products: the best recipe, the reference, baselines.

    python benchmarks/learning_curve.py --data FOLDER [--catalogue amazon] [--folds 5]
        [--scored 5] [--sizes 417,853,1700,3414] [--runs outputs/learning_curve]
    python benchmarks/learning_curve.py --report

FOLDER holds the tables of benchmarks/catalogue_tables.py. The products of a fold are scored by
models that were trained on parts of the other folds: about so many training products as --sizes
names, and all. Smaller parts lie in larger ones, identical texts stay together, and val products
are cut by the same share; so each size predicts the same products. --scored: how many of the folds
are scored. Recipes and baselines are those of benchmarks/catalogues.py.

The slope is that of a line through MAPE against log2 of the number of training products: points a
doubling. All intervals are 95% bootstraps over products; one seed.

Finished runs are kept in --runs and not made again, as in benchmarks/catalogues.py. Results go to
benchmarks/results/learning_curve.json and .md, the picture to docs/learning_curve.png; --report
makes the latter two from the first.
"""

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from catalogue_figures import (
    Outcome,
    Products,
    of_baseline,
    of_catalogue,
    of_network,
    resampled,
    with_interval,
)
from catalogue_runs import HERE, Job, composed, files_of, key_of
from catalogue_tables import ALL_CATALOGUES, bands_and_unit, table_at
from catalogues import EVERY_RUN, SEEN_BY_BASELINES, folder_name, make
from contestants import RECIPES
from learning_curve_page import as_markdown, draw
from measured import RESULTS, machine, publish
from omegaconf import OmegaConf
from strong_baselines import missing_library

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.catalogue.split import TEST, TRAIN
from product_length.errors import UserError
from product_length.experiment import Experiment, from_config
from product_length.writing import write_text

NETWORKS = ("best", "reference")
BASELINES = (
    "lightgbm, rows weighted by 1/length",
    "neighbour median",
    "type median",
    "constant",
)
ALL = "all"
NAME = "learning_curve"
PICTURE = HERE / "docs" / "learning_curve.png"


def main() -> int:
    options = parser().parse_args()
    options.scored = options.scored or options.folds
    path = options.results / f"{NAME}.json"

    def page(results: dict[str, Any]) -> str:
        draw(results, options.picture)
        return as_markdown(results)

    return publish(path, None if options.report else lambda: measure(options), page)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make the runs that are not there; what all of them come to. Raises UserError."""
    if missing := missing_library(BASELINES):
        raise UserError(missing)
    jobs: dict[str, list[Job]] = {}
    rows: dict[str, list[int]] = {}
    waiting = []
    for fold in range(options.scored):
        for size, (table, train_rows) in parts_of(options, fold).items():
            rows.setdefault(size, []).append(train_rows)
            made = list(jobs_of(options, table, size, fold))
            jobs.setdefault(size, []).extend(made)
            waiting += made
    make(waiting, 1)
    found = {size: outcomes(of_size) for size, of_size in jobs.items()}
    return {
        "command": f"python benchmarks/learning_curve.py --data FOLDER --catalogue "
        f"{options.catalogue} --folds {options.folds} --scored {options.scored} --sizes "
        f"{','.join(map(str, options.sizes))}",
        "machine": machine(),
        "catalogue": options.catalogue,
        "folds": options.folds,
        "scored": options.scored,
        **summarise(found, {size: float(np.mean(each)) for size, each in rows.items()}, options),
    }


def parts_of(options: argparse.Namespace, fold: int) -> dict[str, tuple[Path, int]]:
    """Of each size a table with the products of the fold, and how many train."""
    file, chosen = ALL_CATALOGUES[options.catalogue]
    runs = options.runs.resolve()
    source = table_at(options.data.resolve(), file, runs)
    overrides = (*chosen, *split(options, fold), f"data.path={source}", *EVERY_RUN)
    experiment = from_config(OmegaConf.create(composed(HERE, overrides)), Experiment)
    catalogue = open_catalogue(experiment.data, ArtefactStore(runs / "cache"))
    outside = catalogue.rows(TRAIN)
    keys = np.unique(catalogue.text_keys[catalogue.split != TEST])
    place = np.random.default_rng(fold).permutation(len(keys)) / len(keys)
    places = np.zeros(len(catalogue))
    others = catalogue.split != TEST
    places[others] = place[np.searchsorted(keys, catalogue.text_keys[others])]
    with source.open(newline="", encoding="utf-8") as opened:
        header, *lines = csv.reader(opened)
    ids = [lines[at - 1][header.index("PRODUCT_ID")] for at in catalogue.row_numbers]
    assert ids == catalogue.product_ids.to_pylist(), "rows are counted as the package does"
    found = {}
    for size in (*options.sizes, None):
        share = 1.0 if size is None else size / len(outside)
        if share > 1:
            raise UserError(f"--sizes {size}: fold {fold} has {len(outside)} training products")
        kept = np.flatnonzero(places < share)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(lines[catalogue.row_numbers[at] - 1] for at in kept)
        name = ALL if size is None else str(size)
        path = runs / f"{options.catalogue}_{fold}_of_{options.folds}_{name}.csv"
        if not path.exists() or path.read_text(encoding="utf-8") != text.getvalue():
            write_text(path, text.getvalue())
        found[name] = path, int((places[outside] < share).sum())
    return found


def split(options: argparse.Namespace, fold: int) -> tuple[str, ...]:
    return f"data.split.folds={options.folds}", f"data.split.fold={fold}"


def jobs_of(options: argparse.Namespace, table: Path, size: str, fold: int) -> Iterator[Job]:
    """The trainings of one part, and one job for its baselines."""
    chosen = ALL_CATALOGUES[options.catalogue][1]
    runs = options.runs.resolve()
    where = runs / f"{options.catalogue}_{fold}_of_{options.folds}_{size}"
    groups = [([name], ("embeddings=words", *RECIPES[name])) for name in NETWORKS]
    for names, recipe in [*groups, (list(BASELINES), SEEN_BY_BASELINES)]:
        overrides = (*chosen, *recipe, *EVERY_RUN)
        are_baselines = names == list(BASELINES)
        key = key_of(HERE, table, overrides, is_baseline=are_baselines)
        yield Job(
            what=f"{size} products, {'; '.join(names)}, fold {fold}",
            checkout=HERE,
            overrides=(
                *overrides,
                f"data.path={table}",
                f"cache_dir={runs / 'cache'}",
                *split(options, fold),
            ),
            folders={name: where / folder_name(name, key) for name in names},
            are_baselines=are_baselines,
            files=files_of(HERE),
        )


def outcomes(jobs: Sequence[Job]) -> dict[str, list[list[Outcome]]]:
    """By model, of one size, as one seed of all folds."""
    found: dict[str, list[Outcome]] = {}
    for job in jobs:
        for name, folder in job.folders.items():
            read = of_baseline if job.are_baselines else of_network
            found.setdefault(name, []).append(read(folder))
    return {name: [folds] for name, folds in found.items()}


def summarise(
    found: Mapping[str, Mapping[str, Sequence[Sequence[Outcome]]]],
    rows: Mapping[str, float],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Figures of each size and model, and each model's points a doubling."""
    bands, unit = bands_and_unit(options.catalogue)
    of_sizes = {
        size: of_catalogue(size, recipes, bands, unit, seed=0)[0] for size, recipes in found.items()
    }
    doublings = np.log2([rows[size] for size in found])
    weights = doublings - doublings.mean()
    weights /= (weights**2).sum()
    slopes = {}
    for name in next(iter(found.values())):
        products = [Products.of(recipes[name]) for recipes in found.values()]
        assert all(each.ids == products[0].ids for each in products), "all score the same"
        # The slope of the means is the mean of the products' slopes.
        errors = np.tensordot(weights, [each.errors for each in products], axes=1)
        slopes[name] = with_interval(errors, resampled([errors], 0)[0])
    return {"train_rows": dict(rows), "sizes": of_sizes, "slopes": slopes}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    needed = "--report" not in sys.argv
    made.add_argument("--data", type=Path, required=needed, help="the tables' folder")
    made.add_argument("--catalogue", choices=list(ALL_CATALOGUES), default="amazon")
    made.add_argument("--folds", type=int, default=5)
    made.add_argument("--scored", type=int, help="how many of the folds; default: all")
    made.add_argument("--sizes", type=numbers, default=[417, 853, 1700, 3414])
    made.add_argument("--runs", type=Path, default=Path("outputs/learning_curve"))
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--picture", type=Path, default=PICTURE)
    made.add_argument("--report", action="store_true", help="table and picture from the figures")
    return made


def numbers(words: str) -> list[int]:
    return sorted(int(each) for each in words.split(","))


if __name__ == "__main__":
    sys.exit(main())
