"""Which loss is best on a real catalogue: the README's table and picture of `sweep=losses`.

    python benchmarks/losses.py --data train.csv --minilm FOLDER [--cache FOLDER] [override …]

Runs the sweep (every loss, with and without a log target, over three seeds) on lengths up to 5000
with MiniLM embeddings and neighbours, or goes on with it where it was stopped; then writes
benchmarks/results/losses.md and losses.json, and docs/losses.png. Recipes are ranked by val MAPE;
test rows are scored for the best one only, and chose nothing.
"""

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from product_length.comparison.compare import Comparison, Group, compare
from product_length.comparison.formats import as_records
from product_length.comparison.published import published_figure
from product_length.comparison.runs import find_run_folders, load_runs
from product_length.evaluation.metrics import MAPE
from product_length.evaluation.wording import metric_range, percent, points
from product_length.writing import write_text

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "losses.png"
COLOURS = {"log target": "#0072B2", "plain target": "#D55E00", "distribution": "#009E73"}
REFERENCE = ["loss=mape", "features.use_log_target=true"]
STUDY = "losses-benchmark"


def main() -> int:
    options = parser().parse_args()
    words = [
        f"study={STUDY}",
        "data=amazon2023",
        f"data.path={options.data}",
        "data.max_length=5000",
        "embeddings=minilm",
        "embeddings.encoders.minilm.precision=float32",
        "features=knn",
        "tracking=none",
        *([f"embeddings.encoders.minilm.model={options.minilm}"] if options.minilm else []),
        *([f"cache_dir={options.cache}"] if options.cache else []),
        *options.overrides,
    ]
    command = [sys.executable, "-m", "product_length.train", "-m", "sweep=losses", *words]
    done = subprocess.run(command, check=False)
    if done.returncode:
        return done.returncode
    record(Path("multirun") / STUDY, options.results, options.picture)
    return 0


def record(folder: Path, results: Path, picture: Path) -> None:
    """Write table, figures and picture of a finished sweep."""
    runs, unfinished = load_runs(find_run_folders([folder]))
    comparison = compare(runs, reference=REFERENCE, unfinished=unfinished)
    (group,) = comparison.groups
    seconds = waiting(comparison)
    content = {
        "command": "python benchmarks/losses.py",
        "machine": f"{platform.machine()}, {platform.system()}",
        "rows": group.best.runs[0].report.data.rows,
        "seconds_before_first_step": seconds,
        "recipes": [
            {
                key: value
                for key, value in record.items()
                if not key.startswith(("runs", "test_", "data", "overrides"))
            }
            for record in as_records(comparison)
        ],
    }
    write_text(results / "losses.json", json.dumps(content, indent=2) + "\n")
    write_text(results / "losses.md", as_markdown(group, seconds))
    draw(group, picture)
    print(f"recorded in {results / 'losses.md'} and {picture}")


def waiting(comparison: Comparison) -> list[float]:
    """Seconds before the first step of each run, in the order in which they ended."""
    runs = sorted(
        (run for group in comparison.groups for run in group.runs),
        key=lambda run: run.report.created,
    )
    return [run.report.seconds_before_first_step or 0.0 for run in runs]


def as_markdown(group: Group, seconds: list[float]) -> str:
    own = group.best.val.metrics
    lines = [
        f"{own.rows} validation products up to 5000, {len(group.best.seeds)} seeds",
        "",
        "| recipe | val MAPE | 95% interval | to the reference, points | verdict | RMSLE "
        "| median APE | published |",
        "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    for recipe in group.recipes:
        metrics, pair = recipe.val.metrics, recipe.to_reference
        published = published_figure(recipe.runs[0].config)
        lines.append(
            f"| {name(recipe.runs[0].config)} | {percent(metrics.mape.value)} "
            f"| {metric_range(MAPE, metrics.mape)} | {'–' if pair is None else points(pair)} "
            f"| {'reference' if pair is None else pair.verdict} "
            f"| {recipe.val.own('rmsle').value:.3f} "
            f"| {percent(recipe.val.own('median_ape').value)} "
            f"| {'' if published is None else ('~' if published.rough else '')}"
            f"{'' if published is None else percent(published.mape, 0)} |"
        )
    for key, baseline in group.best.val.baselines.items():
        lines.append(
            f"| *baseline: {key.replace('_', ' ')}* | *{percent(baseline.metrics.mape.value)}* "
            "| | | | | | |"
        )
    others = sorted(seconds[1:])
    middle = others[len(others) // 2] if others else 0.0
    lines += [
        "",
        f"Before its first training step the first trial took {seconds[0]:.0f} s (reading, "
        f"encoding, neighbours), the others {middle:.1f} s (median of {len(others)}).",
    ]
    return "\n".join(lines) + "\n"


def name(config: Any) -> str:
    return f"{config['loss']['name']}, {kind(config)}"


def kind(config: Any) -> str:
    """What the network emits: one of `COLOURS`."""
    if config["loss"]["name"] == "histogram":
        return "distribution"
    return "log target" if config["features"]["use_log_target"] else "plain target"


def draw(group: Group, path: Path) -> None:
    """Recipes ranked, with their intervals, the single seeds, and the best baseline."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    recipes = group.recipes[::-1]
    figure = Figure(figsize=(9, 0.34 * len(recipes) + 1.3), dpi=150, layout="constrained")
    axes = figure.subplots()
    for at, recipe in enumerate(recipes):
        mape = recipe.mape
        color = COLOURS[kind(recipe.runs[0].config)]
        assert mape.value is not None
        assert mape.low is not None
        assert mape.high is not None
        ends = [100 * mape.low, 100 * mape.high]
        axes.plot(ends, [at, at], color=color, linewidth=2.2, solid_capstyle="round")
        seeds = [100 * value for value in recipe.seed_mapes if value is not None]
        axes.plot(seeds, [at] * len(seeds), "|", color=color, markersize=9)
        axes.plot(100 * mape.value, at, "o", color=color, markersize=6)
    baselines = group.best.val.baselines.items()
    best, baseline = min(baselines, key=lambda item: item[1].metrics.mape.value or 0)
    line = axes.axvline(100 * (baseline.metrics.mape.value or 0), color="0.4", linestyle="--", lw=1)
    dots = [axes.plot([], [], "o", color=each)[0] for each in COLOURS.values()]
    axes.legend(
        [*dots, line],
        [*COLOURS, f"best baseline: {best.replace('_', ' ')}"],
        loc="upper right",
        frameon=False,
    )
    labels = [recipe.runs[0].config["loss"]["name"] for recipe in recipes]
    axes.set_yticks(range(len(recipes)), labels)
    axes.set_xscale("log")
    ticks = [t for t in (50, 70, 100, 150, 200, 300, 400) if axes.get_xlim()[0] <= t]
    ticks = [t for t in ticks if t <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{t}%" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("val MAPE with 95% interval; ticks are single seeds")
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="white")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", required=True, help="CSV or Parquet of the challenge's catalogue")
    made.add_argument("--minilm", help="folder of all-MiniLM-L6-v2, where there is no model hub")
    made.add_argument("--cache", help="folder for embeddings and neighbours")
    made.add_argument("--results", type=Path, default=RESULTS, help="where table and figures go")
    made.add_argument("--picture", type=Path, default=PICTURE, help="where the picture goes")
    made.add_argument("overrides", nargs="*", help="further overrides of the sweep")
    return made


if __name__ == "__main__":
    sys.exit(main())
