"""Which of several recipes is best, and whether the others differ from it by more than luck.

Runs of one recipe with other seeds stand for it together. Only runs on the same rows are compared:
they are grouped by the fingerprint of their data and by length range. Within a group recipes rank
by the mean of their val MAPE over seeds; each is paired row by row with the best one and, if one is
asked for, with the reference, when both were scored on the same products.

Runs of cross-validation are brought together first (`folds.pool`): the runs of all folds are one,
and out-of-fold predictions of all rows take the place of val predictions throughout.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from product_length.comparison.folds import Incomplete, fold_count, pool
from product_length.comparison.recipe import matches, recipe_names
from product_length.comparison.recipe_runs import (
    by_recipe,
    mean_mape,
    pair,
    score,
    test_split,
    val_splits,
)
from product_length.comparison.runs import Run, short_labels
from product_length.decision.config import Decision
from product_length.errors import UserError
from product_length.evaluation.bands import Bands
from product_length.evaluation.estimates import Estimate
from product_length.evaluation.metrics import Metric
from product_length.evaluation.quantity import Quantity
from product_length.evaluation.records import Resampling, SplitReport
from product_length.evaluation.resampling import Difference
from product_length.evaluation.wording import metric_title

Reference = Path | Sequence[str]
"""A run folder, or words that name a recipe: ["loss=mape", "features.use_log_target=true"]."""


@dataclass(frozen=True)
class Recipe:
    """A recipe in its group, with its runs by seed; `labels` are their folders, shortened.

    `val` holds means over seeds, with intervals over rows and, from two seeds on, over seeds.
    `to_best` and `to_reference` are its val MAPE minus that one's on the same rows; None for that
    one itself and on other rows. `rows` is the same number for recipes on the same val rows.
    """

    rank: int
    name: str
    runs: list[Run]
    labels: list[str]
    val: SplitReport
    rows: int
    to_best: Difference | None
    to_reference: Difference | None

    @property
    def mape(self) -> Estimate:
        """Mean val MAPE (fraction) over seeds with its interval."""
        return self.val.metrics.mape

    @property
    def bands(self) -> Bands:
        """The bands of true length of its runs."""
        return self.runs[0].report.bands

    def val_metric(self, metric: Metric, bands: Bands) -> Estimate:
        """A val metric; without a value where it leaves out other lengths than by these bands."""
        if metric.without_short and self.bands.short_below != bands.short_below:
            return Estimate(None)
        return self.val.metrics[metric.name]

    def in_band(self, metric: Metric, number: int, bands: Bands) -> Estimate:
        """A val metric in one of these bands; without a value where its runs have others."""
        if self.bands != bands:
            return Estimate(None)
        return self.val.metrics.bands[number][metric.name]

    @property
    def decision(self) -> Decision | None:
        """What the predictions of its runs are decided for."""
        return self.runs[0].report.decision

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs, ascending."""
        return [run.report.seed for run in self.runs]

    @property
    def seed_mapes(self) -> list[float | None]:
        """Val MAPE (fraction) of each run, by seed."""
        return [run.mape.value for run in self.runs]

    @property
    def seconds(self) -> float:
        """Mean time of a run."""
        return sum(run.seconds for run in self.runs) / len(self.runs)

    @property
    def parameters(self) -> int:
        """Trained parameters."""
        return self.runs[0].report.parameters

    @property
    def best_epochs(self) -> list[int]:
        """The best epoch of each training, by seed, from 1."""
        return [one.report.best_epoch for run in self.runs for one in run.trainings]

    @property
    def coverage(self) -> float | None:
        """The share of rows that intervals hold, out of fold, mean over seeds; None without."""
        shares = [run.folds.coverage for run in self.runs if run.folds is not None]
        known = [share for share in shares if share is not None]
        return sum(known) / len(known) if known and len(known) == len(self.runs) else None


@dataclass(frozen=True)
class Group:
    """Recipes on the same data and length range, best val MAPE first.

    `quantity` is what is predicted. `shared_overrides` are those of every recipe; recipes are named
    by the others, and by a folder where those do not distinguish them. `reference` is None when
    none was asked for or none here is it. `test` is what the best recipe reaches on
    test rows, None where there are none. `repeated` are folders of older runs of the same recipe
    and seed: they count nowhere. With `folds` all figures are out-of-fold, by so many folds.
    """

    fingerprint: str
    length_range: str
    quantity: Quantity
    shared_overrides: list[str]
    recipes: list[Recipe]
    reference: Recipe | None
    test: SplitReport | None
    resampling: Resampling
    repeated: list[Path]
    folds: int | None = None

    @property
    def best(self) -> Recipe:
        """The recipe with the lowest mean val MAPE."""
        return self.recipes[0]

    @property
    def bands(self) -> Bands:
        """The bands of true length that errors are shown by: those of the best recipe."""
        return self.best.bands

    def title_of(self, metric: Metric) -> str:
        """What a metric is called here, as in "MAPE ≥ 30 cm"."""
        return metric_title(metric, self.bands, self.quantity.unit)

    @property
    def runs(self) -> list[Run]:
        """Every run that counts, each fold of one by itself."""
        return [one for recipe in self.recipes for run in recipe.runs for one in run.trainings]

    @property
    def scored_on(self) -> str:
        """Which rows its figures are of: "val" or "out-of-fold"."""
        return "val" if self.folds is None else "out-of-fold"

    @property
    def undistinguished(self) -> list[Recipe]:
        """Recipes whose difference to the best may be nothing but luck."""
        return [
            recipe
            for recipe in self.recipes
            if recipe.to_best is not None
            and not (recipe.to_best.low is not None and recipe.to_best.low > 0)
        ]


