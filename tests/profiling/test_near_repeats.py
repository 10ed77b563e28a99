"""Near-repeats beside a comparison of all pairs, and in a sample that keeps them together."""

import itertools
import re

import pytest
from builders import job

from product_length.artefacts import ArtefactStore
from product_length.catalogue.prepare import open_catalogue
from product_length.profiling.config import ProfileJob
from product_length.profiling.near_repeats import SIMILARITY, near_repeat_figures


@pytest.fixture(scope="module")
def catalogue(planted):
    words = ["data=amazon2023", f"data.path={planted.path}", "output=x"]
    data = job("profile", ProfileJob, *words).data
    return open_catalogue(data, ArtefactStore(planted.path.parent / "cache"), to_train=False)


def test_those_are_found_that_comparing_all_pairs_finds(catalogue):
    texts = sorted(set(catalogue.texts()))
    words = [set(re.findall(r"\w+", text.lower())) for text in texts]
    found = {
        at
        for left, right in itertools.combinations(range(len(texts)), 2)
        if len(words[left] & words[right]) >= SIMILARITY * len(words[left] | words[right])
        for at in (left, right)
    }
    assert near_repeat_figures(catalogue).found == len(found) == 80


def test_a_sample_keeps_near_repeats_together(catalogue):
    figures = near_repeat_figures(catalogue, max_texts=400)
    assert 350 <= figures.searched <= 400
    assert figures.texts > 1000
    # A third of the texts would have a ninth of the pairs left, were they drawn one by one.
    assert 10 <= figures.found <= 50
    assert figures.found % 2 == 0
    assert figures.disagreeing == 1.0
