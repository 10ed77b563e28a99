"""What is wrong with a catalogue is found, named and counted."""

import pytest
from builders import job

from product_length.profiling.config import ProfileJob
from product_length.profiling.profile import profile_catalogue


def texts(findings, about):
    return [each.text for each in findings if each.about == about]


def test_rows_are_counted_by_reason_with_examples(profile, planted):
    rows = profile.rows
    assert (rows.read, rows.kept) == (len(planted.rows) + 68, len(planted.rows))
    dropped = {each.reason: (each.rows, each.examples) for each in rows.dropped}
    assert dropped == {
        "missing length": (25, ()),
        "length is not a number": (40, ("0 boxes", "1 boxes", "2 boxes")),
        "length is not positive": (1, ("0",)),
        "no text": (1, ()),
        "repeated product id": (1, ("p0",)),
    }


def test_dropped_rows_are_said_and_the_many_are_a_fault(findings, profile):
    said = {each.text: each for each in findings if each.about == "rows"}
    many = [each for each in said.values() if "not a number" in each.text]
    assert many[0].is_fault
    assert "such as '0 boxes'" in many[0].text
    assert many[0].settings == ("data.unit=cell",)
    assert any("no length: those that are to be predicted" in text for text in said)
    one = next(each for text, each in said.items() if "repeated product id" in text)
    assert not one.is_fault


def test_a_pile_of_unit_slips_is_named(profile, findings):
    found = [slip for slip in profile.stated.slips if slip.stands_out]
    assert [slip.factor for slip in found] == [1 / 2.54]
    assert found[0].rows == 40
    example = found[0].examples[0]
    assert example.product_id == "p800"
    assert example.stated / example.length == pytest.approx(2.54, rel=1e-3)
    (said,) = texts(findings, "unit")
    assert "1/2.54 of a stated one" in said
    assert "inches taken for centimetres" in said
    assert "Product p800 states" in said


def test_without_slips_no_pile_is_named(planted, tmp_path):
    """The same catalogue without the planted rows."""
    from profiled import profile_of

    path = tmp_path / "sound.csv"
    lines = planted.path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:801]), encoding="utf-8")
    sound = profile_of(path)
    assert sound.stated.stating == 200
    assert sound.stated.is_label == 200
    assert not [slip for slip in sound.stated.slips if slip.stands_out]


def test_repeated_texts_and_the_floor_they_set(profile, findings, planted):
    figures = profile.repeats
    assert (figures.rows, figures.texts, figures.disagreeing) == (60, 30, 1.0)
    assert figures.ratio == pytest.approx(3)
    # Of 200 and 600 the best answer is 200: errors 0 and 2/3.
    assert figures.floor == pytest.approx(30 * (2 / 3) / len(planted.rows))
    assert figures.floor_repeated == pytest.approx(1 / 3)
    assert figures.examples[0].lengths == (200.0, 600.0)
    (said, *_) = texts(findings, "repeats")
    assert "share their whole text" in said
    assert f"below {100 * figures.floor:.1f}%" in said


def test_near_repeats_and_their_disagreement(profile):
    figures = profile.near_repeats
    assert figures.searched == figures.texts
    assert figures.found == 80
    assert figures.same_numbers == 80
    assert figures.disagreeing == 1.0
    assert figures.ratio == pytest.approx(1.5)
    assert set(figures.examples[0].lengths) == {300.0, 450.0}


def test_languages_are_told(profile, findings):
    languages = profile.texts.languages
    assert languages["German"] == pytest.approx(100, abs=15)
    assert languages["English"] >= 100
    assert any("German" in text and "distiluse" in text for text in texts(findings, "languages"))


def test_what_encoders_cut_is_told_with_the_setting(profile, findings):
    cuts = {cut.encoder: cut for cut in profile.texts.cuts}
    long = 80 / profile.rows.kept
    assert cuts["minilm"].cut == pytest.approx(long)
    assert cuts["distiluse"].cut == pytest.approx(long)
    assert cuts["e5small"].cut == 0
    assert all(cut.estimated for cut in cuts.values())
    (finding,) = [each for each in findings if each.about == "words"]
    assert "no tokenizer is on this machine" in finding.text
    assert "embeddings.encoders.minilm.max_seq_length=320" in finding.settings


def test_round_lengths_are_seen(profile, findings):
    grids = {grid.name: grid for grid in profile.lengths.grids}
    assert grids["whole centimetres"].share > 0.45
    assert grids["whole centimetres"].by_chance < 0.05
    assert any("whole centimetres" in text for text in texts(findings, "lengths"))


def test_tiny_lengths_that_decide_mape_are_said(profile, findings):
    (said,) = [each for each in findings if each.about == "MAPE"]
    tiny = next(band for band in profile.mape.bands if band.name == "<40")
    assert tiny.rows == 20
    assert tiny.weight > 0.7
    assert said.settings == ("data.min_length=40",)


def test_the_slips_of_the_demo_catalogue_are_found(tmp_path):
    """Of its labels 1.6% are divided by 2.54, 1.2% multiplied (`demo.labels`), and none by 25.4."""
    words = ["data.rows=8000", f"cache_dir={tmp_path}", "output=unused", "embeddings=lsa"]
    stated = profile_catalogue(job("profile", ProfileJob, *words)).stated
    slips = {slip.factor: slip for slip in stated.slips}
    assert slips[1 / 2.54].rows == pytest.approx(0.016 * stated.stating, rel=0.4)
    assert slips[2.54].rows == pytest.approx(0.012 * stated.stating, rel=0.4)
    found = {factor for factor, slip in slips.items() if slip.stands_out}
    assert found >= {2.54, 1 / 2.54}
    assert found <= {2.54, 1 / 2.54, 10.0, 1 / 10}
