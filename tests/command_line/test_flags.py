"""Flags are Hydra's; what looks like one and is none gets the spelling that works."""

from hydra._internal.utils import get_args_parser

from product_length.command_line.flags import FLAGS, WITH_VALUE, flag_faults, read_arguments

KEYS = ["loss", "data", "data.path", "trainer", "trainer.max_epochs", "trainer.learning_rate"]


def advice(*arguments):
    return list(flag_faults(read_arguments(arguments).unknown, KEYS))


def test_hydras_flags_are_known():
    actions = get_args_parser()._actions
    assert {flag for action in actions for flag in action.option_strings} == FLAGS
    valued = [action for action in actions if action.nargs != 0 and action.option_strings]
    assert {flag for action in valued for flag in action.option_strings} == WITH_VALUE


def test_flags_and_overrides_are_separated():
    read = read_arguments(["a=1", "-m", "b=2", "--config-dir", "x", "--package=y"])
    assert (read.overrides, read.unknown) == (["a=1", "b=2"], [])
    assert (read.multirun, read.runs) == (True, True)
    assert read_arguments(["a=1"]).runs
    assert not read_arguments(["--help"]).runs
    assert not read_arguments(["--cfg", "job", "a=1"]).runs


def test_flags_of_other_programs_get_hydras_spelling():
    said = "options are written as key=value"
    assert advice("--loss", "mape") == [f"--loss mape: no such flag; {said}: loss=mape"]
    assert advice("--epochs", "3", "--data.path=a b") == [
        f"--epochs 3: no such flag; {said}: trainer.max_epochs=3",
        f"--data.path=a b: no such flag; {said}: data.path='a b'",
    ]
    assert advice("-lr", "1") == [f"-lr 1: no such flag; {said}: trainer.learning_rate=1"]
    assert advice("--max-epochs=3", "loss=mape")[0].endswith("trainer.max_epochs=3")
    assert advice("--loss", "--epochs")[0].endswith("loss=true")
    assert advice("--multrun") == ["--multrun: no such flag (did you mean --multirun?)"]
    assert advice("--zzz", "1")[0].endswith("without dashes, see --help")


def test_a_beginning_of_a_flag_is_not_taken_for_it():
    # argparse would take --experiment for --experimental-rerun, and try to load "best".
    ((flag, value),) = read_arguments(["--experiment", "best"]).unknown
    assert (flag, value) == ("--experiment", "best")


def test_a_password_is_not_repeated():
    (said,) = flag_faults([("--storage", "postgresql://u:PW@h")], ["storage"])
    assert said.endswith("storage=…")
    assert "PW" not in said
