"""Every loss, model and feature option on a real catalogue, over repeated splits, in one table.

    python benchmarks/recipes.py --data train.csv --minilm FOLDER [--repeats 3] [--workers 2]

Each recipe is trained on the same `--repeats` splits (data.split.seed and seed both 0, 1, 2, …) of
two tracks, all lengths and lengths up to 5000. A product's error is its mean over the splits in
which it was a validation row; intervals are 95% percentile bootstraps over products, differences
to the reference recipe are paired. Finished runs are kept in --runs and not run again. Results go
to benchmarks/results/recipes.json and recipes.md, the README's tables. Test rows are not looked at.
"""

import argparse
import json
import logging
import multiprocessing
import platform
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.records import Rival
from product_length.evaluation.report import REPORT_FILE, load_report
from product_length.writing import write_text

RESULTS = Path(__file__).parent / "results"
TRACKS = {"all lengths": [], "lengths ≤ 5000": ["data.max_length=5000"]}
REFERENCE = "mape + log target (reference)"
_LOG = "features.use_log_target=true"
# Each recipe changes one thing of the reference: MLP, MAPE, log target, neighbours, MiniLM.
RECIPES = {
    REFERENCE: [],
    "huber, plain target (baseline)": ["experiment=baseline"],
    "mape, plain target": ["experiment=mape_direct"],
    "smape, plain target": ["experiment=smape"],
    "weighted_mape": ["loss=weighted_mape"],
    "log_mape": ["loss=log_mape"],
    "focal_mape": ["loss=focal_mape"],
    "rmsle": ["loss=rmsle"],
    "combined": ["loss=combined"],
    "smape": ["loss=smape"],
    "huber": ["loss=huber"],
    "residual_mlp": ["model=residual_mlp"],
    "gated_fusion": ["model=gated_fusion"],
    "attention": ["model=attention"],
    "without neighbours": ["features=text", _LOG],
    "without product types": ["features.type=null"],
    "lsa for minilm": ["embeddings=lsa"],
    "minilm and lsa": ["embeddings=[minilm,lsa]"],
    "50 neighbours": ["features.knn.k=50"],
    "batches of 128": ["trainer.batch_size=128"],
    "learning rate 3e-4": ["trainer.learning_rate=3e-4"],
    "dropout 0.5": ["model.dropout=0.5"],
    "learning rate 3e-4, 32 steps an epoch": ["trainer.learning_rate=3e-4", "trainer.min_steps=32"],
}
Errors = dict[str, float]


def main() -> None:
    options = parser().parse_args()
    jobs = [
        (
            track,
            name,
            repeat,
            overrides_of(options, track, name, repeat),
            folder_of(options, track, name, repeat),
        )
        for track in TRACKS
        for repeat in range(options.repeats)
        for name in RECIPES
    ]
    waiting = [job for job in jobs if not (job[-1] / REPORT_FILE).exists()]
    print(f"{len(jobs)} runs, {len(waiting)} still to do")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.workers, context, initializer=one_thread) as pool:
        for done, line in enumerate(pool.map(train, waiting), start=1):
            print(f"[{done}/{len(waiting)}] {line}", flush=True)
    results = {
        "command": "python benchmarks/recipes.py --data DATA --minilm FOLDER "
        f"--repeats {options.repeats}",
        "machine": f"{platform.machine()}, {multiprocessing.cpu_count()} cores",
        "repeats": options.repeats,
        "tracks": {track: summarise(options, track) for track in TRACKS},
    }
    folder = Path(options.results)
    write_text(folder / "recipes.json", json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / "recipes.md", as_markdown(results))
    print(as_markdown(results))


def overrides_of(options: argparse.Namespace, track: str, name: str, repeat: int) -> list[str]:
    recipe = RECIPES[name]
    chosen = (
        [] if any(each.startswith("experiment=") for each in recipe) else ["experiment=log_target"]
    )
    embeddings = (
        [] if any(each.startswith("embeddings=") for each in recipe) else ["embeddings=minilm"]
    )
    both = [*chosen, *embeddings, *recipe]
    if "embeddings=lsa" not in both:
        both.append(f"embeddings.encoders.minilm.model={options.minilm}")
        both.append("embeddings.encoders.minilm.precision=float32")
    return [
        "data=amazon2023",
        f"data.path={options.data}",
        f"cache_dir={options.cache}",
        *both,
        *TRACKS[track],
        f"data.split.seed={repeat}",
        f"seed={repeat}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.resamples=100",
    ]


def folder_of(options: argparse.Namespace, track: str, name: str, repeat: int) -> Path:
    words = "".join(letter if letter.isalnum() else "_" for letter in f"{track} {name}")
    return Path(options.runs) / f"{words}_{repeat}"


def one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    logging.getLogger().setLevel(logging.ERROR)


def train(job: tuple[str, str, int, list[str], Path]) -> str:
    from hydra import compose, initialize_config_dir

    from product_length.composition import CONF
    from product_length.experiment import Experiment, from_config
    from product_length.pipeline import run

    track, name, repeat, overrides, folder = job
    with initialize_config_dir(str(CONF)):
        experiment = from_config(compose("train", overrides=overrides), Experiment)
    mape = run(experiment, folder, overrides)
    return f"{track}, {name}, repeat {repeat}: val MAPE {mape:.2%}"


