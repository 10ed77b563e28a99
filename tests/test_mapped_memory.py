"""What is given back of mapped files, by the kernel's own count of what is in memory."""

import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from product_length.catalogue.product_file import ProductFile
from product_length.catalogue.text import FIELDS
from product_length.mapped_memory import MOST_BYTES, MappedMemory, give_back
from product_length.search.cosine import CosineSearch
from product_length.search.ivf import IvfLists
from product_length.training.checkpoint_file import RECORD, read_checkpoint, write_checkpoint

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere the kernel is not asked"
)
DIMENSION = 64
ROWS = 2 * MOST_BYTES // (2 * DIMENSION)
BYTES = ROWS * DIMENSION * 2


def in_memory(path):
    """Bytes of a mapped file that this process has in memory."""
    mappings = Path("/proc/self/smaps").read_text(encoding="utf-8")
    pattern = rf"{re.escape(str(path))}\n(?:\w+: .*\n)*?Rss: +(\d+) kB"
    return sum(int(size) * 1024 for size in re.findall(pattern, mappings))


@pytest.fixture(scope="module")
def vectors_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapped") / "vectors.npy"
    vectors = np.random.default_rng(0).integers(-99, 99, (ROWS, DIMENSION)).astype(np.float16)
    np.save(path, vectors)
    return path


def test_pages_are_given_back_and_read_again(vectors_path):
    vectors = np.load(vectors_path, mmap_mode="r")
    whole = vectors.astype(np.float32)
    assert in_memory(vectors_path) > 0.9 * BYTES
    give_back(vectors, None, [1])
    assert in_memory(vectors_path) < 0.01 * BYTES
    np.testing.assert_array_equal(vectors, whole)


def test_all_is_given_back_once_much_was_read(vectors_path):
    vectors = np.load(vectors_path, mmap_mode="r")
    mapped = MappedMemory(vectors)
    vectors.sum(dtype=np.float64)
    mapped.read(MOST_BYTES - 1)
    assert in_memory(vectors_path) > 0.9 * BYTES
    mapped.read(1)
    assert in_memory(vectors_path) < 0.01 * BYTES


def test_an_array_in_memory_keeps_what_it_holds():
    array = np.empty(MOST_BYTES, np.uint8)
    mapped = MappedMemory(array)
    array[:] = 1
    mapped.give_back()
    give_back(array)
    assert array.all()


def test_a_private_mapping_that_was_written_to_keeps_it(vectors_path):
    vectors = np.load(vectors_path, mmap_mode="c")
    vectors[ROWS // 2] = 7
    give_back(vectors)
    assert (vectors[ROWS // 2] == 7).all()


def test_a_part_leaves_what_is_beside_it_alone(vectors_path):
    vectors = np.load(vectors_path, mmap_mode="r")
    whole = vectors.copy()
    part = vectors[5 : 5 + ROWS * 3 // 4]
    give_back(part, vectors[:0], part[:0], vectors[::-1])
    assert 0.2 * BYTES < in_memory(vectors_path) < 0.3 * BYTES
    np.testing.assert_array_equal(vectors, whole)


def test_a_view_of_some_columns_stands_for_what_lies_between_them(vectors_path):
    vectors = np.load(vectors_path, mmap_mode="r")
    whole = vectors.copy()
    give_back(vectors[:, 3:9])
    assert in_memory(vectors_path) < 0.01 * BYTES
    np.testing.assert_array_equal(vectors, whole)


def test_a_checkpoint_may_stay_in_its_file(vectors_path, tmp_path):
    path = tmp_path / "best.ckpt"
    vectors = torch.from_numpy(np.load(vectors_path))
    write_checkpoint({RECORD: {}, "state_dict": {}, "vectors": vectors}, path)
    read = read_checkpoint(path, mapped=True)["vectors"].numpy()
    np.testing.assert_array_equal(read, vectors.numpy())
    assert in_memory(path) > 0.9 * BYTES
    give_back(read)
    assert in_memory(path) < 0.01 * BYTES
    assert read_checkpoint(path)["vectors"].equal(torch.from_numpy(read))


def test_a_search_in_lists_holds_little_of_the_vectors_and_finds_the_same(vectors_path):
    here = np.load(vectors_path)
    mapped = np.load(vectors_path, mmap_mode="r")
    some = np.random.default_rng(1).choice(ROWS, 3000, replace=False)
    centroids = here[some[:64]].astype(np.float32)
    of_row = np.random.default_rng(2).integers(0, 64, ROWS).astype(np.int32)
    lists = IvfLists(centroids, of_row, nprobe=4)
    search = CosineSearch(mapped, lists)
    rows, cosines = search.search(here[some], 5)
    assert in_memory(vectors_path) < 1.2 * MOST_BYTES
    known, wanted = CosineSearch(here, lists).search(here[some], 5)
    np.testing.assert_array_equal(rows, known)
    np.testing.assert_array_equal(cosines, wanted)


def test_a_catalogue_is_read_through_a_little_memory(tmp_path):
    path = tmp_path / "products.arrow"
    names = [*FIELDS]
    batch = pa.RecordBatch.from_pydict({name: ["x" * 2000] * 4000 for name in names})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        for _ in range(2 * MOST_BYTES // batch.nbytes + 1):
            writer.write_batch(batch)
    products = ProductFile.open(path)
    read = 0
    for part in products.pick(np.arange(len(products)), names):
        read += sum(len(text) for column in part.columns for text in column.to_pylist())
    assert read == 2000 * len(products) * len(names)
    assert path.stat().st_size > 2 * MOST_BYTES
    assert in_memory(path) < 1.2 * MOST_BYTES