@dataclass(frozen=True)
class Missing:
    """A combination of a sweep that has no finished run: its overrides, why, its last trial."""

    name: str
    reason: str
    trial: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Groups that are not comparable with each other, and what was left out.

    `reference` is what differences were asked to be taken from, in words; None for the best only.
    `missing` are combinations of a sweep; `elsewhere` names finished trials of it whose folders
    are not there. `incomplete` are left out because folds of theirs are not there.
    """

    groups: list[Group]
    unfinished: list[Path]
    reference: str | None = None
    missing: Sequence[Missing] = ()
    elsewhere: Sequence[str] = ()
    incomplete: Sequence[Incomplete] = ()


def compare(
    runs: Sequence[Run], *, reference: Reference | None = None, unfinished: Sequence[Path] = ()
) -> Comparison:
    """Group runs into recipes, rank and pair them.

    `reference` is a run folder, which stands for its recipe, or words matched against the
    resolved configurations; of several recipes that match, the best-ranked one. Raises UserError
    when the folder is not among the runs, a run's predictions are missing, damaged or do not
    belong to its report, or no recipe has a run for each of its folds.
    """
    folders = [run.folder for run in runs]
    labels = dict(zip(folders, short_labels(folders), strict=True))
    runs, incomplete = pool(runs)
    if not runs:
        raise UserError(f"no recipe has all of its folds: {'; '.join(map(str, incomplete))}")
    wanted = _wanted(runs, reference)
    members: dict[tuple[str, str, int | None], list[tuple[Run, str]]] = defaultdict(list)
    for run in runs:
        report = run.report
        label = ", ".join(labels[one.folder] for one in run.trainings)
        members[report.data.fingerprint, report.length_range, fold_count(run)].append((run, label))
    groups = [_group(inside, wanted) for inside in members.values()]
    groups.sort(key=lambda group: -len(group.recipes))
    named = None
    if reference is not None:
        named = str(reference) if isinstance(reference, Path) else " ".join(reference)
    return Comparison(groups, list(unfinished), named, incomplete=incomplete)


def _wanted(runs: Sequence[Run], reference: Reference | None) -> set[Path]:
    """Folders of the runs whose recipe is the reference."""
    if reference is None:
        return set()
    if not isinstance(reference, Path):
        return {run.folder for run in runs if matches(reference, run.config, run.report.overrides)}
    folder = reference.resolve()
    named = next(
        (run for run in runs if any(one.folder.resolve() == folder for one in run.trainings)), None
    )
    if named is None:
        raise UserError(f"{reference}: the reference is not among the finished runs")
    return {run.folder for run in runs if run.recipe == named.recipe}


def _group(members: Sequence[tuple[Run, str]], wanted: set[Path]) -> Group:
    scored, bases = score(members)
    recipes, repeated = by_recipe(scored)
    folds = [run.folds for run, _ in members if run.folds is not None]
    repeated += [folder for each in folds for folder in each.repeated]
    recipes.sort(key=mean_mape)
    resampling = recipes[0][0].run.report.resampling
    vals = val_splits(recipes, bases, resampling)
    asked = next((i for i, one in enumerate(recipes) if one[0].run.folder in wanted), None)
    to_best = pair(recipes, 0, bases, resampling)
    to_reference = (
        [None] * len(recipes) if asked is None else pair(recipes, asked, bases, resampling)
    )
    shared, names = recipe_names([recipe[0].run.report.overrides for recipe in recipes])
    often = {name for name in names if names.count(name) > 1}
    names = [
        f"{name} ({recipe[0].label})" if name in often else name
        for name, recipe in zip(names, recipes, strict=True)
    ]
    entries = [
        Recipe(
            rank=i + 1,
            name=names[i],
            runs=[one.run for one in recipe],
            labels=[one.label for one in recipe],
            val=vals[i],
            rows=recipe[0].rows,
            to_best=to_best[i],
            to_reference=to_reference[i],
        )
        for i, recipe in enumerate(recipes)
    ]
    report = recipes[0][0].run.report
    return Group(
        fingerprint=report.data.fingerprint,
        length_range=report.length_range,
        quantity=report.quantity,
        shared_overrides=shared,
        recipes=entries,
        reference=None if asked is None else entries[asked],
        test=test_split(entries[0].runs, resampling),
        resampling=resampling,
        repeated=repeated,
        folds=fold_count(recipes[0][0].run),
    )
