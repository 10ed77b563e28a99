"""Recipes and their rivals by repeated cross-validation on a real catalogue, paired with the first.

    python benchmarks/crossval.py --data train.csv [--folds 5] [--repeats 1] [--workers 2]
        [--embeddings words] [--minilm FOLDER] [--tracks 40–5000] [--recipes "reference;best"]
        [--rivals "lightgbm;type median"]

Each product is predicted once a repeat, by a model that was trained and stopped without its fold
(data.split.folds). Its error is the mean over the repeats; intervals are 95% percentile bootstraps
over products, those of differences are paired. The relative difference is that of the two mean
errors. Beside MAPE under `decision=mape` stands the median APE under `decision=median`, where a
recipe predicts a distribution, a mean over folds. Rivals (benchmarks/rivals.py) see the same rows
and features, and are the gate: `best` has to beat each of them. Two of them need LightGBM
(pip install '.[benchmarks]'); --recipes "" or --rivals "" is none. Recipes with MiniLM run with
--minilm, or when named. Finished runs are kept in --runs and not run again unless their
configuration has changed. Results go to benchmarks/results/crossval.json and crossval.md, where
those of other --tracks stay.
"""

import argparse
import functools
import hashlib
import json
import logging
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from contest import Errors, Outcome, as_markdown, compare
from contestants import MINILM, RECIPES, SEEN_BY_RIVALS, TRACKS
from measured import RESULTS, machine
from rivals import (
    FOR_MAPE,
    FOR_MEDIAN,
    RIVAL_FILE,
    RIVALS,
    is_finished,
    measure,
    missing_library,
)

from product_length.evaluation.metrics import absolute_percentage_errors
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.report import REPORT_FILE, load_report
from product_length.experiment import Experiment
from product_length.writing import write_text


@dataclass(frozen=True)
class Job:
    """One training."""

    overrides: list[str]
    folder: Path


@dataclass(frozen=True)
class RivalsJob:
    """The rivals of one fold that are still to do, each with its folder."""

    overrides: list[str]
    folders: dict[str, Path]


def main() -> None:
    made = parser()
    options = made.parse_args()
    if options.recipes is None:
        options.recipes = recipes_without_asking(options.minilm)
    if missing := missing_library(options.rivals):
        made.error(missing)
    if not options.recipes and not options.rivals:
        made.error("nothing to compare: both --recipes and --rivals are empty")
    jobs = [
        job(options, track, recipe, repeat, fold)
        for repeat in range(options.repeats)
        for track in options.tracks
        for fold in range(options.folds)
        for recipe in options.recipes
    ]
    waiting = [each for each in jobs if not (each.folder / REPORT_FILE).exists()]
    gate = [
        rivals_job(options, track, repeat, fold)
        for repeat in range(options.repeats)
        for track in options.tracks
        for fold in range(options.folds)
    ]
    gate = [each for each in gate if each.folders]
    print(f"{len(jobs)} trainings, {len(waiting)} still to do", flush=True)
    print(f"rivals: {len(gate)} folds still to do", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, initializer=one_thread) as pool:
        follow(pool, train, waiting)
        follow(pool, fit_rivals, gate)
    results = {
        "command": f"python benchmarks/crossval.py --data DATA --folds {options.folds} "
        f"--repeats {options.repeats} --embeddings {options.embeddings}",
        "machine": machine(),
        "folds": options.folds,
        "repeats": options.repeats,
        "tracks": {track: summarise(options, track) for track in options.tracks},
    }
    results["tracks"] = with_earlier(results, options.results / "crossval.json")
    text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
    write_text(options.results / "crossval.json", text)
    write_text(options.results / "crossval.md", as_markdown(results))
    print(as_markdown(results))


def with_earlier(results: dict[str, Any], path: Path) -> dict[str, Any]:
    """The tracks of `results`, and others that the same command has left at `path`."""
    tracks: dict[str, Any] = results["tracks"]
    if path.exists():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        if earlier["command"] == results["command"]:
            tracks = {**earlier["tracks"], **tracks}
    return {name: tracks[name] for name in TRACKS if name in tracks}


def follow(pool: Executor, work: Callable[[Any], str], jobs: Sequence[Any]) -> None:
    for done, line in enumerate(pool.map(work, jobs), start=1):
        print(f"[{done}/{len(jobs)}] {line}", flush=True)


def recipes_without_asking(minilm: str | None) -> list[str]:
    """All that need no download."""
    return [name for name, recipe in RECIPES.items() if minilm is not None or MINILM not in recipe]


def job(options: argparse.Namespace, track: str, recipe: str, repeat: int, fold: int) -> Job:
    overrides = overrides_of(options, RECIPES[recipe], track, repeat, fold)
    folder = folder_of(options, track, recipe, repeat, fold)
    # What was run when a recipe was another one is not taken for it.
    return Job(overrides, folder.with_name(f"{folder.name}_{digest(tuple(overrides))}"))


@functools.cache
def digest(overrides: tuple[str, ...]) -> str:
    """Of the whole configuration that these overrides come to."""
    config = composed(list(overrides)).model_dump_json()
    return hashlib.sha256(config.encode()).hexdigest()[:8]


