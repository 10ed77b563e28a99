"""`--help`: every key of every verb is explained, from the comments of the YAML files."""

import runpy
import sys

import pytest
from pydantic import ValidationError

from product_length import command
from product_length.__main__ import main
from product_length.command_line.allowed import Allowed
from product_length.command_line.explanations import explanations, heading
from product_length.command_line.groups import CONF, group_options, groups_of
from product_length.command_line.help import WIDTH, explained, leaves
from product_length.composition import chosen_files, compose_firsts, parse
from product_length.errors import ConfigError
from product_length.experiment import Experiment
from product_length.training.config import TrainerOptions
from product_length.verb_help import help_of, visible_values
from product_length.verbs import VERBS

COMPOSED = [verb for verb in VERBS if (CONF / f"{verb}.yaml").exists()]


def rounds(verb):
    """Command lines that between them choose every option of every group."""
    groups = [each for each in groups_of(verb) if each != "experiment"]
    options = {each: group_options(each) for each in groups}
    most = max(map(len, options.values()), default=1)
    return [
        [f"{group}={each[at % len(each)]}" for group, each in options.items()] for at in range(most)
    ]


CHOICES = [(verb, words) for verb in COMPOSED for words in [[], *rounds(verb)] if groups_of(verb)]
CHOICES += [(verb, []) for verb in COMPOSED if not groups_of(verb)]


def schema_of(verb):
    """The class of a verb's configuration, which its module gives to `run_command`."""
    given = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "run_command", lambda *words, **_: given.append(words))
        patch.delitem(sys.modules, f"product_length.{verb}", raising=False)
        runpy.run_module(f"product_length.{verb}", run_name="__main__")
    ((name, schema, *_),) = given
    assert name == verb
    return schema


@pytest.fixture(scope="module")
def schemas():
    return {verb: schema_of(verb) for verb in COMPOSED}


@pytest.mark.parametrize(("verb", "words"), CHOICES)
def test_every_key_is_explained(verb, words, schemas):
    parsed = parse(verb, words)
    values = visible_values(compose_firsts(verb, parsed))
    said = explained(verb, chosen_files(verb, parsed))
    allowed = Allowed(schemas[verb])
    asked = [key for key, _ in leaves(values) if allowed.words(key, values) is not None]
    assert not [key for key in asked if not said.get(key)]


@pytest.mark.parametrize("verb", COMPOSED)
def test_help_is_readable_and_shows_what_a_person_may_choose(verb, schemas):
    shown = help_of(verb, schemas[verb], [])
    lines = shown.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0] == f"product-length {verb}: {VERBS[verb]}"
    for group in groups_of(verb):
        of_group = shown.partition(f"\n  {group}=")[2].partition("=")[0]
        assert all(option in of_group for option in group_options(group))
    assert "_none" not in shown
    assert "_every_catalogue" not in shown
    assert "hydra/job_logging" not in shown
    for flag in ("--version", "--cfg job"):
        assert f"\n  {flag}" in shown
    assert ("-m, --multirun" in shown) == ("sweep" in groups_of(verb))


def test_what_an_option_is_stands_above_its_keys():
    chosen = [f"{group}={group_options(group)[-1]}" for group in groups_of("train")]
    shown = " ".join(help_of("train", Experiment, [*chosen, "loss=histogram"]).split())
    for each in chosen:
        group, _, option = each.partition("=")
        said = heading(CONF / group / f"{option}.yaml")
        assert said
        assert group == "loss" or " ".join(f"{each}: {said}".split()) in shown


def test_every_option_says_what_it_is():
    groups = {group for verb in COMPOSED for group in groups_of(verb)}
    options = [(group, option) for group in groups for option in group_options(group)]
    assert len(options) > 40
    assert not [each for each in options if not heading(CONF.joinpath(*each).with_suffix(".yaml"))]


