"""Whatever a path holds, `key=path` means that path, or the message shows what to type."""

import string
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from product_length.command_line.text_values import text_fields
from product_length.composition import CONF, check_overrides, read_texts
from product_length.errors import ConfigError
from product_length.experiment import EmbeddingJob, Experiment, from_config
from product_length.prediction.config import PredictionJob

PARSER = OverridesParser.create()


def typed(name, schema, *overrides):
    read = read_texts(schema, overrides)
    with initialize_config_dir(str(CONF)):
        return from_config(compose(name, overrides=read), schema)


def swept(override, schema=Experiment):
    (read,) = read_texts(schema, [override], multirun=True)
    value = PARSER.parse_override(read).value()
    return [getattr(each, "text", each) for each in getattr(value, "list", [value])]


@pytest.mark.parametrize("sign", [*string.punctuation, " "])
def test_any_character_may_be_in_a_path(sign):
    path = f"run{sign}1/a{sign}b.csv"
    job = typed("predict", PredictionJob, f"data.path={path}", "checkpoint=c", f"output={path}")
    assert job.data.path == job.output == Path(path)
    twice = "" if sign == "\\" else f"a{sign}{sign}b.csv"  # Hydra reads two backslashes as one
    for path in (f"{sign}a.csv", f"a.csv{sign}", sign, twice):
        (read,) = read_texts(Experiment, [f"data.path={path}"])
        assert PARSER.parse_override(read).value() == path


def test_the_folders_of_a_sweep_are_paths_of_checkpoints(tmp_path):
    folder = tmp_path / "multirun/2026-01-01/loss=mape,seed=1/checkpoints"
    folder.mkdir(parents=True)
    path = folder / "best.ckpt"
    path.touch()
    job = typed("predict", PredictionJob, f"checkpoint={path}", "data.path=a", "output=b")
    assert job.checkpoint == [Path(path)]
    run = typed("train", Experiment, f"trainer.resume={path}")
    assert run.trainer.resume == Path(path)


HYDRA_ESCAPES = tuple(f"\\{sign}" for sign in "\\()[]{}:=, \t")


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(string.printable), min_size=1, max_size=12))
@example("1e5")
@example("True")
@example("choose(1)")
@example("${a")
@example("a,'b,c'")
def test_a_text_is_read_as_it_is_typed(text):
    (read,) = read_texts(Experiment, [f"data.path={text}"])
    parsed = PARSER.parse_override(read)
    if parsed.is_sweep_override():  # choice(a,b), which is a sweep wherever it stands
        assert text[-1] == ")"
        return
    value = parsed.value()
    theirs = text.strip()
    hydras = theirs.lower() == "null" or any(escape in text for escape in HYDRA_ESCAPES)
    in_quotes = len(theirs) > 1 and theirs[0] == theirs[-1] and theirs[0] in "\"'"
    if not (hydras or in_quotes or "${" in text):
        assert value == text


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("'a,b.csv'", "a,b.csv"),
        ('"a b.csv"', "a b.csv"),
        ("a\\,b.csv", "a,b.csv"),
        ("2023", "2023"),
        ("1_000", "1_000"),
        ("[a]", "[a]"),
        ("{a: 1}", "{a: 1}"),
        ("???.csv", "???.csv"),
    ],
)
def test_quotes_are_hydras_and_numbers_are_texts(given, read):
    job = typed("embed", EmbeddingJob, "data=amazon2023", f"data.path={given}")
    assert job.data.path == Path(read)


def test_interpolations_and_null_stay(monkeypatch):
    monkeypatch.setenv("WHERE", "/data")
    job = typed("embed", EmbeddingJob, "data=amazon2023", "data.path=${oc.env:WHERE}/a.csv")
    assert job.data.path == Path("/data/a.csv")
    assert typed("train", Experiment, "trainer.resume=null").trainer.resume is None


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    given = ["checkpoint=[~/a.ckpt,~/b=1.ckpt]", "data.path=~/a.csv", "output='~/b.csv'"]
    job = typed("predict", PredictionJob, *given, "+encoders.minilm=~/minilm", "cache_dir=~/c")
    assert job.checkpoint == [Path("/home/me/a.ckpt"), Path("/home/me/b=1.ckpt")]
    assert (job.data.path, job.output) == (Path("/home/me/a.csv"), Path("/home/me/b.csv"))
    assert job.encoders == {"minilm": "/home/me/minilm"}
    assert job.cache_dir == Path("/home/me/c")
    assert read_texts(Experiment, ["hydra.run.dir=~/a"]) == ["hydra.run.dir=/home/me/a"]
    model = "embeddings.encoders.minilm.model=~/minilm"
    run = typed("train", Experiment, "embeddings=minilm", model)
    assert run.embeddings.encoders["minilm"].model == "/home/me/minilm"


def test_in_a_sweep_a_comma_separates_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert swept("data.path=a.csv,b=[1].csv") == ["a.csv", "b=[1].csv"]
    assert swept("data.path=~/a.csv,'b,c.csv'") == ["~/a.csv", "b,c.csv"]
    assert swept("data.path=choice(a,b)") == ["a", "b"]
    assert swept("hydra.sweep.dir=a,b") == ["a,b"]
    Path("a,b.csv").touch()
    assert swept("data.path=a,b.csv") == ["a,b.csv"]
    assert swept("data.path=a,b.csv,c.csv") == ["a,b.csv", "c.csv"]
    Path("a").touch()
    Path("b.csv").touch()
    assert swept("data.path=a,b.csv") == ["a", "b.csv"]


def test_in_a_list_of_paths_what_exists_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("loss=mape,seed=1").mkdir()
    Path("loss=mape,seed=1/best.ckpt").touch()
    given = "checkpoint=[loss=mape,seed=1/best.ckpt,b=2.ckpt]"
    job = typed("predict", PredictionJob, given, "data.path=a", "output=b")
    assert job.checkpoint == [Path("loss=mape,seed=1/best.ckpt"), Path("b=2.ckpt")]


def test_several_without_brackets_are_shown_in_brackets():
    with pytest.raises(ConfigError, match=r"'checkpoint=\[a b.ckpt,c.ckpt\]'"):
        read_texts(PredictionJob, ["checkpoint=a b.ckpt,c.ckpt"])
    with pytest.raises(ConfigError, match=r"tracking.tags=\[a,b\]"):
        read_texts(Experiment, ["tracking.tags=a,b"])


def test_other_keys_are_left_as_they_are():
    others = ["loss=mape,huber", "model.hidden=[5,6]", "seed=1e3", "a", "~loss", "+x={a: b}", ""]
    assert read_texts(Experiment, others) == others


def test_every_path_and_text_of_the_schemas_is_known():
    assert dict(text_fields(PredictionJob))["checkpoint"] is True
    known = dict(text_fields(Experiment))
    assert {"data.path", "trainer.resume", "cache_dir", "embeddings.encoders.*.model"} <= set(known)
    assert "loss.name" not in known
    assert "trainer.devices" not in known


def test_an_empty_path_is_refused():
    with pytest.raises(ConfigError, match=r"data.path=: must be a path, not an empty text"):
        check_overrides("embed", EmbeddingJob, ["data=amazon2023", "data.path="])
