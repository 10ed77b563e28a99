"""Parts predicted by two workers of a local Ray are those of one process."""

import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import predict_by
from prediction.parts_of_products import names_in, read_parts, write_parts
from prediction.test_prediction_by_parts import kill_at_first_part

from product_length.errors import UserError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    # Ray's own use of what it deprecates.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
]
RAY = ("engine=ray", "workers=2")


@pytest.fixture(scope="module")
def _local_ray():
    """One Ray for all runs: to start one takes ten seconds."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def parts(catalogue, tmp_path_factory):
    return write_parts(catalogue, tmp_path_factory.mktemp("on_ray") / "parts")


@pytest.mark.usefixtures("_local_ray")
@pytest.mark.parametrize(
    "words", [["interval=0.9", "keep=[TITLE]", "reasons=true", "snap=true"], ["SEVERAL"]]
)
def test_two_workers_write_the_parts_of_one_process(
    distributed, everything, parts, tmp_path, caplog, words
):
    """Intervals, reasons and columns that are kept; and several checkpoints."""
    caplog.set_level("INFO")
    if words == ["SEVERAL"]:
        words = [f"checkpoint=[{distributed},{everything}]", "decision=mape"]
    here = predict_by(distributed, parts, tmp_path / "here", *words)
    cache = f"cache_dir={tmp_path / 'cache'}"  # or they would find the texts encoded
    out = predict_by(distributed, parts, tmp_path / "out", *words, *RAY, cache)
    assert names_in(out) == names_in(parts)
    for name in names_in(parts):
        one, other = pq.read_table(here / name), pq.read_table(out / name)
        assert other.schema.equals(one.schema, check_metadata=True)
        for column in one.column_names:
            if pa.types.is_float32(one.schema.field(column).type):
                np.testing.assert_allclose(other[column], one[column], rtol=1e-5)
            else:
                assert other[column].equals(one[column])
    said = [line for line in caplog.messages if "Ray workers" in line]
    assert said == ["4 part(s) for 2 Ray workers ({'num_cpus': 1})"]
    (out / "part-1.snappy.parquet").unlink()
    predict_by(distributed, parts, out, *words, *RAY, cache)
    assert "1 part(s) for 1 Ray workers" in caplog.text
    assert names_in(out) == names_in(parts)


@pytest.mark.usefixtures("_local_ray")
def test_what_a_worker_warns_of_and_its_faults_are_told(point, parts, tmp_path, caplog):
    mine = shutil.copytree(parts, tmp_path / "parts")
    (mine / "part-2.snappy.parquet").unlink()
    damaged = mine / "part-1.snappy.parquet"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
    damaged.write_bytes(content)
    with pytest.raises(UserError, match=r"part-1\.snappy\.parquet: is not a sound Parquet file"):
        predict_by(point, mine, tmp_path / "out", *RAY)
    assert "part-1.snappy.parquet" not in names_in(tmp_path / "out")


@pytest.mark.usefixtures("_local_ray")
def test_a_worker_that_is_lost_is_started_again(point, catalogue, tmp_path, monkeypatch):
    parts = write_parts(catalogue, tmp_path / "parts", parts=6)
    killed = []

    def kill_one(number):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            if not killed and b"ray::MapWorker" in path.read_bytes():
                killed.append(int(path.parent.name))
                os.kill(killed[0], signal.SIGKILL)

    from product_length.prediction import ray_parts

    read = ray_parts._read
    monkeypatch.setattr(ray_parts, "_read", lambda said: (kill_one(0), read(said))[1])
    out = predict_by(point, parts, tmp_path / "out", *RAY)
    assert len(killed) == 1
    assert names_in(out) == names_in(parts)
    assert read_parts(out).num_rows == 600


def test_a_killed_run_leaves_no_half_part_and_goes_on(point, catalogue, tmp_path, caplog):
    """With the Ray that it starts by itself."""
    caplog.set_level("INFO")
    parts = write_parts(catalogue, tmp_path / "parts", parts=9)
    out = tmp_path / "out"
    kill_at_first_part(point, parts, out, *RAY, "batch_rows=20")
    done = sorted(out.glob("part-*.parquet"))
    assert done
    for path in done:
        assert pq.read_table(path).num_rows == pq.read_table(parts / path.name).num_rows
    predict_by(point, parts, out, "engine=local", f"cache_dir={tmp_path / 'other'}")
    end = time.monotonic() + 60  # workers outlive the command for some seconds, and may still write
    while names_in(out) != names_in(parts) and time.monotonic() < end:
        time.sleep(0.5)
    assert names_in(out) == names_in(parts)
    assert read_parts(out).num_rows == 600
