"""The examples of CONTRIBUTING.md run, and the files that it names are there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from builders import batch_of, fit_demo, network_of

from product_length.features.features import transformed

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_feature_is_fitted_seen_by_a_network_and_comes_back(tmp_path, monkeypatch):
    (tmp_path / "my_features.py").write_text(BLOCKS[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    [kind] = re.findall(r"kind=(my_features\.\w+)", TEXT)
    fitted = fit_demo(tmp_path, {"custom": {"title_length": {"kind": kind}}})
    kept = next(each for each in fitted.kept if each.feature.name == "title_length")
    column = fitted.columns["title_length"]
    titles = fitted.training.products.fields()["title"].to_pylist()
    assert column[:, 0].tolist() == [len(title) for title in titles]
    network = network_of(kept.feature).eval()
    assert network(batch_of(title_length=torch.from_numpy(column[:5]))).shape == (5, 1)
    again = kept.feature.options.restore(kept.state()["state"])
    rows = np.arange(7)
    some = transformed([again], fitted.training.products.take(rows), {})
    np.testing.assert_array_equal(some["title_length"], column[rows])


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_other_examples_run(block):
    assert "assert" in block
    exec(compile(block, "CONTRIBUTING.md", "exec"), {"__name__": "contributing"})


def test_files_that_are_named_are_there():
    named = set(re.findall(r"`((?:product_length|tests|benchmarks)/[\w/.]+)`", TEXT))
    assert len(named) >= 10
    assert not [name for name in named if not (ROOT / name).exists()]
