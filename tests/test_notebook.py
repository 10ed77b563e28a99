"""The notebook runs from the first cell to the last without a network; it has no outputs."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest
from builders import demo_files, read_rows
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "kaggle.ipynb"
QUICK = [
    "trainer.max_epochs=1",
    "trainer=cpu",
    "trainer.progress=false",
    "evaluation.resamples=100",
    "model.hidden=[32]",
]


def test_the_notebook_is_sound_and_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def run(folder, monkeypatch, **variables):
    """Every cell, in a folder; whatever fails in one is raised here. Returns what was printed."""
    places = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    given = {"PYTHONPATH": places, "TRAIN_WORDS": " ".join(QUICK), **variables}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # The kernel of this Python, whichever the machine has installed.
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    return "".join(each.get("text", "") for each in outputs) + "".join(
        str(each.get("data", {}).get("text/markdown", "")) for each in outputs
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")  # of Jupyter's own packages, in its own threads
def test_it_runs_on_the_demo_where_there_is_no_csv(tmp_path, monkeypatch):
    said = run(tmp_path, monkeypatch, KAGGLE_INPUT=str(tmp_path / "none"), DEMO_ROWS="400")
    rows = read_rows(tmp_path / "submission.csv")
    assert len(rows) == 40
    assert list(rows[0]) == ["PRODUCT_ID", "PRODUCT_LENGTH"]
    assert all(float(row["PRODUCT_LENGTH"]) > 0 for row in rows)
    assert (tmp_path / "profile" / "profile.html").is_file()
    assert "experiment=best" in said
    assert said.count("MAPE") > 4


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("default")
def test_it_finds_the_challenge_s_csv(tmp_path, monkeypatch):
    (tmp_path / "made").mkdir()
    files = demo_files(tmp_path / "made", rows=300, types=10, seed=1)
    place = tmp_path / "input" / "some-data-set" / "dataset"
    place.mkdir(parents=True)
    for name in ("train.csv", "test.csv"):
        shutil.copy(files / name, place / name)
    work = tmp_path / "work"
    work.mkdir()
    said = run(work, monkeypatch, KAGGLE_INPUT=str(tmp_path / "input"))
    assert f"train: {place / 'train.csv'}" in said
    assert len(read_rows(work / "submission.csv")) == 300
