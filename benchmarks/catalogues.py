"""The gate for every change of the best recipe: all real catalogues × recipes, by folds.

    python benchmarks/catalogues.py --data FOLDER [--catalogues "lego;toys_uk"] [--folds 5]
        [--seeds 1] [--recipes "best;reference;constant"] [--workers 2] [--before CHECKOUT]
        [--runs outputs/catalogues] [--name catalogues] [override …]
    python benchmarks/catalogues.py --report [--name catalogues]

FOLDER holds tables of benchmarks/catalogue_tables.py, all or some; none comes with the repository.
A file in its place is a table with the challenge's columns (`make gate DATA=train.csv`). Each
product is predicted once a seed, by a model that was trained and stopped without its fold
(data.split.folds); a seed is another split too. Recipes are those of benchmarks/contestants.py, and
the baselines of benchmarks/strong_baselines.py, which see what a network can see. Two need LightGBM
(pip install '.[benchmarks]'). The first recipe is compared with each other on the same products,
with 95% bootstrap intervals over products. MAPE of lengths from the second band edge on stands
beside that of all, since a few tiny lengths decide the latter.

Overrides are added to every recipe whose name begins with "best". With overrides, or with
--before, "best before" is a recipe too: the best one without the overrides, of that checkout.

    python benchmarks/catalogues.py --data FOLDER --recipes best 'embeddings=[words,lsa]'

What numbers and categories add to the table of sets, or types that are paths:

    python benchmarks/catalogues.py --data FOLDER --catalogues "sets;sets_height" --recipes best \\
        --name sets_without_columns data.columns.numbers=null data.columns.categories=null
    python benchmarks/catalogues.py --data FOLDER --catalogues sets_paths --recipes best \\
        --name sets_paths features.types.separator=auto

Finished runs are kept in --runs and not made again while their settings, their table and the
package's code stay; a command that was stopped goes on where it was, and two at once share the
work. Results go to benchmarks/results/NAME.json and NAME.md; --report makes the latter anew.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue_figures import Outcome, of_baseline, of_network, summarise
from catalogue_markdown import as_markdown
from catalogue_runs import HERE, Job, files_of, key_of
from catalogue_tables import ALL_CATALOGUES, bands_and_unit, catalogues_in, table_at
from contestants import RECIPES
from measured import RESULTS, machine, publish
from strong_baselines import BASELINES, missing_library

from product_length.errors import UserError

DEFAULT_RECIPES = ["best", "best, no experts", "reference"]
DEFAULT_RECIPES += [name for name in BASELINES if name != "lightgbm"]
BEFORE = "best before"
# What baselines see: all that a network can.
SEEN_BY_BASELINES = ("features=[full,numbers,categories]", "embeddings=words")
EVERY_RUN = (
    "tracking=none",
    "trainer=cpu",
    "trainer.progress=false",
    "evaluation.baselines=false",  # baselines are fitted instead, whose single errors are kept
    "evaluation.resamples=100",
)


@dataclass(frozen=True)
class Recipe:
    """What is fitted: a baseline, or overrides of a network and the checkout that trains it."""

    checkout: Path
    overrides: tuple[str, ...]
    is_baseline: bool = False


def main() -> int:
    made = parser()
    options = made.parse_args()
    if not options.report and not (options.data and options.recipes):
        made.error("give the tables' folder (--data) and recipes, or --report")
    path = options.results / f"{options.name}.json"
    return publish(path, None if options.report else lambda: measure(options), as_markdown)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make the runs that are not there; what all of them come to. Raises UserError."""
    if missing := missing_library(options.recipes):
        raise UserError(missing)
    options.catalogues = options.catalogues or catalogues_in(options.data)
    recipes = recipes_of(options)
    runs = {name: list(runs_of(options, name, recipes)) for name in options.catalogues}
    make([job for of_one in runs.values() for job in of_one], options.workers)
    found = {
        name: {recipe: outcomes(of_one, recipe, options.seeds) for recipe in recipes}
        for name, of_one in runs.items()
    }
    return {
        "command": command(options),
        "machine": machine(),
        "folds": options.folds,
        "seeds": options.seeds,
        **summarise(found, {name: bands_and_unit(name) for name in found}),
    }


def recipes_of(options: argparse.Namespace) -> dict[str, Recipe]:
    """What is compared, by name, the first first."""
    changed = tuple(options.overrides)
    found = {}
    for name in options.recipes:
        if name in BASELINES:
            found[name] = Recipe(HERE, SEEN_BY_BASELINES, is_baseline=True)
        elif name.startswith("best"):
            found[name] = Recipe(HERE, (*RECIPES[name], *changed))
        else:
            found[name] = Recipe(HERE, ("embeddings=words", *RECIPES[name]))
    if options.before or changed:
        checkout = (options.before or HERE).resolve()
        found[BEFORE] = Recipe(checkout, tuple(RECIPES["best"]))
    return found


