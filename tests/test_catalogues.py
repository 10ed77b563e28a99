"""The gate on real catalogues: its figures by other means, what is run again, what two share."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from omegaconf import OmegaConf
from run_folders import BANDS, LENGTH, write_run

from product_length.demo.generator import DemoGenerator
from product_length.errors import UserError
from product_length.evaluation.predictions import write_predictions
from product_length.experiment import Experiment, from_config

ROOT = Path(__file__).parents[1]


def benchmark(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        return importlib.import_module(name)


catalogues, figures, runs, tables = map(
    benchmark, ("catalogues", "catalogue_figures", "catalogue_runs", "catalogue_tables")
)
BASELINE = "type median"


def write_baseline(folder, like, factor):
    """A baseline that predicts `factor` times each true length, and for median APE half of that."""
    found = pq.read_table(like / "predictions_test.parquet")
    lengths = found["length"].to_numpy()
    for split, share in (("test_for_mape", 1.0), ("test_for_median", 0.5)):
        write_predictions(
            folder,
            split,
            product_ids=found["PRODUCT_ID"],
            types=found["PRODUCT_TYPE_ID"],
            lengths=lengths,
            predictions=share * factor * lengths,
            quantity=LENGTH,
        )
    (folder / "baseline.json").write_text(json.dumps({"seconds": 2.0}), encoding="utf-8")


@pytest.fixture
def kept(tmp_path):
    """Folders of two recipes and a baseline, by recipe and seed and fold; the first is the best."""
    found = {"best": [], "reference": [], BASELINE: []}
    for name, noise in (("best", 0.3), ("reference", 0.8)):
        for seed in (0, 1):
            folders = [tmp_path / f"{name}_{seed}_{fold}" for fold in (0, 1)]
            for fold, folder in enumerate(folders):
                # The second seed's folds hold the same products the other way round.
                first = 1000 * (fold if seed == 0 else 1 - fold)
                write_run(folder, noise=noise, seed=10 * seed + fold, ids_from=first)
            found[name].append(folders)
    for seed in (0, 1):
        folders = [tmp_path / f"baseline_{seed}_{fold}" for fold in (0, 1)]
        for folder, like in zip(folders, found["best"][seed], strict=True):
            write_baseline(folder, like, 1.9)
        found[BASELINE].append(folders)
    return found


def summed_up(kept):
    outcomes = {
        name: [
            [
                figures.of_baseline(each) if name == BASELINE else figures.of_network(each)
                for each in seed
            ]
            for seed in seeds
        ]
        for name, seeds in kept.items()
    }
    return figures.summarise({"toys": outcomes}, {"toys": (BANDS, "hundredth_inch")})


def by_product(seeds, file):
    """Length and mean error of each product, by its id, straight from the files."""
    found = {}
    for folder in (folder for folders in seeds for folder in folders):
        for row in pq.read_table(folder / file).to_pylist():
            error = abs(row["prediction"] - row["length"]) / row["length"]
            found.setdefault(row["PRODUCT_ID"], (row["length"], []))[1].append(error)
    assert {len(errors) for _, errors in found.values()} == {2}
    lengths = np.array([found[each][0] for each in sorted(found)])
    return lengths, np.array([np.mean(found[each][1]) for each in sorted(found)])


def test_figures_are_those_of_the_prediction_files(kept):
    results = summed_up(kept)
    toys = results["catalogues"]["toys"]
    files = dict.fromkeys(kept, "predictions_test.parquet")
    files[BASELINE] = "predictions_test_for_mape.parquet"
    errors = {name: by_product(kept[name], file) for name, file in files.items()}
    lengths, best = errors["best"]
    assert toys["products"] == len(lengths) == 400
    assert toys["long_products"] == (lengths >= 100).sum() < 400
    rng = np.random.default_rng(5)
    rows = rng.integers(400, size=(4000, 400))
    for name, (_, mine) in errors.items():
        found = toys["recipes"][name]
        long = found["long"]
        found = found["all"]
        assert found["mape"]["value"] == pytest.approx(mine.mean())
        assert long["mape"]["value"] == pytest.approx(mine[lengths >= 100].mean())
        ends = np.quantile(mine[rows].mean(axis=1), [0.025, 0.975])
        assert [found["mape"]["low"], found["mape"]["high"]] == pytest.approx(ends, rel=0.03)
        if name == "best":
            assert found["difference"] is None
            continue
        both = best - mine
        assert found["difference"]["value"] == pytest.approx(both.mean())
        assert long["difference"]["value"] == pytest.approx(both[lengths >= 100].mean())
        ends = np.quantile(both[rows].mean(axis=1), [0.025, 0.975])
        pair = found["difference"]
        assert [pair["low"], pair["high"]] == pytest.approx(ends, rel=0.05)
        assert pair["verdict"].startswith("better")
        ratio = results["geometric_means"]["all"][name]
        assert ratio["value"] == pytest.approx(best.mean() / mine.mean())
        ends = np.quantile(best[rows].mean(axis=1) / mine[rows].mean(axis=1), [0.025, 0.975])
        assert [ratio["low"], ratio["high"]] == pytest.approx(ends, rel=0.03)
        ratio = results["geometric_means"]["long"][name]["value"]
        assert ratio == pytest.approx(best[lengths >= 100].mean() / mine[lengths >= 100].mean())
    assert toys["recipes"][BASELINE]["all"]["mape"]["value"] == pytest.approx(0.9)
    assert toys["recipes"][BASELINE]["median_ape"] == pytest.approx(0.05)  # 0.5 × 1.9
    assert toys["recipes"][BASELINE]["train_seconds"] == pytest.approx(2)


def outcome(errors, ids="abcdefghijkl", **more):
    errors = np.asarray(errors, np.float64)
    return figures.Outcome(
        list(ids)[: len(errors)], np.full(len(errors), 500.0), errors, 0.1, 1.0, **more
    )


def test_geometric_means_are_over_catalogues_and_shares_over_rows():
    errors = np.linspace(0.1, 0.4, 12)
    one = outcome(errors[:9], coverage=0.9), outcome(errors[9:], "jkl", coverage=0.5)
    found = {
        "a": {"best": [one], "other": [[outcome(2 * errors)]]},
        "b": {"best": [[outcome(errors)]], "other": [[outcome(errors / 8)]]},
    }
    results = figures.summarise(found, dict.fromkeys(found, (BANDS, "cm")))
    assert results["geometric_means"]["all"]["other"]["value"] == pytest.approx((1 / 2 * 8) ** 0.5)
    best = results["catalogues"]["a"]["recipes"]["best"]
    assert best["coverage"] == pytest.approx((9 * 0.9 + 3 * 0.5) / 12)
    assert results["catalogues"]["b"]["recipes"]["best"]["coverage"] is None


def test_other_products_are_not_paired():
    errors = np.linspace(0.1, 0.4, 12)
    found = {"best": [[outcome(errors)]], "other": [[outcome(errors, "abcdefghijkz")]]}
    with pytest.raises(UserError, match="a: recipes predicted other products"):
        figures.summarise({"a": found}, {"a": (BANDS, "cm")})
    seeds = {"best": [[outcome(errors)], [outcome(errors, "abcdefghijkz")]]}
    with pytest.raises(UserError, match="seeds predicted other products"):
        figures.summarise({"a": seeds}, {"a": (BANDS, "cm")})


def test_the_page_is_made_of_the_figures_alone(kept, tmp_path, monkeypatch, capsys):
    results = {"command": "python x", "machine": "m", "folds": 2, "seeds": 2, **summed_up(kept)}
    (tmp_path / "gate.json").write_text(json.dumps(results), encoding="utf-8")
    for folder in tmp_path.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    monkeypatch.setattr("sys.argv", ["x", "--report", "--name", "gate", "--results", str(tmp_path)])
    assert catalogues.main() == 0
    page = (tmp_path / "gate.md").read_text(encoding="utf-8")
    assert page.startswith("`python x`\n")
    assert page.rstrip() == capsys.readouterr().out.rstrip()
    assert f"- best than {BASELINE}: better on toys." in page
    toys = results["catalogues"]["toys"]["recipes"]
    assert f"| {toys['reference']['all']['mape']['value']:.2%} (" in page
    assert f"| **{toys['best']['all']['mape']['value']:.1%}** |" in page
    for block in page.split("\n\n"):  # tables have as many cells in each line
        counts = {line.count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(counts) <= 1


@pytest.mark.parametrize(("low", "high", "said"), [(-2, -1, "better"), (1, 2, "**worse**")])
def test_verdicts(low, high, said):
    verdict = benchmark("catalogue_markdown").verdict
    assert verdict({"low": low, "high": high}) == said
    assert verdict({"low": -1, "high": 1}) == "not distinguishable"
    assert verdict({"low": None, "high": None}) == "too few rows"


def options_of(*words):
    """What the script reads from these words."""
    return catalogues.parser().parse_args(["--data", "d", *words])


def test_what_lies_in_the_folder_is_compared(tmp_path, capsys):
    """A single file is the challenge's; what is not there is named, once and without a trace."""
    with pytest.raises(UserError, match=r"none of amazon2023_sample\.csv, .*toys_uk\.csv is there"):
        tables.catalogues_in(tmp_path)
    for name in ("toys_uk.csv", "lego_sets.csv"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert tables.catalogues_in(tmp_path) == ["toys_uk", "sets"]
    said = capsys.readouterr().out
    assert "amazon2023_sample.csv" in said
    assert "lego_sets.csv" not in said
    alone = tmp_path / "train.csv"
    alone.write_text("", encoding="utf-8")
    assert tables.catalogues_in(alone) == ["amazon", "amazon_all"]
    assert tables.table_at(alone, "amazon2023_sample.csv", tmp_path) == alone
    with pytest.raises(UserError, match="stands for amazon and amazon_all only"):
        tables.table_at(alone, "lego.csv", tmp_path)


def test_overrides_are_for_the_best_recipes_alone(tmp_path):
    found = catalogues.recipes_of(options_of("model.dropout=0.1"))
    changed = [name for name, each in found.items() if "model.dropout=0.1" in each.overrides]
    assert changed == ["best", "best, no experts"]
    assert list(found)[-1] == "best before"
    assert "best before" not in catalogues.recipes_of(options_of())
    older = catalogues.recipes_of(options_of("--before", str(tmp_path)))
    assert {name for name, each in older.items() if each.checkout == tmp_path} == {"best before"}


def test_recipes_can_be_run_on_each_kind_of_catalogue():
    recipes = catalogues.recipes_of(options_of("model.dropout=0.1")).values()
    for chosen in (tables.ALL_CATALOGUES[name][1] for name in ("amazon", "sets", "sets_paths")):
        for words in {recipe.overrides for recipe in recipes}:
            overrides = (*chosen, *words, *catalogues.EVERY_RUN, "data.path=t.csv")
            from_config(OmegaConf.create(runs.composed(ROOT, overrides)), Experiment)


def test_runs_are_of_settings_table_and_code(tmp_path):
    """Comments are no code, and a network's code does not count for a baseline."""
    (tmp_path / "product_length").mkdir()
    (tmp_path / "product_length" / "conf").symlink_to(ROOT / "product_length" / "conf")
    for part in ("model", "features"):
        (tmp_path / "product_length" / part).mkdir(parents=True)
        (tmp_path / "product_length" / part / "a.py").write_text("x = 1\n", encoding="utf-8")
    table = tmp_path / "t.csv"
    table.write_text("1", encoding="utf-8")

    def keys(*overrides):
        words = ["data=amazon2023", *overrides]
        return [runs.key_of(tmp_path, table, words, is_baseline=each) for each in (False, True)]

    def write(part, text):
        (tmp_path / "product_length" / part / "a.py").write_text(text, encoding="utf-8")
        return keys()

    network, baseline = keys()
    assert write("model", '"""What."""\nx = 1  # why\n') == [network, baseline]
    other, same = write("model", "x = 2\n")
    assert (other != network, same) == (True, baseline)
    assert write("model", "x = 1\n") == [network, baseline]
    assert not {network, baseline} & set(write("features", "x = 2\n"))
    write("features", "x = 1\n")
    now = keys("model.dropout=0.3")
    assert (now[0] != network, now[1]) == (True, baseline)
    table.write_text("2", encoding="utf-8")
    assert not {network, baseline} & set(keys())
    with pytest.raises(UserError, match=r"model\.dropuot"):
        keys("model.dropuot=1")


@pytest.fixture
def gate(tmp_path):
    """Starts the script on a made-up catalogue under the name of a real one."""
    table = pa.Table.from_batches(DemoGenerator(rows=150, types=4, seed=3).batches())
    pyarrow.csv.write_csv(table, tmp_path / "toys_uk.csv")
    words = [sys.executable, str(ROOT / "benchmarks" / "catalogues.py"), "--data", str(tmp_path)]
    words += ["--catalogues", "toys_uk", "--folds", "2", "--runs", str(tmp_path / "runs")]
    words += ["--recipes", f"reference;{BASELINE}", "--results", str(tmp_path)]

    def start():
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


@pytest.mark.slow
def test_it_goes_on_where_it_was_killed_and_two_share_the_work(gate, tmp_path):
    killed = gate()
    assert killed.stdout.readline() == "4 jobs, 4 still to do\n"
    assert killed.stdout.readline() == "[1/4] toys_uk, reference, seed 0, fold 0: done\n"
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    kept = sorted((tmp_path / "runs").glob("*/*/report.json"))
    before = [path.stat().st_mtime_ns for path in kept]
    both = [gate(), gate()]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    lines = [line for out, _ in said for line in out.splitlines() if line.endswith(": done")]
    assert len(lines) == 4 - len(kept)
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert not list((tmp_path / "runs").glob("*/.unfinished*"))

    results = json.loads((tmp_path / "catalogues.json").read_text(encoding="utf-8"))
    toys = results["catalogues"]["toys_uk"]
    errors = [
        pq.read_table(path.parent / "predictions_test.parquet")["ape"].to_numpy()
        for path in (tmp_path / "runs").glob("*/*/report.json")
    ]
    assert toys["products"] == sum(map(len, errors))
    assert toys["recipes"]["reference"]["all"]["mape"]["value"] == pytest.approx(
        np.concatenate(errors).mean()
    )
    again, _ = gate().communicate()
    assert again.startswith("4 jobs, 0 still to do\n")
    assert str(tmp_path) not in (tmp_path / "catalogues.md").read_text(encoding="utf-8")


def test_a_run_that_failed_or_whose_code_changed_is_not_kept(tmp_path):
    """It says so in a line; what is there of others stays."""
    table = tmp_path / "t.csv"
    table.write_text("PRODUCT_ID,TITLE\n1,a\n", encoding="utf-8")

    def job(files):
        words = ("data=amazon2023", f"data.path={table}")
        folders = {"best": tmp_path / "runs" / "best_1"}
        return runs.Job("toys, best", ROOT, words, folders, are_baselines=False, files=files)

    with pytest.raises(UserError, match=r"^1 failed.*toys, best: failed \(.*PRODUCT_LENGTH"):
        catalogues.make([job(runs.files_of(ROOT))], 1)
    with pytest.raises(UserError, match="toys, best: not kept, code or settings"):
        job("other").run(wait=True)
    assert [each.name for each in (tmp_path / "runs").iterdir()] == [".best_1.lock"]
