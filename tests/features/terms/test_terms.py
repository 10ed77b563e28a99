"""Terms against counting by hand."""

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from builders import products_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from product_length.artefacts import ArtefactStore
from product_length.features.feature import Training
from product_length.features.terms.config import TermsOptions
from product_length.features.terms.index import TermIndex, words_of

TITLES = [
    "Oak table, large",
    "OAK chair",
    "oak Table",
    "Pine chair oak",
    "pine table large",
    "Pine shelf",
    "large pine mirror",
    "Oak frame",
]
TYPES = ["table", "chair", "table", "chair", "table", "shelf", "", "shelf"]
LENGTHS = np.array([900, 300, 800, 350, 700, 500, 400, 600], np.float32)


def fitted(titles=TITLES, types=TYPES, lengths=LENGTHS, **options):
    chosen = TermsOptions(**{"min_rows": 2, "top_k": 3, **options})
    return TermIndex.fit("title", pa.array(titles), pa.array(types), lengths, chosen)


def named(index, entries):
    """(type, word) of each entry; None for none of it."""
    names = []
    for entry in entries:
        code, word = divmod(int(index.keys[entry - 1]), index.words.size)
        names.append(
            (
                index.types.names[code - 1] if code else None,
                index.words.names[word - 1] if word else None,
            )
        )
    return names


def by_hand(titles, types, characters=120):
    """How many rows have each (type, word), each word once a row."""
    counts = Counter()
    for title, kind in zip(titles, types, strict=True):
        words = set(re.findall(r"\w+", title[:characters].lower().replace("_", " ")))
        counts.update((None, word) for word in words)
        if kind:
            counts.update([(kind, None), *((kind, word) for word in words)])
    return counts


def test_words_of_many_scripts_in_lower_case():
    rows, words = words_of(pa.array(["Größe: 30-CM", "", None, "कपड़े x2!", "a_b"]), 120)
    assert list(zip(rows.tolist(), words.to_pylist(), strict=True)) == [
        (0, "größe"),
        (0, "30"),
        (0, "cm"),
        (3, "कपड़े"),
        (3, "x2"),
        (4, "a"),
        (4, "b"),
    ]
    assert words_of(pa.array(["one two three"]), 7)[1].to_pylist() == ["one", "two"]


def test_entries_are_what_enough_training_rows_have():
    index = fitted()
    wanted = {each for each, count in by_hand(TITLES, TYPES).items() if count >= 2}
    assert set(named(index, range(1, index.entries + 1))) == wanted
    assert ("table", "large") in wanted
    assert ("chair", "pine") not in wanted
    kinds = named(index, range(1, index.entries + 1))
    parents = index.parents()
    assert parents[0] == 0
    for entry, (kind, word) in enumerate(kinds, start=1):
        within = kind is not None and word is not None
        assert parents[entry] == (kinds.index((kind, None)) + 1 if within else 0)


