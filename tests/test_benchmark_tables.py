"""The scripts under benchmarks/ run, small, and write the tables that the pages show."""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from documented import ROOT, SMALL, Reader

from product_length.evaluation.report import load_report

RUN = "OTHER_RUN"
KEYS = {"name", "value", "unit", "floor", "rows", "command", "machine"}  # of each figure


@pytest.fixture(scope="module")
def place(tmp_path_factory, minilm):
    """A folder with train.csv, test.csv and a finished run."""
    reader = Reader(tmp_path_factory.mktemp("benchmarks"), minilm)
    reader.run_folder(RUN)
    return reader.folder


def run_benchmark(name, *words, folder=None):
    """What a script says that ends well; `folder`: where it is run."""
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load_benchmark(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({}, 0, "reproduced"),
        ({"val_mape": 0.01}, 1, "NOT REPRODUCED"),
        ({"fingerprint": "another"}, 0, "nothing recorded to compare with"),
    ],
)
def test_reproduce_best_compares(place, tmp_path, monkeypatch, capsys, change, code, said):
    reproduce = load_benchmark("reproduce_best")
    report = load_report(place / RUN)
    recorded = {
        "fingerprint": report.data.fingerprint,
        "val_mape": report.val.metrics.mape.value,
        "tolerance": 0.001,
        "seeds": {},
    }
    monkeypatch.setattr(reproduce, "RECORD", tmp_path / "record.json")
    reproduce.RECORD.write_text(json.dumps({**recorded, **change}), encoding="utf-8")
    assert reproduce.compare(report) == code
    assert said in capsys.readouterr().out


@pytest.mark.slow
def test_reproduce_best_runs_the_recipe_on_other_data(place):
    said = run_benchmark("reproduce_best", *SMALL, "--data", "train.csv", folder=place)
    assert "nothing recorded to compare with" in said
    assert "expected val MAPE" not in said  # nobody knows what could have been
    assert len(list(place.glob("outputs/reproduce-best-*/report.json"))) == 1


def test_the_demo_catalogue_knows_what_to_expect(place, monkeypatch, capsys):
    reproduce = load_benchmark("reproduce_best")
    mine, best = reproduce.expected_mapes(place / RUN)
    assert 0.1 < best < mine
    monkeypatch.setattr(reproduce, "train", lambda *_: (load_report(place / RUN), place / RUN))
    monkeypatch.setattr("sys.argv", ["reproduce_best.py", "data.rows=600"])
    assert reproduce.main() == 0
    assert f"expected val MAPE {mine:.2%}, the oracle's {best:.2%}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_picture_of_a_page_can_be_taken(place, tmp_path):
    from PIL import Image

    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("no chromium on the PATH (make browser)")
    whole, part = tmp_path / "whole.png", tmp_path / "part.png"
    page = place / RUN / "report.html"
    run_benchmark("page_picture", page, whole, "--height", 99_999)
    run_benchmark("page_picture", page, part, "--hide", "Result", "--no-tables", "--height", 99_999)
    with Image.open(whole) as first, Image.open(part) as second:
        assert first.width == second.width == 1280
        assert second.height < first.height - 1000
        assert len(second.convert("RGB").getcolors(10_000)) > 20


@pytest.mark.slow
def test_the_table_of_losses_can_be_made(place, minilm, tmp_path):
    words = f"--data train.csv --minilm {minilm} --results {tmp_path} --picture {tmp_path}/p.png"
    small = [*SMALL, "loss=mape,rmsle", "seed=1,2", "embeddings.encoders.minilm.max_seq_length=16"]
    run_benchmark("losses", *words.split(), *small, folder=place)
    table = (tmp_path / "losses.md").read_text(encoding="utf-8")
    assert table.count("| mape, ") == 2
    assert table.count("| rmsle, ") == 2
    assert table.count("| reference |") == 1
    assert "| 52% |" in table
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_curve_of_neighbour_search_can_be_made(place, tmp_path):
    words = f"--rows 300,900 --dimension 16 --threads 1 --results {tmp_path}"
    picture = tmp_path / "neighbours.png"
    run_benchmark("neighbours", *words.split(), "--picture", picture, folder=place)
    assert picture.read_bytes().startswith(b"\x89PNG")
    entries = json.loads((tmp_path / "neighbours.json").read_text(encoding="utf-8"))
    assert all(set(entry) == KEYS for entry in entries)
    assert {entry["rows"] for entry in entries} == {300, 900}
    assert [entry for entry in entries if "on a GPU" in entry["name"]]  # a figure, or why none
    judged = [entry for entry in entries if entry["name"].endswith("recall@20")]
    assert len(judged) == 2
    assert all(entry["value"] >= entry["floor"] for entry in judged)


