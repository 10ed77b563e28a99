"""Does a tuning sweep that stops hopeless trials reach the same best in less time?

    python benchmarks/tuning.py [--rows 2000] [--trials 20] [--seeds 2] [--folder FOLDER]

Runs `sweep=tune` on the demo catalogue with `sweep.pruner=null` and as it comes, once for each seed
of the sampler, and writes benchmarks/results/tuning.json and tuning.md. A sweep that has ended in
the folder is not run again. Processor time counts all of a sweep, the start of Python too: unlike
time on the clock it does not depend on what else the machine does. The trials that were trained to
their end are replayed too, under other options of stopping: their epochs are known, the sampler is
not asked anew.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from measured import RESULTS, machine
from optuna.trial import TrialState

from product_length.evaluation.report import load_report
from product_length.evaluation.wording import percent
from product_length.sweeping.config import PrunerOptions
from product_length.sweeping.stopping import pruner
from product_length.writing import write_text

SIDES = {"trained to the end": ["sweep.pruner=null"], "stopped early": []}
FIXED = [
    "embeddings.encoders.lsa.dimensions=64",
    "embeddings.encoders.lsa.char_ngrams=null",
    "evaluation.baselines=false",
    "evaluation.resamples=100",
    "tracking=none",
    "trainer.accelerator=cpu",
    "trainer.progress=false",
]


# Of `sweep.pruner`: keep_percent, startup_trials, warmup_epochs.
OTHERS = [
    (50, 5, 5),
    (50, 3, 3),
    (25, 5, 5),
    (25, 3, 3),
    (25, 2, 3),
    (25, 3, 2),
    (10, 3, 3),
    (10, 2, 2),
]


@dataclass(frozen=True)
class Outcome:
    """What one sweep came to; `seconds` of processor time, `best` val MAPE as a fraction."""

    side: str
    seed: int
    trials: int
    stopped: int
    epochs: int
    seconds: float
    best: float


def main() -> int:
    options = parser().parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    outcomes = [sweep(options, side, seed) for side in SIDES for seed in range(options.seeds)]
    record(outcomes, options)
    return 0


def sweep(options: argparse.Namespace, side: str, seed: int) -> Outcome:
    """Run one sweep to its end, or read what it came to before."""
    study = name_of(side, seed)
    kept = options.folder / f"{study}.json"
    if kept.exists():
        return Outcome(**json.loads(kept.read_text(encoding="utf-8")))
    words = [
        "sweep=tune",
        *SIDES[side],
        f"study={study}",
        f"hydra.sweeper.n_trials={options.trials}",
        f"hydra.sweeper.sampler.seed={seed}",
        f"data.rows={options.rows}",
        *FIXED,
    ]
    before = processor_seconds()
    with (options.folder / f"{study}.log").open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "product_length.train", "-m", *words],
            cwd=options.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    found = read(options.folder, study, side, seed, processor_seconds() - before)
    print(found, flush=True)
    write_text(kept, json.dumps(asdict(found)))
    return found


def name_of(side: str, seed: int) -> str:
    """The study of a sweep."""
    return f"{side.replace(' ', '-')}-{seed}"


def processor_seconds() -> float:
    """Processor time of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read(folder: Path, study: str, side: str, seed: int, seconds: float) -> Outcome:
    storage = f"sqlite:///{folder.absolute()}/multirun/studies.db"
    trials = optuna.load_study(study_name=study, storage=storage).trials
    finished = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    stopped = [trial for trial in trials if trial.state is TrialState.PRUNED]
    runs = folder / "multirun" / study
    epochs = sum(load_report(runs / str(trial.number)).epochs for trial in finished)
    epochs += sum(trial.last_step or 0 for trial in stopped)
    best = min(trial.value or math.inf for trial in finished)
    return Outcome(side, seed, len(trials), len(stopped), epochs, seconds, best)


def curves(folder: Path, seed: int) -> list[list[float]]:
    """Val MAPE of each epoch of each trial that was trained to its end, as they ran."""
    runs = folder / "multirun" / name_of(next(iter(SIDES)), seed)
    numbers = sorted(int(path.parent.name) for path in runs.glob("*/report.json"))
    histories = [load_report(runs / str(number)).history for number in numbers]
    return [[entry["val/mape"] for entry in history] for history in histories]