def test_help_shows_the_values_of_this_command_line():
    shown = help_of("train", Experiment, ["loss=histogram", "loss.bins=77", "experiment=best"])
    assert "  loss.bins=77 " in shown
    assert "  model.hidden=[512] " in shown
    assert "  features=[full,terms,numbers,categories]\n" in shown
    assert "loss.name" not in shown  # it is chosen with loss=
    assert "[2 to 4,096]" in shown


def test_help_of_what_is_misspelt_says_so():
    with pytest.raises(ConfigError, match=r"loss=histogramm.*did you mean histogram"):
        help_of("train", Experiment, ["loss=histogramm"])


def test_help_of_required_keys_has_a_place_for_the_value():
    shown = help_of("train", Experiment, ["data=file"])
    assert "  data.path=… " in shown
    assert "  data.columns.length=… " in shown


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_answers_help(verb, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["product-length"])
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.delitem(sys.modules, f"product_length.{verb}", raising=False)
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert "usage: " in shown
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_a_password_is_not_shown(capsys, monkeypatch):
    monkeypatch.setenv("PRODUCT_LENGTH_STORAGE", "postgresql://user:OPENSESAME@host/db")
    monkeypatch.setattr(sys, "argv", ["product-length"])
    monkeypatch.delitem(sys.modules, "product_length.train", raising=False)
    for words in (["sweep=losses"], ["storage=postgresql://user:OPENSESAME@host/db"]):
        with pytest.raises(SystemExit):
            main(["train", "--help", *words])
        shown = capsys.readouterr()
        assert "storage=" in shown.out
        assert "OPENSESAME" not in shown.out + shown.err


def test_comments_are_found_where_they_stand(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "# @package _global_\n"
        "# The heading,\n"
        "# of two lines.\n"
        "first: 'a # b' # beside\n"
        "second:   # of a mapping\n"
        "  inner: [1, 2] # in it,\n"
        "                # and below\n"
        "  # above the next, and\n"
        "  # its second line\n"
        "  next: null\n"
        "\n"
        "# apart\n"
        "\n"
        "third: 3\n"
        "  # too far to the left for fourth, and below third, which has none beside it\n"
        "fourth: >-\n"
        "  a text # no comment\n"
        "  of two lines\n"
        "fifth: {a: 1}  # a mapping in one line\n",
        encoding="utf-8",
    )
    assert heading(path) == "The heading, of two lines."
    assert explanations(path) == {
        "first": "beside",
        "second": "of a mapping",
        "second.inner": "in it, and below",
        "second.next": "above the next, and its second line",
        "fifth": "a mapping in one line",
    }


@pytest.mark.parametrize(
    ("key", "words", "inside", "outside"),
    [
        ("max_epochs", "≥ 1", 1, 0),
        ("warmup", "> 0 and < 1", 0.5, 1),
        ("learning_rate", "> 0", 1e-9, 0),
        ("devices", "≥ 1, or auto", "auto", 0),
        ("strategy", "auto, ddp", "ddp", "dp"),
        ("progress", "", False, 3),
    ],
)
def test_what_a_key_takes_is_what_its_type_takes(key, words, inside, outside):
    assert Allowed(Experiment).words(f"trainer.{key}", {"trainer": {}}) == words
    assert getattr(TrainerOptions(**{key: inside}), key) == inside
    with pytest.raises(ValidationError):
        TrainerOptions(**{key: outside})


def test_what_a_key_takes_is_that_of_the_option_chosen():
    allowed = Allowed(Experiment)
    chosen = {"loss": {"name": "histogram"}, "embeddings": {"encoders": {"a": {"kind": "ngrams"}}}}
    assert allowed.words("loss.bins", chosen) == "2 to 4,096"
    assert allowed.words("loss.name", chosen) is None
    assert allowed.words("embeddings.encoders.a.length", chosen) == "1 to 4,096"
    assert allowed.words("loss.gamma", chosen) is None  # of another loss
    assert allowed.words("features.types.width", {"features": {"types": {}}}) == "≥ 1"