@pytest.mark.slow
def test_neighbours_of_two_checkouts_can_be_compared(place, tmp_path):
    words = f"--rows 900 --lsa 600 --dimension 16 --threads 1 --results {tmp_path}"
    run_benchmark("neighbours", *words.split(), "--against", ROOT, folder=place)
    told = json.loads((tmp_path / "neighbours_against.json").read_text(encoding="utf-8"))
    assert [each["now"]["rows"] for each in told["compared"]] == [900, 600]
    for each in told["compared"]:
        before, now = each["before"], each["now"]
        assert each["ratio_processor"] == pytest.approx(
            before["processor"] / now["processor"], rel=0.01
        )
        # The same code, in processes of their own.
        assert now["facts"] == before["facts"]
        assert now["recall"] == before["recall"] >= 0.94
    assert (tmp_path / "neighbours_against.md").read_text(encoding="utf-8").count(" × ") == 3


@pytest.mark.slow
def test_the_table_of_reading_can_be_made(place, tmp_path):
    words = f"--rows 3000 --repeats 1 --folder {tmp_path} --results {tmp_path}"
    run_benchmark("reading", *words.split(), folder=place)
    entries = json.loads((tmp_path / "reading.json").read_text(encoding="utf-8"))
    assert all(set(entry) == KEYS for entry in entries)
    assert {entry["rows"] for entry in entries} == {3000}
    assert len([entry for entry in entries if entry["floor"] == 0.8]) == 1


@pytest.mark.slow
def test_the_table_of_dimensions_can_be_made(place, tmp_path):
    words = f"--rows 500 --repeats 1 --data train.csv --results {tmp_path}"
    run_benchmark("dimensions", *words.split(), folder=place)
    found = json.loads((tmp_path / "dimensions.json").read_text(encoding="utf-8"))
    assert all(set(entry) == KEYS for entry in found)
    value = {entry["name"]: entry["value"] for entry in found}
    share = "--data: products that state something"
    assert 0 < value[f"{share}, low"] < value[share] < value[f"{share}, high"] < 100
    first, some = (
        f"--data: of these, {which} the label" for which in ("the first one is", "any of them is")
    )
    assert 0 < value[first] <= value[some]
    table = (tmp_path / "dimensions.md").read_text(encoding="utf-8")
    assert table.count("\n| ") == 14
    assert "train.csv" not in table


@pytest.mark.slow
def test_the_table_of_start_up_can_be_made(tmp_path):
    words = f"--rounds 1 --results {tmp_path} --before {ROOT}"
    run_benchmark("start_up", *words.split())
    table = (tmp_path / "start_up.md").read_text(encoding="utf-8")
    assert table.count("\n| ") == 7
    entries = json.loads((tmp_path / "start_up.json").read_text(encoding="utf-8"))
    assert len(entries) == 11
    assert all(entry["value"] > 0 for entry in entries)


@pytest.mark.slow
def test_the_table_of_encoding_can_be_made(place, minilm, tmp_path):
    words = f"--data train.csv --minilm {minilm} --texts 40 --repeats 1 --results {tmp_path}"
    words += " --workers 2"
    run_benchmark("encoding", *words.split(), folder=place)
    records = json.loads((tmp_path / "encoding.json").read_text(encoding="utf-8"))
    assert set(records[0]) == KEYS
    found = {record["name"]: record["value"] for record in records}
    assert found["product_length, float32: cosine, least"] > 0.99999
    assert found["product_length, auto: ratio"] > 0
    assert found["processes: ratio of 2 to 1"] > 0