def replay(trials: list[list[float]], keep: float, startup: int, warmup: int) -> dict[str, float]:
    """Which share of the epochs such stopping takes, and by how much the best gets worse."""
    options = PrunerOptions(keep_percent=keep, startup_trials=startup, warmup_epochs=warmup)
    study = optuna.create_study()
    rule = pruner(options)
    taken = 0
    for curve in trials:
        trial = study.ask()
        for epoch, mape in enumerate(curve, start=1):
            trial.report(mape, epoch)
            frozen = study.trials[trial.number]
            if epoch < len(curve) and rule.prune(study, frozen):
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, min(curve))
        taken += epoch
    worse = study.best_value - min(map(min, trials))
    return {"of_the_epochs": round(taken / sum(map(len, trials)), 3), "worse_by": round(worse, 5)}


def record(outcomes: list[Outcome], options: argparse.Namespace) -> None:
    """Write both files."""
    command = f"python benchmarks/tuning.py --rows {options.rows} --trials {options.trials}"
    command += f" --seeds {options.seeds}"
    content = {
        "command": command,
        "machine": machine(),
        "pruner": pruner_of(options.folder, outcomes[-1]),
        "sweeps": [asdict(each) for each in outcomes],
        "of_the_time": ratio(outcomes, "seconds"),
        "of_the_epochs": ratio(outcomes, "epochs"),
        "replayed": [
            {
                "keep_percent": keep,
                "startup_trials": startup,
                "warmup_epochs": warmup,
                "by_seed": [
                    replay(curves(options.folder, seed), keep, startup, warmup)
                    for seed in range(options.seeds)
                ],
            }
            for keep, startup, warmup in OTHERS
        ],
    }
    write_text(RESULTS / "tuning.json", json.dumps(content, indent=2) + "\n")
    write_text(RESULTS / "tuning.md", as_markdown(outcomes, content))


def pruner_of(folder: Path, outcome: Outcome) -> str:
    """The options by which trials were stopped, as the sweep's runs keep them."""
    from omegaconf import OmegaConf

    study = name_of(outcome.side, outcome.seed)
    config = OmegaConf.load(folder / "multirun" / study / "0" / "config.yaml")
    return " ".join(f"{name}={value}" for name, value in config.sweep.pruner.items())


def ratio(outcomes: list[Outcome], what: str) -> float:
    """What stopping early takes of what training to the end takes, over all seeds."""
    first, second = (
        sum(getattr(each, what) for each in outcomes if each.side == side) for side in SIDES
    )
    return round(second / first, 3)


def as_markdown(outcomes: list[Outcome], content: dict[str, Any]) -> str:
    seeds = sorted({each.seed for each in outcomes})
    by = {(each.side, each.seed): each for each in outcomes}
    first, second = SIDES
    lines = [
        "# Tuning that stops hopeless trials",
        "",
        f"`{content['command']}`, {content['machine']}; `sweep.pruner`: {content['pruner']}.",
        "",
        "| sampler's seed | best val MAPE, all trained to the end | best, hopeless ones stopped | "
        "stopped | epochs | of the epochs | processor time | of the time |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for seed in seeds:
        full, short = by[first, seed], by[second, seed]
        lines.append(
            f"| {seed} | {percent(full.best)} | {percent(short.best)} | {short.stopped} of "
            f"{short.trials} | {full.epochs} → {short.epochs} | {short.epochs / full.epochs:.2f} | "
            f"{full.seconds:.0f} s → {short.seconds:.0f} s | {short.seconds / full.seconds:.2f} |"
        )
    lines += [
        "",
        f"Over all seeds: {ratio(outcomes, 'epochs'):.2f} of the epochs, "
        f"{ratio(outcomes, 'seconds'):.2f} of the processor time.",
        "",
        "The same trials replayed under other options (the share of their epochs, and by how many "
        "points the best val MAPE gets worse, for each seed):",
        "",
        "| keep_percent | startup_trials | warmup_epochs | of the epochs | worse by, points |",
        "| ---: | ---: | ---: | --- | --- |",
    ]
    for each in content["replayed"]:
        shares = ", ".join(f"{seed['of_the_epochs']:.2f}" for seed in each["by_seed"])
        worse = ", ".join(f"{100 * seed['worse_by']:.1f}" for seed in each["by_seed"])
        lines.append(
            f"| {each['keep_percent']} | {each['startup_trials']} | {each['warmup_epochs']} | "
            f"{shares} | {worse} |"
        )
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    described = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    described.add_argument("--rows", type=int, default=2000)
    described.add_argument("--trials", type=int, default=20)
    described.add_argument("--seeds", type=int, default=2)
    described.add_argument("--folder", type=Path, default=Path("outputs/tuning"))
    return described


if __name__ == "__main__":
    sys.exit(main())
