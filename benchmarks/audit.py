"""How well an audit finds labels that were changed on purpose, and names how they were changed.

    python benchmarks/audit.py --data FOLDER [--catalogues "amazon;sets"] [--seeds 1 2] [--as-it-is]
        [--runs outputs/audit]
    python benchmarks/audit.py --report

FOLDER holds amazon2023_sample.csv and lego_sets.csv; none comes with the repository. 3% of the rows
of a copy get another label: each kind of slip as often, as far as there are rows that allow it, and
another product's label (benchmarks/audit_planting.py). The audit (experiment=best, five folds) sees
the copy alone. Average precision of its ranking, with a 95% bootstrap interval over rows, stands
beside that of its tail probabilities and of two baselines: the distance to the median of the type
in log length, and the distance to the nearest stated length. A slip counts as named rightly where
its kind is. Labels that were wrong before count as right here: no ranking reaches 100%.

--as-it-is audits the catalogues unchanged, for a person to read --runs/NAME_as_it_is_suspects.csv.
Folds that are done are kept in --runs. Results go to benchmarks/results/audit.json and audit.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from audit_markdown import as_markdown
from audit_planting import FACTORS, OTHER_LABEL, Planted, plant, read_planted, write_planted
from catalogue_tables import CATALOGUES
from hydra import compose, initialize_config_dir
from measured import RESULTS, exit_code_of, machine, publish
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from product_length.artefacts import ArtefactStore
from product_length.auditing.audit import Audit, run_audit
from product_length.auditing.config import AuditJob
from product_length.auditing.stated import stated_lengths
from product_length.auditing.suspects import slip_of
from product_length.catalogue.catalogue import Catalogue
from product_length.catalogue.prepare import open_catalogue
from product_length.composition import CONF
from product_length.experiment import from_config

SHARE = 0.03
RESAMPLES = 1000
AUDITED = {
    "amazon": CATALOGUES["amazon_all"],
    # The other sides are seen: a label may be one of theirs.
    "sets": (
        CATALOGUES["sets"][0],
        (
            *CATALOGUES["sets"][1],
            "data.columns.numbers=[year,pieces,minifigs,us_price,height_cm,depth_cm]",
        ),
    ),
}
Floats = NDArray[np.float64]


def main() -> int:
    options = parser().parse_args()
    path = options.results / "audit.json"
    if options.data is None and not options.report:
        parser().error("give the folder of the tables (--data), or --report")
    if options.as_it_is and not options.report:
        return exit_code_of(lambda: as_it_is(options))
    return publish(path, None if options.report else lambda: measured(options), as_markdown)


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of each catalogue and seed."""
    found: dict[str, Any] = {}
    for name in options.catalogues:
        found[name] = {str(seed): of_seed(options, name, seed) for seed in options.seeds}
    seeds = " ".join(map(str, options.seeds))
    return {
        "command": f'python benchmarks/audit.py --data DATA --catalogues "{";".join(found)}" '
        f"--seeds {seeds}",
        "machine": machine(),
        "share": SHARE,
        "catalogues": found,
    }


def of_seed(options: argparse.Namespace, name: str, seed: int) -> dict[str, Any]:
    """Change labels, unless it was done before, audit the copy, and score it."""
    copy = options.runs / f"{name}_{seed}.csv"
    truth = copy.with_suffix(".json")
    if not (copy.exists() and truth.exists()):
        table = options.data / AUDITED[name][0]
        job = job_of(options, name, table, seed)
        catalogue = open_catalogue(job.data, ArtefactStore(job.cache_dir))
        planted = plant(catalogue, SHARE, seed)
        write_planted(table, job.data.columns.length, planted, copy, truth)
    audit = run_audit(job_of(options, name, copy, seed))
    return scored(audit, read_planted(truth), seed)


def as_it_is(options: argparse.Namespace) -> None:
    """Audit the catalogues unchanged."""
    for name in options.catalogues:
        run_audit(job_of(options, name, options.data / AUDITED[name][0], 0))


def job_of(options: argparse.Namespace, name: str, table: Path, seed: int) -> AuditJob:
    """The audit of a table; the folds are those of one split, so that texts are encoded once."""
    stem = table.stem if table.parent == options.runs else f"{name}_as_it_is"
    overrides = [
        *AUDITED[name][1],
        f"data.path={table}",
        f"cache_dir={options.runs / 'cache'}",
        f"output={options.runs / f'{stem}_suspects.csv'}",
        f"seed={seed}",
        "trainer=cpu",
        "trainer.progress=false",
    ]
    with initialize_config_dir(str(CONF)):
        return from_config(compose("audit", overrides=overrides), AuditJob)