WORDS = st.lists(st.sampled_from(["oak", "PINE", "30", "é", "x-y", "z_z", "शीशा"]), max_size=5)
ROWS = st.lists(
    st.tuples(WORDS, st.sampled_from(["", "a", "b"]), st.floats(1, 1e5)), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
@example([([], "", 1.0)])
@example([(["oak"], "a", 5.0), (["oak"], "a", 5.0)])
def test_any_catalogue(rows):
    titles = [" ".join(words) for words, _, _ in rows]
    types = [kind for _, kind, _ in rows]
    index = fitted(titles, types, np.array([length for *_, length in rows], np.float32))
    counts = by_hand([title.replace("शीशा", "shisha") for title in titles], types)
    kept = {each for each, count in counts.items() if count >= 2}
    told = {
        (kind, word and word.replace("शीशा", "shisha"))
        for kind, word in named(index, range(1, index.entries + 1))
    }
    assert told == kept
    assert np.isfinite(index.gains).all()
    of_row, entries = index.members(pa.array(titles), pa.array(types))
    assert len(set(zip(of_row.tolist(), entries.tolist(), strict=True))) == len(entries)
    found = Counter(entries.tolist())
    assert [found[entry] for entry in range(1, index.entries + 1)] == [
        counts[kind, word and word.replace("शीशा", "shisha")]
        for kind, word in named(index, range(1, index.entries + 1))
    ]
    block = index.encode(pa.array(titles), pa.array(types))
    pairs = set(zip(of_row.tolist(), entries.tolist(), strict=True))
    for row, chosen in enumerate(block):
        there = chosen[chosen > 0].tolist()
        assert len(set(there)) == len(there)
        assert all((row, entry) in pairs for entry in there)


def test_the_most_telling_words_come_first():
    index = fitted(top_k=2)
    block = index.encode(pa.array(["pine oak table large", "Unknown"]), pa.array(["table", "new"]))
    assert block.shape == (2, 5)
    assert block.dtype == np.int32
    assert not block[1].any()
    assert named(index, block[0, :1]) == [("table", None)]
    for words, kind in ((block[0, 1:3], None), (block[0, 3:], "table")):
        told = named(index, words[words > 0])
        assert told
        assert {each for each, _ in told} == {kind}
        gains = index.gains[words[words > 0] - 1]
        assert (np.diff(gains) <= 0).all()
        others = [
            index.gains[entry - 1]
            for entry in range(1, index.entries + 1)
            if named(index, [entry])[0]
            in {(kind, word) for word in ("pine", "oak", "table", "large")}
            and entry not in words
        ]
        assert all(gains.min() >= other for other in others)


def test_a_word_that_tells_more_gains_more():
    random = np.random.default_rng(0)
    titles = [
        f"{'long' if row % 2 else 'short'} {'red' if row % 3 else 'blue'}" for row in range(600)
    ]
    lengths = np.where(np.arange(600) % 2, 2000, 100) * random.uniform(0.9, 1.1, 600)
    index = fitted(titles, ["t"] * 600, lengths.astype(np.float32))
    told = dict(zip(named(index, range(1, index.entries + 1)), index.gains, strict=True))
    for kind in (None, "t"):
        assert told[kind, "long"] > 0.5
        assert told[kind, "short"] > 0.5
        assert abs(told[kind, "red"]) < 0.05
        assert abs(told[kind, "blue"]) < 0.05
    assert told["t", None] == pytest.approx(0, abs=0.01)


def test_types_stay_where_there_are_too_many_entries():
    index = fitted(max_terms=4)
    kinds = named(index, range(1, index.entries + 1))
    assert len(kinds) == 4
    assert {(kind, None) for kind in ("table", "chair", "shelf")} <= set(kinds)


def test_without_types_words_count_in_the_whole_catalogue_only():
    index = fitted(types=[None] * len(TITLES))
    assert all(kind is None for kind, _ in named(index, range(1, index.entries + 1)))
    block = index.encode(pa.array(TITLES), pa.array(TYPES))
    assert not block[:, 0].any()
    assert not block[:, 4:].any()
    assert block[:, 1:4].any()


def fit_feature(tmp_path, columns, **options):
    products = products_of(TITLES, TYPES)
    training = Training(products, np.arange(7), LENGTHS[:7], columns, {}, ArtefactStore(tmp_path))
    return TermsOptions(min_rows=2, **options).fit(training)


def test_the_feature_reads_titles_and_types_of_training_rows(tmp_path):
    feature, column = fit_feature(tmp_path, {"types": np.zeros(8)})
    index = fitted(TITLES[:7], TYPES[:7], LENGTHS[:7], top_k=8)
    np.testing.assert_array_equal(column, index.encode(pa.array(TITLES), pa.array(TYPES)))
    assert column[:, 0].any()
    for found, wanted in zip(
        feature.members, index.members(*map(pa.array, (TITLES[:7], TYPES[:7]))), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    assert not fit_feature(tmp_path, {})[1][:, 0].any()  # types are no feature


def test_few_training_rows_are_not_counted_and_that_is_said(tmp_path, caplog):
    caplog.set_level("INFO")
    assert fit_feature(tmp_path, {}, min_train_rows=8) is None
    assert "7 training rows are fewer than features.terms.min_train_rows=8" in caplog.text