def runs_of(
    options: argparse.Namespace, catalogue: str, recipes: dict[str, Recipe]
) -> Iterator[Job]:
    """One job for each network of each fold, and one for all baselines of a fold."""
    runs = options.runs.resolve()
    file, chosen = ALL_CATALOGUES[catalogue]
    table = table_at(options.data.resolve(), file, runs)
    baselines = {name: each for name, each in recipes.items() if each.is_baseline}
    groups = [{name: each} for name, each in recipes.items() if not each.is_baseline]
    for names in [*groups, *([baselines] if baselines else [])]:
        recipe = next(iter(names.values()))
        overrides = (*chosen, *recipe.overrides, *EVERY_RUN)
        key = key_of(recipe.checkout, table, overrides, is_baseline=recipe.is_baseline)
        files = files_of(recipe.checkout)
        for seed in range(options.seeds):
            for fold in range(options.folds):
                where = runs / f"{catalogue}_{seed}_{fold}_of_{options.folds}"
                yield Job(
                    what=f"{catalogue}, {'; '.join(names)}, seed {seed}, fold {fold}",
                    checkout=recipe.checkout,
                    overrides=(
                        *overrides,
                        f"data.path={table}",
                        f"cache_dir={runs / 'cache'}",
                        f"data.split.folds={options.folds}",
                        f"data.split.fold={fold}",
                        f"data.split.seed={seed}",
                        f"seed={seed}",
                    ),
                    folders={name: where / folder_name(name, key) for name in names},
                    are_baselines=recipe.is_baseline,
                    files=files,
                )


def make(jobs: Sequence[Job], workers: int) -> None:
    """Run jobs side by side; those of another process are waited for at the end.

    Raises UserError, after all have been tried, where some have failed.
    """
    print(f"{len(jobs)} jobs, {sum(bool(job.waiting) for job in jobs)} still to do", flush=True)
    failures: list[str] = []
    for wait in (False, True):
        jobs = [job for job in jobs if job.waiting]
        with ThreadPoolExecutor(workers) as pool:
            running = {pool.submit(job.run, wait=wait): job for job in jobs}
            for at, future in enumerate(as_completed(running), start=1):
                job, error = running[future], future.exception()
                if isinstance(error, UserError):
                    failures.append(str(error))
                    said = str(error)
                else:
                    said = f"{job.what}: {future.result() or 'another process is at it'}"
                print(f"[{at}/{len(jobs)}] {said}", flush=True)
        if failures:
            raise UserError(f"{len(failures)} failed, the others are kept: {failures[0]}")


def outcomes(jobs: Sequence[Job], name: str, seeds: int) -> list[list[Outcome]]:
    """What a recipe's runs of one catalogue left, by seed and fold."""
    folders = [(job.folders[name], job.are_baselines) for job in jobs if name in job.folders]
    found = [
        of_baseline(folder) if baseline else of_network(folder) for folder, baseline in folders
    ]
    folds = len(found) // seeds
    return [found[folds * seed : folds * (seed + 1)] for seed in range(seeds)]


def folder_name(recipe: str, key: str) -> str:
    """The same for the best recipe of now and of before, which may be the same runs."""
    name = "best" if recipe == BEFORE else recipe
    return f"{''.join(letter if letter.isalnum() else '_' for letter in name)}_{key}"


def command(options: argparse.Namespace) -> str:
    words = ["python benchmarks/catalogues.py --data FOLDER"]
    words += ["--before CHECKOUT"] if options.before else []
    words += [f'--catalogues "{";".join(options.catalogues)}" --folds {options.folds}']
    words += [f'--seeds {options.seeds} --recipes "{";".join(options.recipes)}"']
    return " ".join([*words, f"--name {options.name}", *map(shlex.quote, options.overrides)])


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--data", type=Path, help="the tables' folder, or a file")
    made.add_argument("--before", type=Path, metavar="CHECKOUT", help="its best is a recipe too")
    made.add_argument("--catalogues", type=names(ALL_CATALOGUES), help="default: all in --data")
    made.add_argument("--folds", type=int, default=5)
    made.add_argument("--seeds", type=int, default=1, help="how many; each is another split too")
    made.add_argument("--recipes", type=names([*RECIPES, *BASELINES]), default=DEFAULT_RECIPES)
    made.add_argument("--workers", type=int, default=1, help="runs at once")
    made.add_argument("--runs", type=Path, default=Path("outputs/catalogues"))
    made.add_argument("--results", type=Path, default=RESULTS)
    made.add_argument("--name", default="catalogues", help="of the files of results")
    made.add_argument("--report", action="store_true", help="NAME.md anew from NAME.json")
    made.add_argument("overrides", nargs="*", help="such as embeddings=[words,lsa]")
    return made


def names(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads names of `known`; some hold commas, so semicolons divide them."""

    def read(words: str) -> list[str]:
        chosen = [word.strip() for word in words.split(";") if word.strip()]
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: choose from {'; '.join(known)}")
        return chosen

    return read


if __name__ == "__main__":
    sys.exit(main())