@pytest.mark.slow
def test_the_table_of_predicted_parts_can_be_made(tmp_path):
    words = f"--rows 400 --parts 3 --rounds 1 --trained-rows 600 --results {tmp_path}"
    run_benchmark("predicting_parts", *words.split())
    entries = json.loads((tmp_path / "predicting_parts.json").read_text(encoding="utf-8"))
    assert all(set(entry) == KEYS for entry in entries)
    found = {entry["name"]: entry["value"] for entry in entries}
    assert found["greatest difference to one file, relative"] < 1e-4
    assert found["rows/s: Ray, 2 workers"] > 0


@pytest.mark.slow
def test_the_table_of_training_can_be_made(tmp_path):
    words = "--rows 3000 --dimension 16 --batch 256 --hidden 16 --rounds 1 --larger-than-memory"
    places = ["--scratch", str(tmp_path), "--results", str(tmp_path)]
    run_benchmark("training", *words.split(), *places)
    entries = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert {each["command"] for each in entries} == {f"python benchmarks/training.py {words}"}
    table = (tmp_path / "training.md").read_text(encoding="utf-8")
    assert len(entries) == table.count("\n| ") - 2
    assert str(tmp_path) not in table


@pytest.mark.slow
def test_the_best_recipes_training_is_beside_a_bare_loop(tmp_path):
    words = "--rows 600 --batch 64 --rounds 1 --best"
    places = ["--scratch", str(tmp_path), "--results", str(tmp_path)]
    run_benchmark("training", *words.split(), *places)
    entries = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    about = {tuple(each["name"].split(": ")) for each in entries}
    (recipe,) = {name for name, _ in about}
    assert "experiment=best" in recipe
    assert {"bare", "lightning", "lightning / bare"} < {told for _, told in about}


@pytest.mark.slow
def test_the_table_of_the_pipeline_can_be_made(minilm, tmp_path):
    words = f"--rows 200,400 --types 8 --minilm {minilm} --texts 20 --results {tmp_path}"
    places = ["--picture", str(tmp_path / "p.png"), "--folder", str(tmp_path)]
    run_benchmark("pipeline", *words.split(), *places)
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    entries = json.loads((tmp_path / "pipeline.json").read_text(encoding="utf-8"))
    counts = Counter(each["rows"] for each in entries)
    assert counts == {200: 7, 400: 7, 65: 6, 131: 6, 20: 3}
    table = (tmp_path / "pipeline.md").read_text(encoding="utf-8")
    assert table.count("\n| 200 |") == table.count("\n| 65 |") == 1
    assert str(tmp_path) not in table


@pytest.mark.slow
def test_the_table_of_serving_can_be_made(place, tmp_path):
    output = tmp_path / "serving.json"
    small = ["--run", place / RUN, "--requests", "40", "--seconds", "5", "--output", output]
    run_benchmark("serving", *small, folder=place)
    found = {each["name"]: each["value"] for each in json.loads(output.read_text("utf-8"))}
    assert found["requests that failed"] == 0
    assert found["one product, median"] > 0
    assert "one product, 99%" in output.with_suffix(".md").read_text("utf-8")


@pytest.mark.slow
def test_the_script_for_gpus_runs_small_on_a_cpu(minilm, tmp_path):
    run_benchmark("gpu", "--small", "--minilm", minilm, "--results", tmp_path)
    figures = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert all(each["value"] > 0 for each in figures)
    assert {each["name"].split(":")[0] for each in figures} == {
        "MiniLM",
        "exact neighbours by IndexFlatIP, whole, estimated",
        "reference, batch 512",
        "reference, batch 4096",
        "experiment=best",
    }
    assert "failed" not in (tmp_path / "gpu.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_this_checkout_is_compared_with_another(tmp_path):
    words = "--rows 600 --best-rows 600 --rounds 1"
    run_benchmark("against", ROOT, *words.split(), "--results", tmp_path, "--folder", tmp_path)
    figures = json.loads((tmp_path / "against.json").read_text(encoding="utf-8"))
    values = {each["name"]: each["value"] for each in figures}
    assert values["val MAPE: this"] == values["val MAPE: other"]
    assert all(value > 0 for name, value in values.items() if name.endswith(": ratio"))
    table = (tmp_path / "against.md").read_text(encoding="utf-8")
    assert str(tmp_path) not in table
    assert "| experiment=best, training | 600 |" in table
