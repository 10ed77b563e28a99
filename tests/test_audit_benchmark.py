"""benchmarks/audit.py: what it plants, what counts as named, and the precision that it measures."""

import sys

import numpy as np
import pytest
from builders import demo_files, job
from documented import ROOT

from product_length.artefacts import ArtefactStore
from product_length.auditing.config import AuditJob
from product_length.catalogue.prepare import open_catalogue

sys.path.insert(0, str(ROOT / "benchmarks"))

import audit
import audit_planting as planting


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The path of a demo catalogue, the job that reads it, and the catalogue."""
    folder = demo_files(tmp_path_factory.mktemp("planting"), rows=1500, types=20, seed=3)
    words = ["data=amazon2023", f"data.path={folder / 'train.csv'}", "output=s.csv"]
    read = job("audit", AuditJob, *words, f"cache_dir={folder / 'cache'}")
    return folder / "train.csv", read, open_catalogue(read.data, ArtefactStore(read.cache_dir))


def test_each_kind_is_planted_as_often_and_is_what_it_says(table, tmp_path):
    path, read, catalogue = table
    planted = planting.plant(catalogue, 0.08, seed=4)
    assert len(planted) == 120
    counts = {kind: sum(each.kind == kind for each in planted) for kind in audit_kinds(planted)}
    assert set(counts.values()) == {15}
    for each in planted:
        assert abs(each.after / each.before - 1) >= 0.05
        factor = planting.FACTORS.get(each.kind.removeprefix("× or ÷ "))
        if factor:
            assert each.after / each.before == pytest.approx(factor) or (
                each.before / each.after == pytest.approx(factor)
            )
    copy = tmp_path / "copy.csv"
    planting.write_planted(path, "PRODUCT_LENGTH", planted, copy, tmp_path / "truth.json")
    assert planting.read_planted(tmp_path / "truth.json") == planted
    data = read.data.model_copy(update={"path": copy})
    changed = open_catalogue(data, ArtefactStore(read.cache_dir))
    differ = changed.exact_lengths != catalogue.exact_lengths
    assert set(changed.row_numbers[differ]) == {each.row for each in planted}


def audit_kinds(planted):
    return {each.kind for each in planted}


@pytest.mark.parametrize(
    ("kind", "slip", "named"),
    [
        ("× or ÷ 10", "÷ 10", True),
        ("× or ÷ 10", "÷ 100", False),
        ("× or ÷ 2.54", "× 25.4", False),
        ("another side", "another side", True),
        ("another side", None, False),
        (planting.OTHER_LABEL, None, True),
        (planting.OTHER_LABEL, "× 10", False),
    ],
)
def test_what_counts_as_named(kind, slip, named):
    assert audit.is_named(kind, slip) is named


def test_precision_is_that_of_its_definition(monkeypatch):
    monkeypatch.setattr(audit, "RESAMPLES", 50)
    truth = np.array([True, False, True, False, False] * 40)
    scores = np.random.default_rng(0).normal(size=200) + truth
    order = np.argsort(-scores)
    hits = np.cumsum(truth[order])
    expected = (hits / np.arange(1, 201))[truth[order]].mean()
    value, low, high = audit.precisions({"one": scores}, truth, 0)["one"]
    assert value == pytest.approx(expected)
    assert low < value < high
