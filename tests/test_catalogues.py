"""The table of real catalogues by folds: paired errors of what two made-up runs left behind."""

import re
from pathlib import Path

import numpy as np
import pytest
from run_folders import write_run

from product_length.evaluation.predictions import load_predictions


@pytest.fixture
def catalogues(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    import catalogues

    return catalogues


def errors_of(folders):
    found = [load_predictions(folder, "test") for folder in folders]
    y, p = (
        np.concatenate([getattr(f, name) for f in found]) for name in ("lengths", "predictions")
    )
    return y, np.abs(p - y) / y


def test_lines_are_of_paired_errors_of_all_folds(tmp_path, catalogues):
    sides = {noise: [tmp_path / f"{noise}_{fold}" for fold in (0, 1)] for noise in (0.8, 0.3)}
    for noise, folders in sides.items():
        for fold, folder in enumerate(folders):
            write_run(folder, noise=noise, seed=fold, ids_from=1000 * fold)
    lines = catalogues.compared("made up", *sides.values())
    (y, before), (_, now) = map(errors_of, sides.values())
    for least, line in zip((0, 100), lines, strict=True):
        chosen = y >= least
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == f"{chosen.sum():,}"
        assert cells[3:5] == [f"{before[chosen].mean():.2%}", f"{now[chosen].mean():.2%}"]
        value, low, high = map(float, re.findall(r"[+-][\d.]+", cells[5]))
        assert value == pytest.approx(100 * (now - before)[chosen].mean(), abs=0.006)
        assert low < value < high < 0
    assert "→" in lines[0]


def test_other_products_are_not_paired(tmp_path, catalogues):
    for folder, first in (("a", 0), ("b", 5)):
        write_run(tmp_path / folder, ids_from=first)
    with pytest.raises(SystemExit, match="cannot be paired"):
        catalogues.compared("made up", [tmp_path / "a"], [tmp_path / "b"])


def test_runs_of_other_settings_are_kept_apart(tmp_path, catalogues):
    options = catalogues.parser().parse_args(["--data", "d", "embeddings=[words,ngrams]"])
    plain, changed = (
        catalogues.Side(options.before, each) for each in ((), tuple(options.overrides))
    )
    folders = {side.folder(tmp_path, "lego", fold) for side in (plain, changed) for fold in (0, 1)}
    assert len(folders) == 4
    assert catalogues.command(options).endswith("embeddings=[words,ngrams]")
    assert "--before" not in catalogues.command(options)
