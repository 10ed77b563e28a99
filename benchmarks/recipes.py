"""Every loss, model and feature option on a real catalogue, over repeated splits, in one table.

    python benchmarks/recipes.py --data train.csv --minilm FOLDER [--repeats 3] [--workers 2]

Each recipe is trained on the same `--repeats` splits (data.split.seed and seed both 0, 1, 2, …) of
two length ranges, all lengths and lengths up to 5000. A product's error is its mean over the splits
in which it was a validation row; intervals are 95% percentile bootstraps over products, differences
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
from contest import Errors, per_product

from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.records import Baseline
from product_length.evaluation.report import REPORT_FILE, load_report
from product_length.evaluation.resampling import Mean, middle, resample
from product_length.writing import write_text

RESULTS = Path(__file__).parent / "results"
LENGTH_RANGES = {"all lengths": [], "lengths ≤ 5000": ["data.max_length=5000"]}
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
    "without product types": ["features.types=null"],
    "lsa for minilm": ["embeddings=lsa"],
    "minilm and lsa": ["embeddings=[minilm,lsa]"],
    "50 neighbours": ["features.neighbours.k=50"],
    "batches of 128": ["trainer.batch_size=128"],
    "learning rate 3e-4": ["trainer.learning_rate=3e-4"],
    "dropout 0.5": ["model.dropout=0.5"],
    "learning rate 3e-4, 32 steps an epoch": ["trainer.learning_rate=3e-4", "trainer.min_steps=32"],
}


def main() -> None:
    options = parser().parse_args()
    jobs = [
        (
            lengths,
            name,
            repeat,
            overrides_of(options, lengths, name, repeat),
            folder_of(options, lengths, name, repeat),
        )
        for lengths in LENGTH_RANGES
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
        "length_ranges": {lengths: summarise(options, lengths) for lengths in LENGTH_RANGES},
    }
    folder = Path(options.results)
    write_text(folder / "recipes.json", json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    write_text(folder / "recipes.md", as_markdown(results))
    print(as_markdown(results))


def overrides_of(options: argparse.Namespace, lengths: str, name: str, repeat: int) -> list[str]:
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
        *LENGTH_RANGES[lengths],
        f"data.split.seed={repeat}",
        f"seed={repeat}",
        "tracking=none",
        "trainer=cpu",
        "trainer.progress=false",
        "evaluation.resamples=100",
    ]


def folder_of(options: argparse.Namespace, lengths: str, name: str, repeat: int) -> Path:
    words = "".join(letter if letter.isalnum() else "_" for letter in f"{lengths} {name}")
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

    lengths, name, repeat, overrides, folder = job
    with initialize_config_dir(str(CONF)):
        experiment = from_config(compose("train", overrides=overrides), Experiment)
    mape = run(experiment, folder, overrides)
    return f"{lengths}, {name}, repeat {repeat}: val MAPE {mape:.2%}"


def summarise(options: argparse.Namespace, lengths: str) -> dict[str, Any]:
    """Each recipe's and baseline's val MAPE with interval, and its difference to the reference."""
    errors: dict[str, list[Errors]] = defaultdict(list)
    baselines: dict[str, list[Baseline]] = defaultdict(list)
    seconds: dict[str, list[float]] = defaultdict(list)
    parameters: dict[str, int] = {}
    for name in RECIPES:
        for repeat in range(options.repeats):
            folder = folder_of(options, lengths, name, repeat)
            report = load_report(folder)
            rows = load_predictions(folder, "val")
            ape = np.abs(rows.lengths - rows.predictions) / rows.lengths
            errors[name].append(dict(zip(rows.product_ids.to_pylist(), ape.tolist(), strict=True)))
            seconds[name].append(report.timings["train"])
            parameters[name] = report.parameters
            if name == REFERENCE:
                for kind, baseline in report.val.baselines.items():
                    baselines[kind].append(baseline)
    means = {name: per_product(each) for name, each in errors.items()}
    products = list(means[REFERENCE])
    assert all(list(each) == products for each in means.values()), "all score the same products"
    values = {name: np.array(list(each.values())) for name, each in means.items()}
    samples = resample(list(map(Mean, values.values())), len(products), resamples=2000, seed=0)
    resampled = dict(zip(values, samples, strict=True))
    recipes = {
        name: {
            "val_mape": float(values[name].mean()),
            "interval": middle(resampled[name]),
            "median_ape": float(np.median(values[name])),
            "difference": float(values[name].mean() - values[REFERENCE].mean()),
            "difference_interval": None
            if name == REFERENCE
            else middle(resampled[name] - resampled[REFERENCE]),
            "of_each_repeat": [float(np.mean(list(each.values()))) for each in errors[name]],
            "train_seconds": float(np.mean(seconds[name])),
            "parameters": parameters[name],
        }
        for name in RECIPES
    }
    return {
        "products": len(products),
        "recipes": recipes,
        "baselines": {name: over_splits(each) for name, each in baselines.items()},
    }


def over_splits(baselines: list[Baseline]) -> dict[str, Any]:
    """A baseline's mean MAPE, and its difference to the reference, splits taken as independent."""
    mapes = [baseline.metrics.mape.value for baseline in baselines]
    differences = [baseline.difference for baseline in baselines]  # the reference minus it
    mean = -float(np.mean([difference.value for difference in differences]))
    # Every split has rows enough for an interval.
    halves = [((each.high or 0) - (each.low or 0)) / 2 for each in differences]
    half = float(np.sqrt(np.sum(np.square(halves)))) / len(baselines)
    return {
        "val_mape": float(np.mean(mapes)),  # type: ignore[arg-type]
        "difference": mean,
        "difference_interval": [mean - half, mean + half],
    }


def as_markdown(results: dict[str, Any]) -> str:
    lines = []
    for lengths, found in results["length_ranges"].items():
        lines += [
            f"**{lengths}**: {found['products']} validation products, {results['repeats']} splits",
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
