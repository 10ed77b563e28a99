"""Run the best recipe and compare it with its recorded figures (`make reproduce-best`).

    python benchmarks/reproduce_best.py [--data train.csv] [--record] [override …]

On the demo catalogue the val MAPE must lie within the recorded tolerance: exit code 1 otherwise.
On other data there is nothing to compare with, and the run is reported only. `--record` writes the
figures anew, with the spread over seeds as the tolerance, and with them the README's table and
picture of the demo catalogue. "Expected" there is the MAPE over all lengths that a product could
have had, by its true distribution: a few hundredths of an inch that happened to be sampled do not
sway it.
"""

import argparse
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from product_length.demo.generator import DemoGenerator
from product_length.errors import UserError
from product_length.evaluation.estimates import MetricEstimates
from product_length.evaluation.predictions import load_predictions
from product_length.evaluation.records import Report
from product_length.evaluation.report import load_report
from product_length.writing import write_text

RESULTS = Path(__file__).parent / "results"
RECORD = RESULTS / "best_demo.json"
PICTURE = Path(__file__).parents[1] / "docs" / "run.png"
# Other machines add up floats in another order, which amounts to another seed's luck: three
# standard deviations over seeds are let pass, and one point at least, since the LSA is fitted anew.
DEVIATIONS, LEAST_TOLERANCE = 3.0, 0.01
RECORDED_SEEDS = (0, 1, 2, 3, 4)


def main() -> int:
    options = parser().parse_args()
    data = [] if options.data is None else ["data=amazon2023", f"data.path={options.data}"]
    overrides = [*data, *options.overrides]
    try:
        if options.record:
            return record()
        report, folder = train(overrides)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    if report.val.oracle is not None:
        print("expected val MAPE {:.2%}, the oracle's {:.2%}".format(*expected_mapes(folder)))
    return compare(report)


def train(overrides: list[str]) -> tuple[Report, Path]:
    """Run experiment=best with these overrides in a folder of its own: its report, its folder."""
    folder = Path("outputs") / f"reproduce-best-{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    command = [sys.executable, "-m", "product_length.train", "experiment=best", *overrides]
    subprocess.run([*command, f"hydra.run.dir={folder}"], check=True)
    return load_report(folder), folder


def compare(report: Report) -> int:
    """Say how the run compares with the record; the exit code."""
    mape = value(report.val.metrics)
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    if report.data.fingerprint != recorded["fingerprint"]:
        print(
            f"val MAPE {mape:.2%}. The data's fingerprint ({report.data.fingerprint[:12]}) is not "
            f"the recorded one ({recorded['fingerprint'][:12]}): nothing recorded to compare with."
        )
        return 0
    expected, tolerance = recorded["val_mape"], recorded["tolerance"]
    within = abs(mape - expected) <= tolerance
    print(
        f"val MAPE {mape:.2%}, recorded {expected:.2%} ± {100 * tolerance:.2f} points "
        f"({len(recorded['seeds'])} seeds): {'reproduced' if within else 'NOT REPRODUCED'}"
    )
    return 0 if within else 1


def record() -> int:
    """Write the mean over seeds, the tolerance that their spread gives, the table, the picture."""
    runs = [train([f"seed={seed}", "tracking=none"]) for seed in RECORDED_SEEDS]
    reports = [report for report, _ in runs]
    mapes = [value(report.val.metrics) for report in reports]
    oracle = reports[0].val.oracle
    assert oracle is not None
    baselines = {
        name: value(baseline.metrics) for name, baseline in reports[0].val.baselines.items()
    }
    expected = [expected_mapes(folder) for _, folder in runs]
    content = {
        "command": "python benchmarks/reproduce_best.py --record",
        "fingerprint": reports[0].data.fingerprint,
        "overrides": ["experiment=best"],
        "rows": reports[0].data.rows,
        "seeds": dict(zip(map(str, RECORDED_SEEDS), mapes, strict=True)),
        "val_mape": float(np.mean(mapes)),
        "tolerance": max(LEAST_TOLERANCE, DEVIATIONS * float(np.std(mapes, ddof=1))),
        "expected": float(np.mean([mine for mine, _ in expected])),
        "oracle_val_mape": value(oracle.metrics),
        "oracle_expected": expected[0][1],
        "baselines_val_mape": baselines,
        "train_seconds": float(np.mean([report.timings["train"] for report in reports])),
    }
    write_text(RECORD, json.dumps(content, indent=2) + "\n")
    write_text(RESULTS / "demo.md", as_markdown(content))
    from page_picture import take_picture  # not before: it needs what only `dev` has

    take_picture(runs[0][1] / "report.html", PICTURE, height=1610, hide=["Result"], tables=False)
    print(f"recorded in {RECORD}: val MAPE {content['val_mape']:.2%}")
    return 0


def expected_mapes(folder: Path) -> tuple[float, float]:
    """Expected MAPE of a demo run's val predictions, and of the oracle's."""
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["data"]
    generator = DemoGenerator(config["rows"], config["types"], config["seed"])
    rows = load_predictions(folder, "val")
    assert rows.oracle is not None
    truth = generator.conditional_lengths(np.array(rows.product_ids.to_pylist(), dtype=np.int64))
    mine, best = (truth.expected_mape(each) for each in (rows.predictions, rows.oracle))
    return float(mine.mean()), float(best.mean())


def value(estimates: MetricEstimates) -> float:
    assert estimates.mape.value is not None
    return estimates.mape.value


def as_markdown(content: dict[str, Any]) -> str:
    mapes = list(content["seeds"].values())
    rows = content["rows"]
    lines = [
        f"| demo catalogue, {rows['val']:,} validation rows | val MAPE | expected |",
        "| --- | ---: | ---: |",
        f"| oracle: the best estimate there is | {content['oracle_val_mape']:.1%} "
        f"| {content['oracle_expected']:.1%} |",
        f"| **`experiment=best`**, mean of {len(mapes)} seeds (least to most) "
        f"| **{content['val_mape']:.1%}** ({min(mapes):.1%} to {max(mapes):.1%}) "
        f"| {content['expected']:.1%} |",
    ]
    for name, mape in sorted(content["baselines_val_mape"].items(), key=lambda item: item[1]):
        lines.append(f"| baseline: {name.replace('_', ' ')} | {mape:.1%} | |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    described.add_argument("--data", metavar="FILE", help="your catalogue instead of the demo")
    described.add_argument("--record", action="store_true", help="write the figures anew")
    described.add_argument("overrides", nargs="*", help="such as embeddings=minilm tracking=none")
    return described


if __name__ == "__main__":
    sys.exit(main())
