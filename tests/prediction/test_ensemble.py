"""Several checkpoints as one: what they share, what they come to, and what is refused."""

import shutil

import numpy as np
import pytest
from builders import predict_by, read_rows, submission

from product_length.errors import ConfigError
from product_length.prediction.checkpoint import load_predictors
from product_length.training.checkpoint_file import read_checkpoint, write_checkpoint


def several(*runs):
    return f"checkpoint=[{','.join(str(run / 'checkpoints' / 'best.ckpt') for run in runs)}]"


def copied(run, folder):
    """The same run elsewhere, as far as prediction looks at it."""
    (folder / "checkpoints").mkdir(parents=True)
    shutil.copy(run / "checkpoints" / "best.ckpt", folder / "checkpoints")
    return folder


def test_an_ensemble_averages_distributions_and_then_decides(
    distributed, everything, catalogue, tmp_path
):
    wanted = [row["PRODUCT_ID"] for row in read_rows(catalogue / "test.csv")]

    def lengths(name, *options):
        output = tmp_path / name
        ids, found = submission(predict_by(distributed, catalogue / "test.csv", output, *options))
        assert ids == wanted
        return found

    twin = copied(distributed, tmp_path / "twin")
    alone = lengths("alone.csv", "decision=mean")
    assert (lengths("one.csv", several(distributed), "decision=mean") == alone).all()
    twins = lengths("twins.csv", several(distributed, twin), "decision=mean")
    np.testing.assert_allclose(twins, alone, rtol=1e-4)
    other = lengths("other.csv", several(everything), "decision=mean")
    members = several(distributed, everything)
    both = lengths("both.csv", members, "decision=mean", "batch_rows=70")
    np.testing.assert_allclose(both, (alone + other) / 2, rtol=1e-4)
    assert (np.abs(alone / other - 1) > 0.01).mean() > 0.5
    medians = [
        lengths(f"{i}.csv", several(*runs), "decision=median")
        for i, runs in enumerate([(distributed,), (everything,), (everything, distributed)])
    ]
    # A mixture's median lies between those of its members.
    low, high = np.minimum(*medians[:2]), np.maximum(*medians[:2])
    assert ((low * 0.999 <= medians[2]) & (medians[2] <= high * 1.001)).all()


def test_what_is_wrong_with_an_ensemble(point, distributed, everything, catalogue, tmp_path):
    def refused(*options):
        with pytest.raises(ConfigError) as caught:
            predict_by(point, catalogue / "test.csv", tmp_path / "s.csv", *options)
        assert list(tmp_path.iterdir()) == []
        return str(caught.value)

    assert "emits one length" in refused(several(distributed, point), "decision=mape")
    assert str(point) in refused(several(distributed, point))
    both = several(distributed, everything)
    told = refused(both)
    assert "best.ckpt for rmsle" in told
    assert "best.ckpt for mape" in told
    said = "says nothing about the average of several"
    assert said in refused(both, "decision=mape", "interval=0.9")
    assert "is named twice" in refused(several(distributed, distributed))
    assert "name a checkpoint" in refused("checkpoint=[]")
    assert "interval=1.0: must be less than 1" in refused("interval=1.0")


def test_checkpoints_of_catalogues_with_other_ids_say_which_is_meant(
    distributed, everything, catalogue, tmp_path
):
    other = copied(everything, tmp_path / "other")
    content = read_checkpoint(other / "checkpoints" / "best.ckpt")
    content["recipe"]["columns"]["product_id"] = "ASIN"
    write_checkpoint(content, other / "checkpoints" / "best.ckpt")
    path, output = catalogue / "test.csv", tmp_path / "s.csv"
    chosen = [several(distributed, other), "decision=mape"]
    with pytest.raises(ConfigError, match=r"different columns, ASIN, PRODUCT_ID.*product_id="):
        predict_by(distributed, path, output, *chosen)
    predict_by(distributed, path, output, *chosen, "data.columns.product_id=PRODUCT_ID")
    assert submission(output)[0] == [row["PRODUCT_ID"] for row in read_rows(path)]


def test_equal_encoders_are_loaded_once(distributed, point, everything):
    paths = [run / "checkpoints" / "best.ckpt" for run in (distributed, point, everything)]
    first, second, third = load_predictors(paths, {}, "cpu").values()
    assert first.features[0] is second.features[0]
    assert first.encoders[0] is second.encoders[0]
    assert third.encoders[0] is not first.encoders[0]  # fitted on titles alone
    assert first.features[1] is not second.features[1]  # each its own types
