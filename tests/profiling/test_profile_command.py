"""The command: what it writes and prints, small and odd tables, mistakes."""

import csv
import json
import subprocess
import sys

import pytest
from builders import CHALLENGE_HEADER, job
from profiled import profile_of

from product_length.errors import UserError
from product_length.profile import profile as run_profile
from product_length.profiling.config import ProfileJob
from product_length.profiling.findings import findings_of, first_command


def table(path, rows, header=CHALLENGE_HEADER):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def row(number, length, title="a plain lamp", kind="1"):
    return [str(number), f"{title} {number}", "", "", kind, str(length)]


def run(*words):
    return subprocess.run(
        [sys.executable, "-m", "product_length.profile", *words],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_figures_and_what_is_printed(planted, tmp_path, capsys):
    words = [f"data.path={planted.path}", f"output={tmp_path / 'out'}"]
    words += [f"cache_dir={planted.path.parent / 'cache'}", "data=amazon2023"]
    run_profile(job("profile", ProfileJob, *words), tmp_path, words)
    printed = capsys.readouterr().out
    assert "Σ 1/length" in printed
    assert "1/2.54 of a stated one" in " ".join(printed.split())  # lines are wrapped
    assert f"data.path={planted.path} data=amazon2023 experiment=best" in printed
    figures = json.loads((tmp_path / "out" / "profile.json").read_text(encoding="utf-8"))
    assert figures["format"] == 1
    assert figures["unit"] == "1/100 inch"
    assert figures["rows"]["kept"] == len(planted.rows)
    assert figures["first_command"] in printed
    assert {each["about"] for each in figures["findings"]} >= {"rows", "unit", "repeats"}


def test_it_needs_no_torch(tmp_path):
    """Nor any other library that takes long to import."""
    path = table(tmp_path / "a.csv", [row(n, 100 + n) for n in range(30)])
    program = (
        "import sys\n"
        f"sys.argv[1:] = ['data=amazon2023', 'data.path={path}', 'output={tmp_path}/o',"
        f" 'cache_dir={tmp_path}/cache']\n"
        "import runpy\n"
        "runpy.run_module('product_length.profile', run_name='__main__')\n"
        "heavy = {'torch', 'faiss', 'wandb', 'sklearn', 'pandas', 'sentence_transformers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data.path=/no/such.csv"], "no such file"),
        (["data.path=x.csv", "sample_rows=0"], "sample_rows"),
        (["data.path=x.csv", "sampel_rows=5"], "sample_rows"),
    ],
)
def test_a_mistake_is_one_plain_message(words, said):
    done = run("data=amazon2023", *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_table_without_any_usable_row_is_refused_and_the_reason_said(tmp_path):
    path = table(tmp_path / "a.csv", [row(1, ""), row(2, "many")])
    with pytest.raises(UserError, match=r"no row can be used\. .*2 rows read, 0 kept") as caught:
        profile_of(path)
    assert "missing length: 1" in str(caught.value)
    empty = table(tmp_path / "b.csv", [])
    with pytest.raises(UserError, match=r"b\.csv"):
        profile_of(empty)


def test_one_row(tmp_path):
    profile = profile_of(table(tmp_path / "a.csv", [row(1, 250)]))
    assert (profile.lengths.least, profile.lengths.values) == (250, 1)
    assert profile.mape.constant is None
    findings = findings_of(profile)
    assert any("Only 1 row can be used" in each.text for each in findings)
    assert first_command(profile, findings, []) is None


def test_lengths_that_are_all_equal(tmp_path):
    profile = profile_of(table(tmp_path / "a.csv", [row(n, 250) for n in range(50)]))
    assert profile.mape.constant == 0
    assert sum(profile.lengths.rows) == 50
    assert any("nothing to predict" in each.text for each in findings_of(profile))


def test_a_table_without_types_and_with_numbers(tmp_path):
    """Of another unit that is no length, with a column of numbers and one of categories."""
    rows = [[f"thing {n}", n % 7 or "", "red" if n % 2 else "", 1 + n / 10] for n in range(60)]
    path = table(tmp_path / "a.csv", rows, ["name", "pieces", "colour", "weight"])
    words = ["data=file", "data.columns.title=name", "data.columns.length=weight", "data.unit=kg"]
    words += ["data.columns.numbers=pieces", "data.columns.categories=colour"]
    words += [f"data.path={path}", f"cache_dir={tmp_path}/cache", "output=x"]
    from product_length.profiling.profile import profile_catalogue

    profile = profile_catalogue(job("profile", ProfileJob, *words))
    assert profile.types is None
    assert profile.stated.is_label is None
    fields = {each.name: each.missing for each in profile.fields}
    assert fields == {"title": 0, "number pieces": 9, "category colour": 30}
    texts = [each.text for each in findings_of(profile)]
    assert any("No row has a product type" in text for text in texts)
    assert any("kg" in text for text in texts)


def test_lengths_outside_of_the_range_are_shown(tmp_path):
    path = table(tmp_path / "a.csv", [row(n, 10 * n) for n in range(1, 60)])
    profile = profile_of(path, "data.max_length=500")
    assert profile.rows.kept == 50
    assert profile.rows.dropped[-1].examples == ("510", "520", "530")


def test_the_page_does_not_replace_the_table(tmp_path):
    path = table(tmp_path / "profile.json", [row(n, 100) for n in range(3)])
    words = ["data=amazon2023", f"data.path={path}", f"output={tmp_path}"]
    with pytest.raises(UserError, match="would be lost"):
        run_profile(job("profile", ProfileJob, *words), tmp_path, [])


def test_a_wrong_unit_is_said_with_the_setting(tmp_path):
    """Lengths in cm that are said to be millimetres."""
    rows = [[str(n), f"shelf {n} Length: {10 + n} cm", "", "", "1", str(10 + n)] for n in range(60)]
    profile = profile_of(table(tmp_path / "a.csv", rows), "data.unit=mm")
    findings = findings_of(profile)
    (said,) = [each for each in findings if each.about == "unit"]
    assert said.settings == ("data.unit=cm",)
    command = first_command(profile, findings, ["data=amazon2023", "data.unit=mm"])
    assert command.endswith("data=amazon2023 experiment=best data.unit=cm")


def test_processes_and_samples_give_the_same(planted, profile, monkeypatch):
    some = profile_of(planted.path, "sample_rows=100", "workers=1")
    assert some.texts.sampled == 100
    assert some.lengths == profile.lengths
    monkeypatch.setattr("product_length.profiling.sample._BATCH_ROWS", 400)
    monkeypatch.setattr("product_length.profiling.sample._FEW_BATCHES", 1)
    assert profile_of(planted.path, "workers=2") == profile
