import pytest
from run_folders import resolved, write_run

from product_length.comparison.recipe import identity, matches, recipe_names
from product_length.comparison.runs import load_runs
from product_length.errors import UserError


@pytest.mark.parametrize(
    ("overrides", "shared", "names"),
    [
        ([[]], [], ["defaults"]),
        ([["loss=mape", "model=mlp"]], [], ["loss=mape model=mlp"]),
        ([["loss=mape"], []], [], ["loss=mape", "defaults"]),
        ([["a=1", "loss=mape"], ["loss=rmsle", "a=1"]], ["a=1"], ["loss=mape", "loss=rmsle"]),
        ([["a=1"], ["a=1", "b=2"]], ["a=1"], ["only the shared overrides", "b=2"]),
        ([["a=1", "seed=1"], ["a=1", "seed=2"]], [], ["a=1", "a=1"]),
        ([["a=1", "seed=1"], ["seed=2", "a=2"]], [], ["a=1", "a=2"]),
        ([["tracking=none", "hydra.sweep.dir=x", "cache_dir=/c", "++seed=3"]], [], ["defaults"]),
        ([["tracking.project=x", "hydra/sweeper=optuna", "+a=1"]], [], ["+a=1"]),
        ([["seedling=1"], ["a=1"]], [], ["seedling=1", "a=1"]),
        (
            [["trainer.progress=false", "trainer.resume=x", "study=s", "storage=x"]],
            [],
            ["defaults"],
        ),
        ([["a=1", "a=1"], ["b=1"]], [], ["a=1", "b=1"]),
        (
            [["lr=0.0006042851578845063", "wd=1.23456e-05"], ["lr=0.001", "x=-12.34567"]],
            [],
            ["lr=0.000604 wd=1.23e-05", "lr=0.001 x=-12.3"],
        ),
    ],
)
def test_recipe_names(overrides, shared, names):
    assert recipe_names(overrides) == (shared, names)


def test_identity_leaves_out_what_is_no_part_of_a_recipe():
    plain = identity(resolved(["loss=huber"], 1), [])
    free = ["cache_dir=/x", "tracking=wandb", "trainer.progress=false", "trainer.resume=last.ckpt"]
    free += ["study=s", "storage=sqlite", "sweep.trials=3"]
    free += ["embeddings.engine=ray", "embeddings.workers=4", "embeddings.ray_address=head:6379"]
    assert identity(resolved(["loss=huber", *free], 2), ["anything=1"]) == plain
    for changed in ("loss=mape", "trainer.learning_rate=0.1", "data.split.seed=1"):
        assert identity(resolved(["loss=huber", changed], 1), []) != plain
    assert identity({"seed": 1}, ["b=1", "seed=2", "a=1"]) == identity({}, ["a=1", "b=1"])
    assert identity({"seed": 1}, ["a=1"]) != identity({}, ["a=2"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("loss=mape", True),
        ("loss.name=mape", True),
        ("loss=huber", False),
        ("features.use_log_target=true", True),
        ("features.use_log_target=false", False),
        ("features.use_log_target=1", False),
        ("loss=mape features.use_log_target=false", False),
        ("trainer.learning_rate=1e-3", True),
        ("trainer.resume=null", True),
        ("features=knn", True),
        ("features=text", False),
        ("no.such.key=1", False),
        ("loss.name.deeper=1", False),
        ("loss=[", False),
    ],
)
def test_words_are_matched_against_the_resolved_configuration(words, expected):
    overrides = ["features=knn", "features.use_log_target=true"]
    assert matches(words.split(), resolved(overrides, 0), overrides) is expected


def test_a_damaged_configuration_is_told(tmp_path):
    write_run(tmp_path)
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"config\.yaml: damaged .*run it again"):
        load_runs([tmp_path])
    (tmp_path / "config.yaml").unlink()
    assert load_runs([tmp_path])[0][0].config == {}