def summarise(options: argparse.Namespace, track: str) -> dict[str, Any]:
    """Each recipe's and baseline's val MAPE with interval, and its difference to the reference."""
    errors: dict[str, list[Errors]] = defaultdict(list)
    baselines: dict[str, list[Rival]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    parameters: dict[str, int] = {}
    for name in RECIPES:
        for repeat in range(options.repeats):
            folder = folder_of(options, track, name, repeat)
            report = load_report(folder)
            rows = load_predictions(folder, "val")
            ape = np.abs(rows.lengths - rows.predictions) / rows.lengths
            errors[name].append(dict(zip(rows.product_ids.to_pylist(), ape.tolist(), strict=True)))
            seconds[name].append(report.timings["train"])
            parameters[name] = report.parameters
            if name == REFERENCE:
                for baseline, rival in report.val.baselines.items():
                    baselines[baseline].append(rival)
    reference = per_product(errors[REFERENCE])
    recipes = {}
    for name in RECIPES:
        mine = per_product(errors[name])
        assert list(mine) == list(reference), "recipes must be scored on the same products"
        values = np.array(list(mine.values()))
        difference = values - np.array(list(reference.values()))
        recipes[name] = {
            "val_mape": float(values.mean()),
            "interval": interval(values),
            "median_ape": float(np.median(values)),
            "difference": float(difference.mean()),
            "difference_interval": None if name == REFERENCE else interval(difference),
            "of_each_repeat": [float(np.mean(list(each.values()))) for each in errors[name]],
            "train_seconds": float(np.mean(seconds[name])),
            "parameters": parameters[name],
        }
    return {
        "products": len(reference),
        "recipes": recipes,
        "baselines": {name: over_splits(rivals) for name, rivals in baselines.items()},
    }


def over_splits(rivals: list[Rival]) -> dict[str, Any]:
    """A baseline's mean MAPE, and its difference to the reference, splits taken as independent."""
    mapes = [rival.metrics.mape.value for rival in rivals]
    differences = [rival.difference.reversed() for rival in rivals]
    mean = float(np.mean([difference.value for difference in differences]))
    # Every split has rows enough for an interval.
    halves = [((each.high or 0) - (each.low or 0)) / 2 for each in differences]
    half = float(np.sqrt(np.sum(np.square(halves)))) / len(rivals)
    return {
        "val_mape": float(np.mean(mapes)),  # type: ignore[arg-type]
        "difference": mean,
        "difference_interval": [mean - half, mean + half],
    }


def per_product(repeats: list[Errors]) -> Errors:
    """Mean error of each product over the splits in which it was a validation row."""
    gathered: dict[str, list[float]] = defaultdict(list)
    for repeat in repeats:
        for product, error in repeat.items():
            gathered[product].append(error)
    return {product: float(np.mean(gathered[product])) for product in sorted(gathered)}


def interval(values: NDArray[np.float64]) -> list[float]:
    """95% percentile bootstrap interval of the mean."""
    found = stats.bootstrap(
        (values,), np.mean, n_resamples=2000, method="percentile", batch=100, rng=0
    ).confidence_interval
    return [float(found.low), float(found.high)]


def as_markdown(results: dict[str, Any]) -> str:
    lines = []
    for track, found in results["tracks"].items():
        lines += [
            f"**{track}**: {found['products']} validation products, {results['repeats']} splits",
            "",
            "| recipe | val MAPE | 95% interval | to the reference, points | median APE | train |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        ranked = sorted(found["recipes"].items(), key=lambda item: item[1]["val_mape"])
        for name, recipe in ranked:
            lines.append(
                f"| {name} | {recipe['val_mape']:.1%} | {span(recipe['interval'], '.1f')}% "
                f"| {to_reference(recipe)} | {recipe['median_ape']:.1%} "
                f"| {recipe['train_seconds']:.0f} s |"
            )
        cheap = sorted(found["baselines"].items(), key=lambda item: item[1]["val_mape"])
        for name, baseline in cheap:
            lines.append(
                f"| *baseline: {name.replace('_', ' ')}* | *{baseline['val_mape']:.1%}* | "
                f"| {to_reference(baseline)} | | |"
            )
        lines.append("")
    return "\n".join(lines)


def to_reference(recipe: dict[str, Any]) -> str:
    if recipe["difference_interval"] is None:
        return "–"
    return f"{100 * recipe['difference']:+.1f} ({span(recipe['difference_interval'], '+.1f')})"


def span(interval: list[float], form: str) -> str:
    low, high = interval
    return f"{format(100 * low, form)} to {format(100 * high, form)}"


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--data", required=True, metavar="FILE", help="catalogue with lengths")
    described.add_argument("--minilm", default="sentence-transformers/all-MiniLM-L6-v2")
    described.add_argument("--repeats", type=int, default=3)
    described.add_argument("--workers", type=int, default=2)
    described.add_argument("--runs", default="outputs/recipes", help="where the run folders go")
    described.add_argument("--results", default=RESULTS, help="where recipes.json and .md go")
    described.add_argument("--cache", default=".cache")
    return described


if __name__ == "__main__":
    main()
