"""Training times beside each other: ratios within a round, in processor time."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from product_length.demo.generator import DemoGenerator

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module("training_time")


def test_ratios_are_those_of_one_round(script):
    """A machine that became slow between rounds does not change them."""
    reference, twelve = script.OTHERS
    seconds = {"best": [2.0, 20.0, 6.0], reference: [1.0, 10.0, 2.0], twelve: [1.6, 20.0, 5.0]}
    found = {each.name: each for each in script.figures_of("toys", 500, seconds)}
    assert found["toys: best"].value == 6
    ratios = [found[f"toys: best / {reference}{word}"].value for word in ("", ", least", ", most")]
    assert ratios == [2, 2, 3]
    table = script.as_markdown(list(found.values()))
    assert "| toys | 500 | 6.0 | 2.00 (2.00 to 3.00) | 1.20 (1.00 to 1.25) |" in table


@pytest.mark.slow
def test_the_table_can_be_made(tmp_path):
    table = pa.Table.from_batches(DemoGenerator(rows=150, types=4, seed=3).batches())
    pyarrow.csv.write_csv(table, tmp_path / "toys_uk.csv")
    command = [sys.executable, str(ROOT / "benchmarks" / "training_time.py")]
    words = f"--data {tmp_path} --catalogues toys_uk --rounds 1 --runs {tmp_path / 'runs'}"
    done = subprocess.run(
        [*command, *words.split(), "--results", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads((tmp_path / "training_time.json").read_text(encoding="utf-8"))
    assert len(figures) == 3 + 2 * 3
    assert all(each["value"] > 0 for each in figures)
    assert str(tmp_path) not in (tmp_path / "training_time.md").read_text(encoding="utf-8")