def scored(audit: Audit, planted: Sequence[Planted], seed: int) -> dict[str, Any]:
    """Average precision of each ranking, and how many slips of each kind were found and named."""
    catalogue, found = audit.catalogue, audit.found
    places = {int(row): at for at, row in enumerate(catalogue.row_numbers)}
    at = np.array([places[each.row] for each in planted])
    truth = np.zeros(len(catalogue), dtype=bool)
    truth[at] = True
    rankings = {
        "audit": found.wrong,
        "tail probability alone": -found.tails,
        "distance to the type's median": from_type_median(catalogue),
        "distance to the nearest stated length": from_stated(catalogue),
    }
    first = np.zeros(len(catalogue), dtype=bool)
    first[found.order()[: len(planted)]] = True
    slips = found.slips
    named = [
        is_named(each.kind, slip_of(found, row, int(slips[row]))[0])
        for each, row in zip(planted, at.tolist(), strict=True)
    ]
    surprising = found.discovery <= audit.job.false_discovery_rate
    called = found.false_share <= audit.job.false_discovery_rate
    return {
        "rows": len(catalogue),
        "changed": len(planted),
        "precision": precisions(rankings, truth, seed),
        "expected_wrong": audit.probably_wrong,
        "called": int(called.sum()),
        "called_changed": int((called & truth).sum()),
        "surprising": int(surprising.sum()),
        "surprising_changed": int((surprising & truth).sum()),
        "kinds": {
            kind: {
                "changed": sum(each.kind == kind for each in planted),
                "named": sum(
                    n for n, each in zip(named, planted, strict=True) if each.kind == kind
                ),
                "first": sum(
                    bool(first[row])
                    for row, each in zip(at, planted, strict=True)
                    if each.kind == kind
                ),
            }
            for kind in dict.fromkeys(each.kind for each in planted)
        },
    }


def is_named(kind: str, slip: str | None) -> bool:
    """Whether a slip is of the kind that was planted; none is named for another's label."""
    if kind == OTHER_LABEL:
        return slip is None
    factor = kind.removeprefix("× or ÷ ")
    return slip == kind or (factor in FACTORS and slip in (f"× {factor}", f"÷ {factor}"))


def precisions(
    rankings: dict[str, Floats], truth: NDArray[np.bool_], seed: int
) -> dict[str, list[float]]:
    """Of each ranking: average precision, and both ends of its 95% interval, over rows."""
    found = {}
    for name, scores in rankings.items():
        generator = np.random.default_rng(seed)
        drawn = []
        for _ in range(RESAMPLES):
            rows = generator.integers(0, len(truth), len(truth))
            drawn.append(average_precision_score(truth[rows], scores[rows]))
        low, high = np.quantile(drawn, [0.025, 0.975])
        value = average_precision_score(truth, scores)
        found[name] = [float(value), float(low), float(high)]
    return found


def from_type_median(catalogue: Catalogue) -> Floats:
    """How far each label is from the median of its type, in log length: float64 (rows,)."""
    logs = np.log(catalogue.exact_lengths)
    _, codes = np.unique(catalogue.types.to_numpy().astype(str), return_inverse=True)
    medians = np.array([np.median(logs[codes == code]) for code in range(codes.max() + 1)])
    distances: Floats = np.abs(logs - medians[codes])
    return distances


def from_stated(catalogue: Catalogue) -> Floats:
    """How far each label is from the nearest stated length, in log length; 0 without any."""
    logs = np.log(catalogue.exact_lengths)
    stated = stated_lengths(catalogue, np.arange(len(catalogue)))
    return np.array(
        [
            min((abs(np.log(each.value) - log) for each in some), default=0.0)
            for some, log in zip(stated, logs, strict=True)
        ]
    )


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", type=Path, metavar="FOLDER", help="with the tables")
    made.add_argument("--catalogues", type=lambda text: text.split(";"), default=list(AUDITED))
    made.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    made.add_argument("--as-it-is", action="store_true", help="audit unchanged tables, to be read")
    made.add_argument("--runs", type=Path, default=Path("outputs/audit"))
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--report", action="store_true", help="make the table anew")
    return made


if __name__ == "__main__":
    sys.exit(main())