def rivals_job(options: argparse.Namespace, track: str, repeat: int, fold: int) -> RivalsJob:
    overrides = overrides_of(options, SEEN_BY_RIVALS, track, repeat, fold)
    folders = {
        name: folder_of(options, track, f"rival {name}", repeat, fold) for name in options.rivals
    }
    waiting = {
        name: folder for name, folder in folders.items() if not is_finished(folder, overrides)
    }
    return RivalsJob(overrides, waiting)


def folder_of(options: argparse.Namespace, track: str, name: str, repeat: int, fold: int) -> Path:
    words = "".join(letter if letter.isalnum() else "_" for letter in f"{track} {name}")
    return Path(options.runs / f"{words}_{repeat}_{fold}_of_{options.folds}")


def overrides_of(
    options: argparse.Namespace, recipe: Sequence[str], track: str, repeat: int, fold: int
) -> list[str]:
    encoders = []
    if not any(word.startswith("embeddings=") for word in recipe):  # some are about theirs
        encoders = [f"embeddings={options.embeddings}"]
    elif MINILM in recipe and options.minilm is not None:
        encoders = [f"embeddings.encoders.minilm.model={options.minilm}"]
    return [
        "data=amazon2023",
        f"data.path={options.data}",
        f"cache_dir={options.cache}",
        *recipe,
        *encoders,
        *options.override,
        *TRACKS[track],
        f"data.split.seed={repeat}",
        f"data.split.folds={options.folds}",
        f"data.split.fold={fold}",
        f"seed={repeat}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.resamples=100",
    ]


def one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    logging.getLogger().setLevel(logging.ERROR)


def train(job: Job) -> str:
    from product_length.pipeline import run

    job.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=job.folder.parent) as beside:
        made = Path(beside) / "run"
        mape = run(composed(job.overrides), made, job.overrides)
        if not (job.folder / REPORT_FILE).exists():  # else another process was faster
            shutil.rmtree(job.folder, ignore_errors=True)  # of a run that was killed
            made.rename(job.folder)
    return f"{job.folder.name}: val MAPE {mape:.2%}"


def fit_rivals(job: RivalsJob) -> str:
    measure(composed(job.overrides), job.overrides, job.folders)
    return ", ".join(folder.name for folder in job.folders.values())


def composed(overrides: list[str]) -> Experiment:
    from hydra import compose, initialize_config_dir

    from product_length.composition import CONF
    from product_length.experiment import from_config

    with initialize_config_dir(str(CONF)):
        return from_config(compose("train", overrides=overrides), Experiment)


def summarise(options: argparse.Namespace, track: str) -> dict[str, Any]:
    """Of each recipe and rival: MAPE, its interval, the relative difference; and the gate."""
    places = [(repeat, fold) for repeat in range(options.repeats) for fold in range(options.folds)]
    return compare(
        {
            name: [of_recipe(job(options, track, name, *place).folder) for place in places]
            for name in options.recipes
        },
        {
            name: [of_rival(folder_of(options, track, f"rival {name}", *place)) for place in places]
            for name in options.rivals
        },
    )


def of_recipe(folder: Path) -> Outcome:
    report = load_report(folder)
    # Under `decision=median` where there is a distribution.
    median = float(report.splits["test"].own("median_ape").value or 0.0)
    held = report.splits["test"].intervals
    groups = [] if held is None else [held.overall, *held.bands]
    coverage = {each.name: (each.rows, each.coverage or 0.0) for each in groups}
    return Outcome(errors_in(folder, "test"), median, report.timings["train"], coverage)


def of_rival(folder: Path) -> Outcome:
    facts = json.loads((folder / RIVAL_FILE).read_text(encoding="utf-8"))
    median = float(np.median(list(errors_in(folder, FOR_MEDIAN).values())))
    return Outcome(errors_in(folder, FOR_MAPE), median, facts["seconds"])


def errors_in(folder: Path, split: str) -> Errors:
    rows = load_predictions(folder, split)
    ape = absolute_percentage_errors(rows.lengths, rows.predictions).tolist()
    return dict(zip(rows.product_ids.to_pylist(), ape, strict=True))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", required=True, metavar="FILE", help="catalogue with lengths")
    made.add_argument("--folds", type=int, default=5)
    made.add_argument("--repeats", type=int, default=1)
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--embeddings", default="words")
    made.add_argument("--minilm", metavar="FOLDER", help="all-MiniLM-L6-v2, or its name on the hub")
    made.add_argument("--override", action="append", default=[], help="for every training")
    made.add_argument("--tracks", type=names(TRACKS, ","), default=list(TRACKS))
    made.add_argument(
        "--recipes",
        type=names(RECIPES),
        help="the first is compared; default: all, MiniLM's with --minilm",
    )
    made.add_argument("--rivals", type=names(RIVALS), default=list(RIVALS))
    made.add_argument("--runs", type=Path, default=Path("outputs/crossval"))
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--cache", default=".cache")
    return made


def names(known: Collection[str], divider: str = ";") -> Callable[[str], list[str]]:
    """Reads names of `known`; some hold commas, so semicolons divide them."""

    def read(words: str) -> list[str]:
        chosen = [word.strip() for word in words.split(divider) if word.strip()]
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)}: choose from {f'{divider} '.join(known)}"
            )
        return chosen

    return read


if __name__ == "__main__":
    main()
